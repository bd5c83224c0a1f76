"""Stage ``validate``: what one protein's exported model gets right and wrong, in numbers with intervals."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe import stage
from cgpipe.artefact import header, write_json
from cgpipe.config.slices import ValidateSettings
from cgpipe.data.mean_forces import MeanForces, check_labels, read_mean_forces
from cgpipe.data.native import read_native
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.replicas import read_replica
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.deploy.program import Program, load_program
from cgpipe.maker import maker
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import load_model, load_model_at
from cgpipe.physics.prior import Prior, ThermalPrior, prior_at, read_prior
from cgpipe.validation.forces import evaluate_forces
from cgpipe.validation.mean_forces import evaluate_mean_forces
from cgpipe.validation.simulations import count_survivors, evaluate_simulations, record_of

SEED = 0
"""Of the bootstrap: the same artefacts give the same intervals."""


def main(argv: Sequence[str]) -> int:
    """Compare the forces of a program with held-out labels, and its simulations with the reference ensemble."""
    parser = stage.parser("validate", __doc__ or "")
    for name in ("projection", "dataset", "prior", "program", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="model.eqx of every seed")
    parser.add_argument("--mean-force", type=Path, help="NPZ of mean forces, a test set")
    parser.add_argument("--native", type=Path, help="PDB of the native structure, for RMSD and native contacts")
    parser.add_argument("--simulations", type=Path, nargs="+", required=True, help="simulation.json of every replica")
    arguments = parser.parse_args(argv)
    settings = stage.settings(arguments.settings, ValidateSettings)
    projection = read_projection(arguments.projection)
    program = load_program(arguments.program)
    replicas = [read_replica(path, projection.protein, projection.beads) for path in arguments.simulations]
    labels = None if arguments.mean_force is None else read_mean_forces(arguments.mean_force)
    if labels is not None:
        check_labels(labels, projection, projection.temperature, str(arguments.mean_force))
    generator = np.random.default_rng(SEED)
    native = arguments.native and read_native(arguments.native, projection, settings.aliases, projection.protein)
    with open_dataset(arguments.dataset) as dataset:
        fitted, members = read_prior(arguments.prior), _members(program, arguments.models)
        forces, force_curves = evaluate_forces(
            projection, dataset, fitted, program, settings, labels, generator, members
        )
        cutoff, prior = dataset.cutoff, prior_at(fitted, float(replicas[0].record["temperature"]))
        mean_forces, mean_force_curves = _mean_forces(
            labels, projection, dataset, fitted, program, arguments.models, settings
        )
    structure, curves = evaluate_simulations(
        projection, replicas, prior, cutoff, program.vocabulary, native, settings, generator
    )
    survival, curves["survival"] = count_survivors(replicas)
    curves |= {"mean_force": mean_force_curves, "forces": force_curves}
    inputs = {name: getattr(arguments, name) for name in ("projection", "dataset", "prior", "program")}
    inputs |= {path.parent.name: path for path in arguments.models}
    inputs |= {} if labels is None else {"mean forces": arguments.mean_force}
    inputs |= {} if native is None else {"native structure": arguments.native}
    inputs |= {f"simulation {number}": path for number, path in enumerate(arguments.simulations)}
    body = {
        "protein": projection.protein,
        "member": program.metadata["member"],
        "beads": projection.beads,
        "residues": list(projection.residue_name),
        "native": None if native is None else str(arguments.native),
        **forces,
        **mean_forces,
        **survival,
        **structure,
        "replica_records": [record_of(replica) for replica in replicas],
        "curves": curves,
    }
    head = header("validation", settings.model_dump(by_alias=True), inputs, by=maker("validate"))
    write_json(arguments.out, head, body)
    return 0


def _members(program: Program, models: Sequence[Path]) -> list[Potential]:
    """The models that a program of one temperature was exported from; none where it is of every one."""
    if "temperature" not in program.metadata:
        return []
    names = [f"seed-{seed}" for seed in program.metadata["seeds"]]
    return [load_model(path)[0] for path in models if path.parent.name in names]


def _mean_forces(
    labels: MeanForces | None,
    projection: Projection,
    dataset: Dataset,
    prior: Prior | ThermalPrior,
    program: Program,
    models: Sequence[Path],
    settings: ValidateSettings,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Metrics on mean forces, where there are any; every seed takes part."""
    if labels is None:
        return {"mean_force_configurations": 0}, None
    kelvin, members = labels.temperature, _members(program, models)
    seeds = {path.parent.name: load_model_at(path, kelvin, "mean forces") for path in models}
    prior = prior_at(prior, kelvin)
    samples, generator = settings.validate_.bootstrap, np.random.default_rng(SEED)
    return evaluate_mean_forces(labels, projection, dataset, prior, program, seeds, samples, generator, members)


if __name__ == "__main__":
    sys.exit(stage.run(main))
