"""The train stage as processes of its own, and what they leave behind."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cgpipe.config.slices import TrainSettings

STAGE = (sys.executable, "-m", "cgpipe.train")


@contextmanager
def training(data: Path, chosen: TrainSettings) -> Iterator[subprocess.Popen[bytes]]:
    """The train stage as a process of its own, beside the dataset; killed if it still runs at the end of the block."""
    with subprocess.Popen([*STAGE, *arguments_of(data, chosen, data)], stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def joined_training(
    data: Path, chosen: TrainSettings, out: Path, processes: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The train stage as several processes of one device each, joined as Slurm's would be; killed likewise."""
    scontrol = out / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text("#!/bin/sh\necho localhost\n")
    scontrol.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = min(probe.getsockname()[1], 64000)
    nodes = [*("--nodes", str(processes)), *("--gpus-per-node", "1"), *("--coordinator-port", str(port))]
    step = {"SLURM_JOB_ID": "1000", "SLURM_NTASKS": str(processes), "SLURM_JOB_NODELIST": "localhost"}
    step |= {"PATH": f"{scontrol.parent}{os.pathsep}{os.environ['PATH']}", "JAX_PLATFORMS": "cpu"}
    command = [*STAGE, *arguments_of(data, chosen, out), *(nodes if processes > 1 else [])]
    with ExitStack() as closing:
        ranks = []
        for rank in range(processes):
            environment = os.environ | step | {"SLURM_PROCID": str(rank)}
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            closing.enter_context(process)
            closing.callback(process.kill)
            ranks.append(process)
        yield ranks


def arguments_of(data: Path, chosen: TrainSettings, out: Path) -> list[str]:
    """The stage's command line for the dataset in ``data``."""
    return [
        *("--settings", chosen.model_dump_json(by_alias=True), "--seed", "0"),
        *("--dataset", str(data / "dataset.h5"), "--prior", __file__),  # of an unused prior only the hash is taken
        *("--out", str(out / "model.eqx"), "--metrics", str(out / "metrics.jsonl")),
        *("--checkpoints", str(out / "checkpoint")),
    ]


def epochs(folder: Path) -> list[dict[str, Any]]:
    """Lines of the epochs in a run's metrics."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "epoch" in line]


def digest(folder: Path) -> str:
    """Hash of a run's model file."""
    return hashlib.sha256((folder / "model.eqx").read_bytes()).hexdigest()
