"""Steps per second of the engines that run replicas, beside the bare compiled program.

    python benchmarks/dynamics.py [--beads 10 50 100 250 500] [--copies 1 10 100] [--rounds 5]
                                  [--engines bare lammps native jax]

The model is the untrained ``bench-small`` of ``benchmarks/model.py`` (l_max 1, 2 layers, 32 scalars, 8 tensor channels,
12 Å) on made-up compact chains, cold, so that they keep their shape. Engines take turns; the best of the rounds counts.

- ``bare``: the exported program called again and again with the same positions, nothing else.
- ``lammps``: LAMMPS with the exported program through ``fix external``, as the simulate stage runs it.
- ``native``: plain LAMMPS with the pair style; copies of the chain are in one system, each at a place of its own, and
  the program is the chain's.
- ``jax``: all replicas in one compiled loop, as the simulate stage runs it; ``outside`` is the share of its time that a
  loop of the energy function alone does not take. Devices: JAX_NUM_CPU_DEVICES=2 deals the replicas to two cores.

``ratio`` is time per step and copy over that of ``bare`` in the same round: the median of the rounds.
"""

import argparse
import math
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.sharding import PartitionSpec as P
from structures import chain_topology, compact_chain

from cgpipe.artefact import header, write_json
from cgpipe.data.species import vocabulary
from cgpipe.data.statistics import Moments, neighbour_counts
from cgpipe.data.topology import Topology
from cgpipe.deploy.metadata import describe_programs, file_stem
from cgpipe.deploy.packed import packed
from cgpipe.deploy.program import ChainProgram
from cgpipe.deploy.stablehlo import export_potential, write_program
from cgpipe.dynamics.batch import AXIS, Dynamics
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.lammps.input import input_text, native_force_field
from cgpipe.dynamics.lammps.native import current_plugin, lammps_program, pjrt_library
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.dynamics.lammps.run_native import timing
from cgpipe.dynamics.lammps.system import write_data
from cgpipe.dynamics.plans import Plan
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes

TYPES, CUTOFF = 20, 12.0
BENCH_SMALL = Sizes(layers=2, radial=8, embed=(32, 32), mlp_width=32, mlp_depth=2, readout=32)
TEMPERATURE = 10.0
SECONDS = 1.0
"""Time of one turn of one engine."""
EVERY = 250
APART = 100.0
"""Distance of copies [Å]."""
MANY = ("native", "jax")
"""Engines that can run many copies."""


class Case:
    """One chain and its model, in all the forms that engines take."""

    def __init__(self, beads: int):
        self.beads = beads
        self.R = compact_chain(beads, 0).astype(np.float64)
        self.topology = chain_topology(beads, TYPES)
        counts = Moments()
        frame = self.R[None].astype(np.float32)
        counts.add(frame, np.ones(1, bool), neighbour_counts(frame, CUTOFF))
        slots = min(beads - 1, -(-counts.max_slots * 5 // 4))
        settings = AllegroSettings(BENCH_SMALL, 1, 8, TYPES, CUTOFF, counts.mean_neighbours, energy_scale=1.0)
        network = eqx.filter_jit(Allegro)(settings, jax.random.key(0))
        self.potential = Potential(None, network, CUTOFF, slots)
        self.call = jax.jit(export_potential(self.potential, beads, ("cpu",)).exported.call)
        self.names = vocabulary("residues")
        self.masses = np.array(self.names.masses)[self.topology.species]
        lengths = np.linalg.norm(np.diff(self.R, axis=0), axis=1)
        self.bonds = BondWatch(
            np.ones(beads - 1, bool), lengths, np.inf
        )  # a chain without a prior has no bonds to hold

    def plan(self, steps: int, replica: int = 0) -> Plan:
        """A cold run."""
        return Plan("benchmark", TEMPERATURE, 4.0, steps, EVERY, 1.0, 1 + replica, 1001 + replica)


class Turn(NamedTuple):
    """Seconds that so many steps took, and the share of them outside the model where the engine knows it."""

    seconds: float
    outside: float | None = None


Engine = Callable[[int], Turn]


def bare(case: Case) -> Engine:
    """The program alone."""
    arguments = [jax.device_put(x) for x in (case.R.astype(np.float32), *case.topology, case.topology.mask)]

    def turn(steps: int) -> Turn:
        begun = time.perf_counter()
        for _ in range(steps):
            jax.block_until_ready(case.call(*arguments))
        return Turn(time.perf_counter() - begun)

    return turn


def lammps(case: Case) -> Engine:
    """LAMMPS and Python."""
    slots = case.potential.neighbour_slots
    program = ChainProgram(packed(case.call, "float32", 1), case.beads, slots, case.topology, "bench-small")

    def turn(steps: int) -> Turn:
        with tempfile.TemporaryDirectory() as folder:
            plan, names = case.plan(max(steps, EVERY)), case.names
            outcome = run_chain(Path(folder), plan, case.R, case.topology, names, program, case.bonds)
            seconds, _ = timing((Path(folder) / "log.lammps").read_text())
        assert outcome.death is None and outcome.model_share is not None
        # one call of the program is before the first step, and the watched time begins before LAMMPS's
        model = outcome.model_share * outcome.seconds * plan.steps / (plan.steps + 1)
        return Turn(seconds * steps / plan.steps, 1 - model / seconds)

    return turn


def native(case: Case, copies: int) -> Engine:
    """Plain LAMMPS and the pair style, with so many copies of the chain in one system; without the minimisation."""
    folder = Path(tempfile.mkdtemp())
    program = export_potential(case.potential, case.beads, ("cpu",))
    write_program(program, folder, file_stem(program, True))
    body = describe_programs([program], case.names, case.potential, folder, ())
    write_json(folder / "model.json", header("program", {}, {}), body)
    field = native_force_field(current_plugin(), pjrt_library(), folder / "model.json")
    executable, environment = lammps_program()
    command = [str(executable), "-in", "in.lammps", "-log", "log.lammps", "-screen", "none", "-nocite"]
    side = math.ceil(copies ** (1 / 3))
    places = APART * np.array(list(np.ndindex(side, side, side))[:copies])
    R = (places[:, None] + case.R).reshape(-1, 3)
    many = [np.tile(array, copies) for array in case.topology]
    topology = Topology(many[0], np.repeat(np.arange(copies, dtype=np.int32), case.beads), *many[2:])

    def turn(steps: int) -> Turn:
        plan = replace(case.plan(steps), save_every=steps)
        lines = [line for line in input_text(plan, field).splitlines() if not line.startswith("min")]
        with tempfile.TemporaryDirectory() as run:
            write_data(Path(run) / "system.data", "benchmark", R, topology, case.names)
            (Path(run) / "in.lammps").write_text("\n".join(lines) + "\n")
            subprocess.run(command, cwd=run, env=environment, check=True)
            seconds, _ = timing((Path(run) / "log.lammps").read_text())
        return Turn(seconds)

    return turn


def batched(case: Case, replicas: int) -> Engine:
    """All replicas in JAX, and the loop of their energy function alone."""
    field = force_field(case.potential, case.topology)
    plans, slots = [case.plan(0, replica) for replica in range(replicas)], case.potential.neighbour_slots
    dynamics = Dynamics(field, slots, plans, case.masses, case.bonds)
    one = Dynamics(field, slots, plans[:1], case.masses, case.bonds).start(case.R[None])
    state = jax.tree.map(lambda values: np.repeat(values, replicas, axis=0), one)

    @partial(jax.shard_map, mesh=dynamics.mesh, in_specs=(P(AXIS), P()), out_specs=P(AXIS), check_vma=False)
    def model_alone(R: jax.Array, steps: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, steps, lambda _, R: R + 1e-12 * field(R).forces.astype(R.dtype), R)

    alone = jax.jit(model_alone)

    def turn(steps: int) -> Turn:
        begun = time.perf_counter()
        last = dynamics.advance(state, 0, steps)
        seconds = time.perf_counter() - begun
        assert last.fate.alive.all()
        with jax.enable_x64(True):
            begun = time.perf_counter()
            jax.block_until_ready(alone(state.motion.R, np.int64(steps)))
        return Turn(seconds, 1 - (time.perf_counter() - begun) / seconds)

    return turn


ENGINES: dict[str, Callable[[Case, int], Engine]] = {
    "bare": lambda case, _: bare(case),
    "lammps": lambda case, _: lammps(case),
    "native": native,
    "jax": batched,
}
"""Name → engine of a case and a number of copies; those that run one molecule at a time ignore the number."""


def measure(beads: int, engines: list[str], copies: list[int], rounds: int) -> None:
    """Print one row per engine for chains of one length."""
    case = Case(beads)
    made = {}
    for name in engines:
        for count in copies if name in MANY else [1]:
            made[name, count] = ENGINES[name](case, count)
    steps = {}
    for key, engine in made.items():
        if key[0] == "lammps" and ("bare", 1) in steps:
            steps[key] = steps["bare", 1]  # each of its turns begins with a minimisation: none to spare
            continue
        engine(2)
        steps[key] = max(4, round(4 * SECONDS / max(engine(4).seconds, 1e-6)))
    turns = {key: [] for key in made}
    for _ in range(rounds):
        for key, engine in made.items():
            turns[key].append(engine(steps[key]))
    best = {key: min(turn.seconds for turn in turns[key]) / steps[key] for key in made}
    bare = [turn.seconds / steps["bare", 1] for turn in turns.get(("bare", 1), [])]
    for (name, count), seconds in best.items():
        spent = [turn.seconds / steps[name, count] / count for turn in turns[name, count]]
        ratio = float(np.median(np.array(spent) / bare)) if bare else None
        shares = [turn.outside for turn in turns[name, count] if turn.outside is not None]
        print(
            f"{beads:5} beads  {name:7}{count:6} copies  {1 / seconds:9.1f} steps/s  "
            f"{beads * count / seconds / 1e3:8.1f} k bead-steps/s"
            + (f"  outside {float(np.median(shares)):4.0%}" if shares else " " * 13)
            + ("" if ratio is None else f"  ratio {ratio:5.2f}"),
            flush=True,
        )


def main() -> None:
    """Print the table, and the most memory that this process ever held."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--beads", nargs="+", type=int, default=[10, 50, 100, 250, 500])
    arguments.add_argument("--copies", nargs="+", type=int, default=[1], help="of the chain, for native and jax")
    arguments.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    print(f"bench-small; {jax.device_count()} {jax.default_backend()} device(s); jax {jax.__version__}")
    for beads in chosen.beads:
        measure(beads, chosen.engines, chosen.copies, chosen.rounds)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
