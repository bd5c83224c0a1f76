"""One process per node under Slurm: joining them, agreeing to stop, ending without hanging.

The coordinator is the first host of the allocation under its full name, at base port + job number % 1000. Devices are
given explicitly, because automatic detection assumes one device per task. The handler of SIGTERM is installed after
joining, which would replace it. A process that fails leaves at once: the exit barrier would hold it for minutes.
"""

import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from cgpipe.errors import UserError
from cgpipe.training.rendezvous import meet

JOIN_SECONDS = 120
SILENT_SECONDS = 20
"""After so long without a sign of life of one process, all others end."""

STOPPED = 85
"""Exit code of a training that stopped at a signal, with a checkpoint."""


class Cluster(NamedTuple):
    """How the processes of one training find each other."""

    nodes: int = 1
    gpus_per_node: int = 1
    coordinator_port: int = 29400
    fqdn_suffix: str = ""


def join(cluster: Cluster) -> None:
    """Join the other nodes' processes; nothing to do on one node.

    Raises:
        UserError: not inside a Slurm step with one task per node, the processes cannot meet, or the devices do not
            add up.
    """
    if cluster.nodes == 1:
        return
    missing = [n for n in ("SLURM_JOB_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_NODELIST") if n not in os.environ]
    if missing:
        raise UserError(f"--nodes {cluster.nodes} needs a Slurm step, but {missing[0]} is not set; use --nodes 1 here")
    tasks = int(os.environ["SLURM_NTASKS"])
    if tasks != cluster.nodes:
        raise UserError(f"--nodes {cluster.nodes}, but the Slurm step has {tasks} tasks; start one task per node")
    address, rank = _coordinator(cluster), int(os.environ["SLURM_PROCID"])
    meet(address, rank, JOIN_SECONDS)
    try:
        jax.distributed.initialize(
            coordinator_address=address,
            num_processes=tasks,
            process_id=rank,
            local_device_ids=list(range(cluster.gpus_per_node)),
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=SILENT_SECONDS,
        )
    except RuntimeError as error:
        raise UserError(f"process {rank} of {tasks} cannot join {address}: {str(error).splitlines()[0]}") from None
    print(
        f"process {jax.process_index()} of {jax.process_count()} on {socket.gethostname()}: "
        f"{jax.local_device_count()} of {jax.device_count()} devices, coordinator {address}",
        file=sys.stderr,
        flush=True,
    )
    expected = cluster.nodes * cluster.gpus_per_node
    if jax.device_count() != expected:
        raise UserError(
            f"{jax.device_count()} devices in all, expected {cluster.nodes} nodes × {cluster.gpus_per_node}; "
            "check cluster.gpus_per_node and that jax is installed with CUDA on every node"
        )


def _coordinator(cluster: Cluster) -> str:
    """host:port of the first process."""
    command = ["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    name = socket.getfqdn(first)
    if "." not in name:
        name += cluster.fqdn_suffix
    return f"{name}:{cluster.coordinator_port + int(os.environ['SLURM_JOB_ID']) % 1000}"


def is_writer() -> bool:
    """True in the one process that writes files and progress."""
    return jax.process_index() == 0


def agree_on(step: int) -> None:
    """Raise UserError unless all processes found the same checkpoint."""
    if jax.process_count() > 1:
        steps = multihost_utils.process_allgather(np.asarray(step)).ravel().tolist()
        if len(set(steps)) > 1:
            raise UserError(
                f"the nodes see checkpoints of different steps ({steps}); "
                "results must be on a file system that all nodes share"
            )


class StopSignal:
    """Remembers SIGTERM while its block runs; to be entered after joining. After an agreement to stop, a further one is
    ignored: the process is on its way out, and its exit code tells the launcher to requeue.
    """

    EVERY = 10
    """Steps between the agreements of several processes."""

    def __enter__(self) -> "StopSignal":
        self._received = self._leaving = False
        self._previous = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if self._leaving else self._previous)

    def _receive(self, number: int, frame: object) -> None:
        self._received = True

    def agreed(self, step: int) -> bool:
        """True in all processes at the same step, once any of them got the signal."""
        if jax.process_count() == 1:
            self._leaving = self._received
        elif step % self.EVERY == 0:
            self._leaving = bool(np.any(multihost_utils.process_allgather(np.asarray(self._received))))
        return self._leaving


@contextmanager
def leaving_at_once_on_error() -> Iterator[None]:
    """End this process hard on any error when there are others, which would wait for it in vain."""
    try:
        yield
    except BaseException as error:
        if jax.process_count() == 1:
            raise
        if isinstance(error, UserError):
            print(f"error: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(2 if isinstance(error, UserError) else 1)
