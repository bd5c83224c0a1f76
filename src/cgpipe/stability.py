"""Stage ``stability``: how hot, with how long a time step and how far from its data a model can be simulated."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe import stage
from cgpipe.artefact import header, write_json
from cgpipe.config.slices import StabilitySettings
from cgpipe.data.projection import read_projection
from cgpipe.data.store import open_dataset
from cgpipe.deploy.program import load_program
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.plans import bond_watch, chain_topology, spread_rows
from cgpipe.dynamics.stability import (
    equilibrated,
    free_runs,
    ladder,
    living_frames,
    longest_stable,
    survival,
    survival_numbers,
)
from cgpipe.dynamics.trials import Condition, Trials
from cgpipe.maker import maker
from cgpipe.model.serialise import load_model, load_model_at
from cgpipe.validation.unseen import comparable, unseen_shares


def main(argv: Sequence[str]) -> int:
    """Run one protein under many conditions and write what became of it."""
    parser = stage.parser("stability", __doc__ or "")
    for name in ("program", "projection", "dataset", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="model.eqx of every seed")
    arguments = parser.parse_args(argv)
    settings = stage.settings(arguments.settings, StabilitySettings)
    how = settings.stability
    program, everything = load_program(arguments.program), read_projection(arguments.projection)
    temperature = program.temperature(settings.temperature, everything.reference_temperature())
    reference = everything.reference_at(temperature)
    topology = chain_topology(reference, program.vocabulary)
    potential, _ = load_model(arguments.program.with_name("model.eqx"))
    trials = Trials(
        force_field(potential, topology),
        potential.neighbour_slots,
        np.array(program.vocabulary.masses)[topology.species],
        bond_watch(reference, settings.bond_tolerance),
        how.replicas,
    )
    R = reference.R[spread_rows(how.replicas, len(reference))].astype(np.float64)

    runs = {
        f"{kelvin:g}": survival(
            trials,
            R,
            Condition(f"survival/{kelvin:g}", kelvin, settings.timestep, settings.damping),
            how.picoseconds,
        )
        for kelvin in how.temperatures
    }
    timesteps = sorted({*how.timesteps, settings.timestep})
    begin = equilibrated(trials, R, temperature, timesteps[0])
    rungs = ladder(trials, begin, timesteps, settings.damping, how.picoseconds)
    free, order = free_runs(trials, begin, sorted(how.free_timesteps), how.picoseconds)
    with open_dataset(arguments.dataset) as dataset:
        test = comparable(dataset.load_protein(reference.protein, "test"), temperature)
    members = [load_model_at(path, temperature, "simulations") for path in arguments.models]
    limit, shares = unseen_shares(members, topology, test, {name: living_frames(run) for name, run in runs.items()})

    body: dict[str, Any] = {
        "protein": reference.protein,
        "member": program.metadata["member"],
        "replicas": how.replicas,
        "picoseconds": how.picoseconds,
        "temperature": temperature,
        "timestep": settings.timestep,
        "longest_stable_timestep": longest_stable(rungs, how.replicas),
        "longest_timestep_tried": timesteps[-1],
        "energy_fluctuation_order": order,
        "spread_limit": limit,
        "temperatures": [survival_numbers(run) | shares[name] for name, run in runs.items()],
        "ladder": rungs,
        "free": free,
    }
    inputs = {name: getattr(arguments, name) for name in ("program", "projection", "dataset")}
    inputs |= {path.parent.name: path for path in arguments.models}
    head = header("stability", settings.model_dump(mode="json"), inputs, by=maker("stability"))
    write_json(arguments.out, head, body)
    _tell(body)
    return 0


def _tell(body: dict[str, Any]) -> None:
    """Some lines for the log."""
    for one in body["temperatures"]:
        print(f"{body['protein']} at {one['temperature']:g} K: {one['survived']} of {body['replicas']} survive")
        for death in one["deaths"]:
            print(f"  replica {death['replica']} died at {death['picoseconds']:.3g} ps: {death['reason']}")
    longest = body["longest_stable_timestep"]
    print(
        f"longest stable time step: {'none' if longest is None else f'{longest:g} fs'} "
        f"of those up to {body['longest_timestep_tried']:g} fs"
    )


if __name__ == "__main__":
    sys.exit(stage.run(main))
