"""The whole line in miniature: real data, real training, real LAMMPS, from trajectories to the report."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

PATIENCE = 600


@pytest.fixture
def line(checkout):
    """A checkout with the miniature's configuration."""
    for name in ("mini.yaml", "mini_proteins.yaml"):
        copy = checkout.path / "tests" / "workflow" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(Path(__file__).with_name(name).read_text())
    return checkout.path


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """``snakemake`` as a user types it, and the file with all that it prints; it has ended when the block ends."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--cores", "2"]
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / ".cache")}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # as in all tests
    printed = folder / "printed.txt"
    with (
        printed.open("w") as out,
        subprocess.Popen(
            [*command, "--configfile", "tests/workflow/mini.yaml"], cwd=folder, env=environment, stdout=out, stderr=out
        ) as process,
    ):
        yield process, printed
        process.wait(timeout=PATIENCE)


def kill_training(snakemake: subprocess.Popen[bytes], checkpoints: Path) -> bool:
    """SIGKILL to the training of this seed, once it has written a checkpoint; False if everything ended before."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and snakemake.poll() is None:
        written = any(checkpoints.glob("*/step-*"))
        for process in psutil.Process(snakemake.pid).children(recursive=True) if written else []:
            command = process.cmdline()
            # the launcher's command line ends with the training's own
            if command[1:3] != ["-m", "cgpipe.train"]:
                continue
            if str(checkpoints).endswith(command[command.index("--checkpoints") + 1]):
                process.send_signal(signal.SIGKILL)
                return True
        time.sleep(0.05)
    return False


def test_line_survives_a_killed_training_and_ends_with_a_report(line):
    """Detects a stage that cannot read what another wrote, and a retry that starts anew; says nothing about quality."""
    results = line / "results" / "mini"
    with running(line) as (first, printed):
        killed = kill_training(first, results / "train" / "seed-0" / "checkpoint")
    assert killed, printed.read_text()
    assert first.returncode != 0, printed.read_text()
    assert not (results / "train" / "seed-0" / "model.eqx").exists()

    with running(line) as (second, printed):
        pass
    assert second.returncode == 0, printed.read_text()
    assert "resuming at step" in (results / "log" / "train" / "seed-0.log").read_text()

    summary = json.loads((results / "summary.json").read_text())
    assert summary["parity_max_rel_error"] <= 1e-5
    assert summary["replicas"] == 4
    assert set(summary["proteins"]) == {"cln025", "trpcage"}
    for protein in summary["proteins"].values():
        assert protein["prior_force_r2"] > 0.3
        assert protein["projection_rms_heldout"] < 20
    assert {"project", "dataset", "prior", "train", "export", "simulate", "validate", "stability"} <= set(
        summary["wall_seconds"]
    )
    for name in ("report.html", "export/best/model.mlir", "simulate/trpcage/best/1/traj.dcd"):
        assert (results / name).stat().st_size > 0

    with running(line) as (third, printed):
        pass
    assert third.returncode == 0, printed.read_text()
    assert "Nothing to be done" in printed.read_text()
