"""Two training processes on one machine, joined as Slurm's would be, but for a scontrol that names this host.

They detect whether several processes give the result of one and stop and resume together; not what Slurm, a network or
a GPU may do to them.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training_runs import arguments, lines_of, settings, write_inputs

SETTINGS = settings(epochs_adabelief=30, batch_per_device=2)
BROKEN = """
import sys
from cgpipe.stage import run
from cgpipe.train import main
from cgpipe.training.feed import Feed
sound = Feed.at
def at(self, step, *part):
    if step == 20:
        raise RuntimeError("no frames any more")
    return sound(self, step, *part)
Feed.at = at
sys.exit(run(main))
"""
HELD_OUT = ("val_mse", "test_mse", "test_prior_mse")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_inputs(folder, chains=1)
    return folder


@pytest.fixture
def start(data, tmp_path):
    """Starts one process, or two that share the work, writing to ``tmp_path``."""
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text("#!/bin/sh\necho localhost\n")
    scontrol.chmod(0o755)
    running = []

    def started(processes: int, devices: int, broken: int | None = None) -> list[subprocess.Popen]:
        with socket.socket() as probe:
            probe.bind(("", 0))
            port = min(probe.getsockname()[1], 64000)
        command = arguments(data, tmp_path, chosen=SETTINGS)
        if processes > 1:
            command += ["--nodes", str(processes), "--gpus-per-node", str(devices), "--coordinator-port", str(port)]
        for rank in range(processes):
            environment = os.environ | {
                "PATH": f"{scontrol.parent}{os.pathsep}{os.environ['PATH']}",
                "JAX_PLATFORMS": "cpu",
                "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
                "SLURM_JOB_ID": "1000",
                "SLURM_PROCID": str(rank),
                "SLURM_NTASKS": str(processes),
                "SLURM_JOB_NODELIST": "localhost",
            }
            program = ["-c", BROKEN] if rank == broken else ["-m", "cgpipe.train"]
            running.append(
                subprocess.Popen(
                    [sys.executable, *program, *command], env=environment, stderr=subprocess.PIPE, text=True
                )
            )
        return running[-processes:]

    yield started
    for process in running:
        process.kill()
        process.communicate()


def finish(processes: list[subprocess.Popen]) -> list[int]:
    """Exit codes; messages go to the test's output."""
    for process in processes:
        print(process.communicate(timeout=600)[1])
    return [process.returncode for process in processes]


def test_two_processes_agree_with_one_and_resume_together(start, tmp_path):
    """Stopped by a signal to one of them, both leave with 85; started again, they end where one process with two
    devices ends."""
    both = start(2, 1)
    while all(process.poll() is None for process in both) and not list(tmp_path.glob("checkpoint/*/step-*")):
        time.sleep(0.01)
    both[1].send_signal(signal.SIGTERM)
    assert finish(both) == [85, 85]
    assert not (tmp_path / "model.eqx").exists()
    assert finish(start(2, 1)) == [0, 0]
    together = lines_of(tmp_path)
    for checkpoint in tmp_path.glob("checkpoint/*/step-*"):
        checkpoint.unlink()
    assert finish(start(1, 2)) == [0]
    alone = lines_of(tmp_path)
    assert len(together) == len(alone)
    assert together[-2]["step"] >= 50
    for one, other in zip(alone[2:-1], together[2:-1], strict=True):
        for key in ("train_mse", "val_mse"):
            np.testing.assert_allclose(other[key], one[key], rtol=1e-5)
    for key in HELD_OUT:
        np.testing.assert_allclose(together[-1][key], alone[-1][key], rtol=1e-5)


def test_an_error_in_one_process_ends_all(start, tmp_path):
    """A process that breaks in the middle of the training takes the other with it, instead of leaving it to wait."""
    sound, broken = start(2, 1, broken=1)
    _, messages = broken.communicate(timeout=600)
    assert broken.returncode == 1
    assert "RuntimeError: no frames any more" in messages
    print(sound.communicate(timeout=90)[1])
    assert sound.returncode not in (0, 85)
    assert not (tmp_path / "model.eqx").exists()
