"""Stage ``simulate``: one replica of Langevin dynamics in LAMMPS with an exported program, and how it ended.

A replica whose molecule falls apart (forces that are not finite, a broken bond, too many neighbours) is a result: it is
recorded with time and reason, and the stage succeeds. Everything else that goes wrong is an error.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import header, write_json
from cgpipe.config.models import Simulate
from cgpipe.config.slices import SimulateSettings
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.lammps.driver import BondWatch
from cgpipe.deploy.lammps.input import LAMMPS_SEEDS, Plan
from cgpipe.deploy.lammps.run import Outcome, run_chain
from cgpipe.deploy.program import load_program
from cgpipe.deploy.publish import published
from cgpipe.errors import UserError
from cgpipe.stage import parser, run, settings
from cgpipe.units import FS_PER_PS


def main(argv: Sequence[str]) -> int:
    """Run one replica and write its trajectory, logs and record."""
    args = _arguments(argv)
    chosen = settings(args.settings, SimulateSettings)
    simulate = chosen.simulate
    if not 0 <= args.replica < simulate.replicas:
        raise UserError(f"--replica {args.replica}: expected 0 … {simulate.replicas - 1} (simulate.replicas)")
    program = load_program(args.program)
    everything = read_projection(args.projection)
    reference = everything.of_temperature(everything.reference_temperature())
    topology = chain_topology(reference, program.vocabulary)
    start = (2 * args.replica + 1) * len(reference) // (2 * simulate.replicas)
    member = program.metadata["member"]
    plan = make_plan(simulate, reference.protein, member, args.replica, reference.reference_temperature())
    bonds = bond_watch(reference, simulate.bond_tolerance)
    with published(args.out, last="simulation.json") as folder:
        R = reference.R[start].astype(np.float64)
        outcome = run_chain(folder, plan, R, topology, program.vocabulary, program.bind(topology), bonds)
        body = {
            "protein": reference.protein,
            "member": member,
            "replica": args.replica,
            "start": {
                "trajectory": reference.trajectories[reference.trajectory[start]],
                "frame": int(reference.frame[start]),
            },
            **_record(plan, outcome, folder),
        }
        inputs = {"program": args.program, "projection": args.projection}
        write_json(folder / "simulation.json", header("simulation", chosen.model_dump(mode="json"), inputs), body)
    _tell(body)
    return 0


def chain_topology(projection: Projection, names: Vocabulary) -> Topology:
    """Topology of a projected protein, without padding."""
    species = np.array([names.species(residue) for residue in projection.residue_name], np.int32)
    return Topology(species, projection.chain, projection.residue, np.ones(len(species), bool))


def bond_watch(reference: Projection, tolerance: float) -> BondWatch:
    """Watch every bond against its mean length over the reference frames."""
    bonded = (np.diff(reference.chain) == 0) & (np.diff(reference.residue) == 1)
    lengths = np.linalg.norm(np.diff(reference.R.astype(np.float64), axis=1), axis=-1)
    return BondWatch(bonded, lengths.mean(axis=0)[bonded], tolerance)


def make_plan(simulate: Simulate, protein: str, member: str, replica: int, temperature: float) -> Plan:
    """Steps and seeds of one replica; the seeds depend on all that tells it from others."""
    steps = round(simulate.picoseconds * FS_PER_PS / simulate.timestep)
    every = max(1, round(simulate.save_every * FS_PER_PS / simulate.timestep))
    if steps < every:
        raise UserError(f"simulate.picoseconds {simulate.picoseconds} is shorter than save_every {simulate.save_every}")
    identity = f"{simulate.seed}/{protein}/{member}/{replica}"
    seeds = [1 + _hash(f"{identity}/{use}") % (LAMMPS_SEEDS - 1) for use in ("velocities", "noise")]
    title = f"{protein}, member {member}, replica {replica}: coarse-grained Langevin dynamics"
    return Plan(title, temperature, simulate.timestep, steps, every, simulate.damping, *seeds)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _record(plan: Plan, outcome: Outcome, folder: Path) -> dict[str, Any]:
    """What is worth knowing about a run, for ``simulation.json``."""
    death = outcome.death
    table = np.genfromtxt(folder / "thermo.csv", delimiter=",", names=True)
    later = np.atleast_1d(table["temperature"])[len(np.atleast_1d(table)) // 2 :]
    picoseconds = plan.timestep / FS_PER_PS
    return {
        "temperature": plan.temperature,
        "timestep": plan.timestep,
        "damping": plan.damping,
        "save_every": plan.save_every * picoseconds,
        "velocity_seed": plan.velocity_seed,
        "noise_seed": plan.noise_seed,
        "picoseconds_requested": plan.steps * picoseconds,
        "picoseconds": outcome.steps * picoseconds,
        "steps": outcome.steps,
        "frames": -(-outcome.steps // plan.save_every) if death else outcome.steps // plan.save_every + 1,
        "survived": death is None,
        "death": death and {"picoseconds": death.step * picoseconds, "reason": death.reason},
        "mean_temperature": float(later.mean()) if np.isfinite(later).all() else None,
        "max_bond_deviation": outcome.max_bond_deviation,
        "seconds": outcome.seconds,
        "steps_per_second": outcome.steps / outcome.seconds if outcome.steps else None,
        "model_share": outcome.model_share,
    }


def _tell(body: dict[str, Any]) -> None:
    """One line for the log; a death also goes to stderr."""
    name = f"{body['protein']} {body['member']} replica {body['replica']}"
    if body["survived"]:
        print(
            f"{name}: {body['picoseconds']:g} ps, {body['steps_per_second']:.0f} steps/s, "
            f"mean temperature {body['mean_temperature']:.1f} K of {body['temperature']:g} K, "
            f"largest bond deviation {body['max_bond_deviation']:.2f} Å"
        )
        return
    death = body["death"]
    print(f"warning: {name} died at {death['picoseconds']:g} ps: {death['reason']}", file=sys.stderr)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("simulate", __doc__ or "")
    arguments.add_argument("--program", required=True, type=Path, help="model.json of an exported model")
    arguments.add_argument("--projection", required=True, type=Path, help="the protein's projection: start and bonds")
    arguments.add_argument("--replica", required=True, type=int, help="from 0")
    arguments.add_argument("--out", required=True, type=Path, help="folder for the results")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
