"""Training step and inference of the network against nequip-allegro with the same hyperparameters.

    python benchmarks/model.py --peer-python .venv-peer/bin/python [--sizes bench-small] [--beads 10 50] [--repeats 5]

A training step is forward pass, forces, and gradient of the mean squared force with respect to all weights; inference
is energies and forces. They are timed in turns, each of calls one after the other as in training, with a rest between:
threads of the peer spin for a while after its last call, on a processor that is then not ours. The smallest of the
repeats counts. On one thread seconds of processor time are compared, so that other load on the machine matters little;
on all processors (``--all-processors``) seconds, of a batch as much larger, whose frames our devices share as in
training, while the peer's threads share each operation. Ours includes the neighbour search and the slots that the
busiest frame needs; the peer is given its edges. Memory comes in large pages, as for the workflow's jobs; the peer gets
them too, or (``--peer-as-it-comes``) what it would have without cgpipe's setting. ``GLIBC_TUNABLES= python …`` takes
them from both. Peer modes: eager, with one weight per path and channel as here (``coupled``) and with one per path
(``plain``). Also printed: work done per second as a share of what a product of float32 matrices reaches here, time to
compile, and memory of one step.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__" and "GLIBC_TUNABLES" not in os.environ:  # is read when a process starts; the peer inherits it
    KEPT = ("hugetlb=1", "mmap_max=0", "trim_threshold=4000000000", "top_pad=67108864")  # as the workflow's jobs
    os.environ["GLIBC_TUNABLES"] = ":".join(f"glibc.malloc.{setting}" for setting in KEPT)
    os.execv(sys.executable, sys.orig_argv)
PROCESSORS = len(os.sched_getaffinity(0)) if "--all-processors" in sys.argv else 1
# before JAX starts: a device for every processor
os.environ["JAX_NUM_CPU_DEVICES"] = str(PROCESSORS)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")
if PROCESSORS == 1:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import equinox as eqx  # noqa: E402 - the flags above come first
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.flatten_util import ravel_pytree  # noqa: E402
from jax.sharding import PartitionSpec  # noqa: E402
from peer import PeerProcess, peer_model  # noqa: E402
from structures import chain_topology, compact_chain  # noqa: E402

from cgpipe.data.statistics import Moments, neighbour_counts  # noqa: E402
from cgpipe.data.topology import Topology  # noqa: E402
from cgpipe.model.allegro import Allegro, AllegroSettings  # noqa: E402
from cgpipe.model.potential import Potential  # noqa: E402
from cgpipe.model.presets import PRESETS, Sizes  # noqa: E402
from cgpipe.training.devices import FRAMES, data_mesh, replicated, spread  # noqa: E402

TYPES, CUTOFF = 20, 12.0
BENCH = {  # name → (l_max, tensor channels, sizes)
    "bench-small": (1, 8, Sizes(layers=2, radial=8, embed=(32, 32), mlp_width=32, mlp_depth=2, readout=32)),
    "bench-default": (2, 32, Sizes(layers=3, radial=8, embed=(64, 64), mlp_width=128, mlp_depth=3, readout=64)),
    **{name: (2, 32, sizes) for name, sizes in PRESETS.items()},
}
EDGES_PER_CALL = 2000
TURN = 0.5
"""Seconds of calls one after the other, as in training; what a turn says is their mean."""
REST = 0.3
"""Seconds between turns: OpenMP's threads, which the peer has, spin for a while after the last call."""
CLOCK = "cpu" if PROCESSORS == 1 else "wall"


def now() -> float:
    """Seconds by the clock that is compared."""
    return time.process_time() if CLOCK == "cpu" else time.perf_counter()


def settings_of(name: str, mean_neighbours: float) -> AllegroSettings:
    """A network by its name in ``BENCH``."""
    l_max, channels, sizes = BENCH[name]
    return AllegroSettings(sizes, l_max, channels, TYPES, CUTOFF, mean_neighbours, energy_scale=1.0)


class Ours:
    """Compiled training step and inference for a batch of frames."""

    def __init__(self, settings: AllegroSettings, R: np.ndarray, slots: int):
        beads, mesh = R.shape[1], data_mesh(jax.devices())
        potential = Potential(None, eqx.filter_jit(Allegro)(settings, jax.random.key(0)), CUTOFF, slots)
        each = len(R) // PROCESSORS
        topology = Topology(*(jnp.stack([field] * each) for field in chain_topology(beads, TYPES)))
        parameters, fixed = eqx.partition(potential, eqx.is_inexact_array)
        self._parameters = jax.device_put(parameters, replicated(mesh))
        self._R = jax.device_put(R, spread(mesh))

        def evaluation(parameters: Any, R: jax.Array) -> Any:
            return eqx.combine(parameters, fixed).evaluate_many(R, topology)

        def inference(parameters: Any, R: jax.Array) -> Any:
            found = evaluation(parameters, R)
            return found.bead_energies, found.forces

        def training(parameters: Any, R: jax.Array) -> Any:
            gradient = jax.grad(lambda p: jnp.mean(evaluation(p, R).forces ** 2))(parameters)
            flat, as_it_was = ravel_pytree(gradient)  # as in training
            return as_it_was(jax.lax.pmean(flat, FRAMES))

        self._compiled, self.compile_seconds = {}, {}
        whole, divided = PartitionSpec(), PartitionSpec(FRAMES)
        for name, function, out in (("training", training, whole), ("inference", inference, divided)):
            shared = jax.shard_map(function, mesh=mesh, in_specs=(whole, divided), out_specs=out, check_vma=False)
            begun = now()
            self._compiled[name] = jax.jit(shared).lower(self._parameters, self._R).compile()
            self.compile_seconds[name] = now() - begun

    def time(self, what: str) -> float:
        """Seconds of one call, of many one after the other."""
        self._call(what)
        begun, end, calls = now(), time.perf_counter() + TURN, 0
        while not calls or time.perf_counter() < end:
            self._call(what)
            calls += 1
        return (now() - begun) / calls

    def _call(self, what: str) -> None:
        jax.block_until_ready(self._compiled[what](self._parameters, self._R))

    def work(self, what: str) -> float:
        """Floating-point operations, as the compiler counts them for a device (empty slots included)."""
        return PROCESSORS * self._compiled[what].cost_analysis()["flops"]

    def memory(self) -> float:
        """Temporary memory of one training step [MB]."""
        return PROCESSORS * self._compiled["training"].memory_analysis().temp_size_in_bytes / 1e6


def matmul_peak() -> float:
    """Floating-point operations per second of a float32 matrix product on each processor."""
    n = 1024
    product = jax.jit(jnp.matmul).lower(*[jax.ShapeDtypeStruct((n, n), jnp.float32)] * 2).compile()
    a, seconds = jnp.ones((n, n)), []
    for _ in range(5):
        begun = now()
        product(a, a).block_until_ready()
        seconds.append(now() - begun)
    return PROCESSORS * 2.0 * n**3 / min(seconds)


def compare(name: str, beads: int, peer: PeerProcess | None, repeats: int, peak: float, folder: Path) -> None:
    """Print one row per mode for one network and length."""
    different = max(8, EDGES_PER_CALL // (8 * beads))  # beads of the shortest chains have 8 neighbours
    R = np.stack([compact_chain(beads, seed) for seed in range(different)])
    counts = Moments()
    neighbours = neighbour_counts(R, CUTOFF)
    counts.add(R, np.ones(len(R), bool), neighbours)
    each = max(1, min(len(R), round(EDGES_PER_CALL / neighbours.sum(1).mean())))
    # every device gets the same frames, so that nothing but the number of devices changes with it
    R, slots, frames = np.concatenate([R[:each]] * PROCESSORS), min(beads - 1, counts.max_slots), each * PROCESSORS
    ours = Ours(settings_of(name, counts.mean_neighbours), R, slots)
    kinds: dict[str, bool] = {} if peer is None else {"coupled": True, "plain": False}
    np.savez(folder / "frames.npz", R=R, species=chain_topology(beads, TYPES).species, cutoff=CUTOFF)
    for what in ("training", "inference"):
        seconds = {"ours": min(ours.time(what) for _ in range(3))}
        ratios = {}
        for kind, coupling in kinds.items():
            assert peer is not None
            peer("build", model=peer_model(settings_of(name, counts.mean_neighbours), "float32", coupling))
            peer("frames", file=str(folder / "frames.npz"))
            peer("time", what=what, least=0)
            turns = []
            for _ in range(repeats):
                time.sleep(REST)
                mine = ours.time(what)
                time.sleep(REST)
                turns.append((mine, peer("time", what=what, least=TURN)[CLOCK]))
            mine, theirs = (min(column) for column in zip(*turns, strict=True))
            seconds["ours"] = min(seconds["ours"], mine)
            ratios[kind] = theirs / mine
        print(
            f"{name:13} {what:9} {beads:5} beads × {frames}  {1e3 * seconds['ours'] / frames:8.2f} ms/frame"
            f"  {ours.work(what) / seconds['ours'] / peak:4.0%} of peak  compiled {ours.compile_seconds[what]:5.1f} s"
            + "".join(f"  {kind} peer {ratio:5.2f}×" for kind, ratio in ratios.items())
            + (f"  {ours.memory():.0f} MB" if what == "training" else ""),
            flush=True,
        )


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--peer-python", type=Path, help="interpreter with nequip-allegro and torch; without: ours only"
    )
    arguments.add_argument("--sizes", nargs="+", choices=BENCH, default=["bench-small", "bench-default"])
    arguments.add_argument("--beads", nargs="+", type=int, default=[10, 50, 100, 250])
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--all-processors", action="store_true", help="not one thread")
    arguments.add_argument("--peer-as-it-comes", action="store_true", help="the peer without large pages")
    chosen = arguments.parse_args()
    if chosen.peer_as_it_comes:
        del os.environ["GLIBC_TUNABLES"]  # has done its work for this process
    peer = PeerProcess(chosen.peer_python, PROCESSORS) if chosen.peer_python else None
    peak = matmul_peak()
    print(
        f"{PROCESSORS} thread(s), {CLOCK} time; float32 matrix product {peak / 1e9:.0f} GFLOP/s; jax {jax.__version__}"
    )
    print(f"jax {jax.__version__}; ratio: their time / ours")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.sizes:
            for beads in chosen.beads:
                compare(name, beads, peer, chosen.repeats, peak, Path(folder))
    if peer:
        peer.close()


if __name__ == "__main__":
    main()
