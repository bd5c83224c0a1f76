"""Stage ``simulate``: replicas of Langevin dynamics with an exported model, and how they ended.

A replica whose molecule falls apart (forces that are not finite, a broken bond, too many neighbours) is a result: it is
recorded with time and reason, and the stage succeeds. Everything else that goes wrong is an error.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import earlier, header, write_json
from cgpipe.config.decisive import engine_module
from cgpipe.config.slices import SimulateSettings
from cgpipe.data.projection import Projection, read_projection
from cgpipe.deploy.program import load_program
from cgpipe.deploy.publish import published
from cgpipe.dynamics.ends import UNCERTAIN, Outcome
from cgpipe.dynamics.engines import Molecule, Replica, checkpoint_of, engine_of
from cgpipe.dynamics.plans import Plan, make_plan, spread_rows
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.stage import parser, run, settings
from cgpipe.units import FS_PER_PS


def main(argv: Sequence[str]) -> int:
    """Run replicas; write the trajectory, logs and record of each."""
    args = _arguments(argv)
    chosen = settings(args.settings, SimulateSettings)
    simulate = chosen.simulate
    program = load_program(args.program)
    everything = read_projection(args.projection)
    temperature = program.temperature(simulate.temperature, everything.reference_temperature())
    reference = everything.reference_at(temperature)
    molecule = Molecule(program, reference, simulate)
    replicas = _replicas(args, chosen, molecule, temperature)
    engine = engine_of(simulate.engine)
    by = maker("simulate", engine_module(simulate.engine))
    inputs = {"program": args.program, "projection": args.projection}
    head = header("simulation", chosen.model_dump(mode="json"), inputs, by=by)
    for batch in [replicas] if engine.together else [[replica] for replica in replicas]:
        with ExitStack() as stack:
            folders = [stack.enter_context(published(one.out, last="simulation.json")) for one in batch]
            for one in batch:  # what may be missing this time must not stay from last time
                (one.out / UNCERTAIN).unlink(missing_ok=True)
            outcomes = engine.run(molecule, batch, folders)
            for replica, outcome, folder in zip(batch, outcomes, folders, strict=True):
                body = {
                    "protein": reference.protein,
                    "member": program.metadata["member"],
                    "replica": replica.number,
                    "engine": simulate.engine,
                    "start": _origin(reference, spread_rows(simulate.replicas, len(reference))[replica.number]),
                    **_record(replica.plan, outcome, folder),
                }
                write_json(folder / "simulation.json", head | earlier(checkpoint_of(batch), by), body)
                _tell(body)
        shutil.rmtree(checkpoint_of(batch), ignore_errors=True)
    return 0


def _replicas(
    args: argparse.Namespace, chosen: SimulateSettings, molecule: Molecule, temperature: float
) -> list[Replica]:
    """The replicas that the command line asks for, at a temperature [K]."""
    simulate, reference, member = chosen.simulate, molecule.reference, molecule.program.metadata["member"]
    if len(args.replica) != len(args.out):
        raise UserError(f"--out: {len(args.out)} folders for {len(args.replica)} replicas; give one for each")
    made = []
    for number, out in zip(args.replica, args.out, strict=True):
        if not 0 <= number < simulate.replicas:
            raise UserError(f"--replica {number}: expected 0 … {simulate.replicas - 1} (simulate.replicas)")
        plan = make_plan(simulate, reference.protein, member, number, temperature)
        R = reference.R[spread_rows(simulate.replicas, len(reference))[number]].astype(np.float64)
        made.append(Replica(number, plan, R, out))
    return made


def _origin(reference: Projection, row: np.int64) -> dict[str, Any]:
    return {"trajectory": reference.trajectories[reference.trajectory[row]], "frame": int(reference.frame[row])}


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
        **({} if outcome.spread is None else dict(zip(("max_spread", "uncertain_steps"), outcome.spread, strict=True))),
        "seconds": outcome.seconds,
        "steps_per_second": outcome.steps / outcome.seconds if outcome.steps else None,
        "model_share": outcome.model_share,
    }


def _tell(body: dict[str, Any]) -> None:
    """One line for the log; a death also goes to stderr."""
    name = f"{body['protein']} {body['member']} replica {body['replica']}"
    if body.get("uncertain_steps"):
        print(
            f"warning: {name}: the members' forces are up to {body['max_spread']:.3g} kcal/mol/Å apart, in "
            f"{body['uncertain_steps']} steps beyond simulate.spread_limit; frames are in {UNCERTAIN}",
            file=sys.stderr,
        )
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
    arguments.add_argument("--replica", required=True, type=int, nargs="+", help="numbers from 0")
    arguments.add_argument("--out", required=True, type=Path, nargs="+", help="folder for the results of each")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
