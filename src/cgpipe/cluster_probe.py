"""What one process of a training job sees: host, versions, shared files, the other processes, devices.

``cgpipe cluster-check`` starts it through the launcher, once per node. It prints JSON lines that begin with its rank:
what it knows at once first, then what joining the others showed, so that a failure leaves the first half.
"""

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

import jax
import jax.numpy as jnp
import numpy as np

from cgpipe import __version__
from cgpipe.artefact import atomic
from cgpipe.errors import UserError
from cgpipe.stage import run
from cgpipe.training.devices import data_mesh, spread
from cgpipe.training.distributed import Cluster, join, leaving_at_once_on_error

SHARED_SECONDS = 60.0
"""Patience with a file system that shows another node's file late."""

SIMULATED = "xla_force_host_platform_device_count"


def main(argv: Sequence[str]) -> int:
    """Look around and print what there is."""
    parser = argparse.ArgumentParser(prog="python -m cgpipe.cluster_probe", description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="file that the first process writes, others read")
    parser.add_argument("--devices", type=int, required=True, help="GPUs that this node should have; 0: any CPU")
    alone = Cluster()
    parser.add_argument("--nodes", type=int, default=alone.nodes)
    parser.add_argument("--gpus-per-node", type=int, default=alone.gpus_per_node)
    parser.add_argument("--coordinator-port", type=int, default=alone.coordinator_port)
    parser.add_argument("--fqdn-suffix", default=alone.fqdn_suffix)
    parsed = parser.parse_args(argv)
    cluster = Cluster(parsed.nodes, parsed.gpus_per_node, parsed.coordinator_port, parsed.fqdn_suffix)
    with leaving_at_once_on_error():
        probe(cluster, parsed.devices, parsed.shared)
    return 0


def probe(cluster: Cluster, wanted: int, shared: Path) -> None:
    """Print what this process sees of the nodes.

    Raises:
        UserError: no shared file system, no way to the other processes, or devices that are missing or do not add up.
    """
    rank = int(os.environ.get("SLURM_PROCID", 0)) if cluster.nodes > 1 else 0
    host = socket.getfqdn()
    _say(
        rank,
        host=host,
        address=_address(host),
        cores=len(os.sched_getaffinity(0)),
        python=python_version(),
        cgpipe=__version__,
        jax=jax.__version__,
        cuda=_cuda_plugin(),
    )
    _say(rank, shared=f"{_see(shared, rank):.1f} s")
    begun = time.monotonic()
    join(cluster)
    if cluster.nodes > 1:
        _say(rank, joined=f"{time.monotonic() - begun:.1f} s")
    devices = jax.local_devices()
    _say(rank, devices=f"{len(devices)} × {devices[0].device_kind}", memory=_memory(devices[0]))
    _require_devices(wanted, devices)
    _say(rank, sum=f"{_sum_over_all():.0f} of {jax.device_count()}")


def _say(rank: int, **facts: object) -> None:
    print(json.dumps({"rank": rank, **facts}), flush=True)


def _address(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except socket.gaierror:
        return "unknown"


def _cuda_plugin() -> str:
    try:
        return version("jax-cuda12-plugin")
    except PackageNotFoundError:
        return "none"


def _memory(device: jax.Device) -> str:
    limit = (device.memory_stats() or {}).get("bytes_limit")
    return f"{limit / 2**30:.0f} GiB" if limit else "unknown"


def _see(shared: Path, rank: int) -> float:
    """Seconds until the first process's file is here; its text tells it from that of an earlier job."""
    text = f"job {os.environ.get('SLURM_JOB_ID', 'none')}, {os.environ.get('SLURM_RESTART_COUNT', 0)} restarts\n"
    begun = time.monotonic()
    if rank == 0:
        with atomic(shared) as temporary:
            temporary.write_text(text)
    while not shared.exists() or shared.read_text() != text:
        if time.monotonic() > begun + SHARED_SECONDS:
            raise UserError(
                f"{socket.gethostname()} does not see {shared.absolute()}, which another node wrote, within "
                f"{SHARED_SECONDS:.0f} s; run from a folder on a file system that all nodes share"
            )
        time.sleep(0.1)
    return time.monotonic() - begun


def _require_devices(wanted: int, devices: list[jax.Device]) -> None:
    if wanted and len(devices) != wanted:
        raise UserError(
            f"{socket.gethostname()} has {len(devices)} devices, cluster.gpus_per_node is {wanted}; ask Slurm for what "
            "the nodes have, and check that CUDA_VISIBLE_DEVICES is not set by the login shell"
        )
    if wanted and devices[0].platform == "cpu" and SIMULATED not in os.environ.get("XLA_FLAGS", ""):
        raise UserError(
            f"JAX finds no GPU on {socket.gethostname()}, cluster.gpus_per_node is {wanted}; install with "
            "`make setup EXTRA=cuda12`, and see that `nvidia-smi` works in a job there"
        )


def _sum_over_all() -> float:
    """1 from each device, added up by the collective that gradients go through."""
    mesh = data_mesh(jax.devices())
    ones = jax.make_array_from_callback((mesh.size,), spread(mesh), lambda where: np.ones(mesh.size, np.float32)[where])
    total = float(jax.jit(jnp.sum)(ones))
    if total != mesh.size:
        raise UserError(f"1 from each of {mesh.size} devices adds up to {total}; the collectives are broken here")
    return total


if __name__ == "__main__":
    sys.exit(run(main))
