"""Stage ``validate``: what one protein's exported model gets right and wrong, in numbers with intervals."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe import stage
from cgpipe.artefact import header, write_json
from cgpipe.config.slices import ValidateSettings
from cgpipe.data.mean_forces import MeanForces, read_mean_forces
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.replicas import Replica, read_replica
from cgpipe.data.species import Vocabulary
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program, load_program
from cgpipe.errors import UserError
from cgpipe.model.serialise import load_model
from cgpipe.physics.ensembles import quantities
from cgpipe.physics.prior import Prior, read_prior
from cgpipe.physics.structure import Comparison, compare_structures
from cgpipe.physics.survival import death_rate_bound, survival_curve
from cgpipe.validation.controls import control_divergences, flagged, prior_alone
from cgpipe.validation.ensembles import divergences_by_residue, fluctuations, handedness, slow_coordinates
from cgpipe.validation.forces import evaluate_forces
from cgpipe.validation.mean_forces import check_labels, evaluate_mean_forces

SEED = 0
"""Of the bootstrap: the same artefacts give the same intervals."""


def main(argv: Sequence[str]) -> int:
    """Compare the forces of a program with held-out labels, and its simulations with the reference ensemble."""
    parser = stage.parser("validate", __doc__ or "")
    for name in ("projection", "dataset", "prior", "program", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="model.eqx of every seed")
    parser.add_argument("--mean-force", type=Path, help="NPZ of mean forces, a test set")
    parser.add_argument("--simulations", type=Path, nargs="+", required=True, help="simulation.json of every replica")
    arguments = parser.parse_args(argv)
    settings = stage.settings(arguments.settings, ValidateSettings)
    projection = read_projection(arguments.projection)
    program = load_program(arguments.program)
    replicas = [read_replica(path, projection.protein, projection.beads) for path in arguments.simulations]
    labels = None if arguments.mean_force is None else read_mean_forces(arguments.mean_force)
    if labels is not None:
        check_labels(labels, projection, str(arguments.mean_force))
    generator = np.random.default_rng(SEED)
    with open_dataset(arguments.dataset) as dataset:
        prior = read_prior(arguments.prior)
        forces, force_curves = evaluate_forces(projection, dataset, prior, program, settings, generator)
        cutoff = dataset.cutoff
        mean_forces, mean_force_curves = _mean_forces(
            labels, projection.protein, dataset, prior, program, arguments.models, settings
        )
    structure, curves = _structure(projection, replicas, settings, generator)
    more, more_curves = _more(projection, replicas, settings, generator, prior, cutoff, program.vocabulary)
    structure |= more
    structure |= {f"{name}_control_flagged": flagged(structure, name) for name in ("mirrored", "shuffled")}
    curves |= {"mean_force": mean_force_curves, "forces": force_curves, **more_curves}
    survival, curves["survival"] = _survival(replicas)
    inputs = {name: getattr(arguments, name) for name in ("projection", "dataset", "prior", "program")}
    inputs |= {path.parent.name: path for path in arguments.models}
    inputs |= {} if labels is None else {"mean forces": arguments.mean_force}
    inputs |= {f"simulation {number}": path for number, path in enumerate(arguments.simulations)}
    body = {
        "protein": projection.protein,
        "member": program.metadata["member"],
        "beads": projection.beads,
        "residues": list(projection.residue_name),
        **forces,
        **mean_forces,
        **survival,
        **structure,
        "replica_records": [_record(replica) for replica in replicas],
        "curves": curves,
    }
    write_json(arguments.out, header("validation", settings.model_dump(by_alias=True), inputs), body)
    return 0


def _mean_forces(
    labels: MeanForces | None,
    protein: str,
    dataset: Dataset,
    prior: Prior,
    program: Program,
    models: Sequence[Path],
    settings: ValidateSettings,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Metrics on mean forces, where there are any; every seed takes part."""
    if labels is None:
        return {"mean_force_configurations": 0}, None
    seeds = {path.parent.name: load_model(path)[0] for path in models}
    samples = settings.validate_.bootstrap
    return evaluate_mean_forces(labels, protein, dataset, prior, program, seeds, samples, np.random.default_rng(SEED))


def _structure(
    projection: Projection, replicas: list[Replica], settings: ValidateSettings, generator: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Simulated against reference ensemble at the temperature of the simulations."""
    reference, runs, topology = _reference(projection, replicas)
    how = settings.validate_.model_dump()
    numbers, curves = compare_structures(
        runs, [r.R for r in replicas], [r.times for r in replicas], topology, Comparison(**how), generator
    )
    origin = {"native": f"frame 0 of trajectory {reference.trajectories[reference.trajectory[0]]}"}
    temperature = float(reference.temperature[0])
    return {"temperature": temperature, "reference_runs": len(runs), **origin, **numbers}, curves


def _reference(
    projection: Projection, replicas: list[Replica]
) -> tuple[Projection, list[Float[np.ndarray, "_ beads 3"]], Topology]:
    """The reference's frames at the temperature of the simulations, also trajectory by trajectory, and its beads."""
    temperatures = {float(replica.record["temperature"]) for replica in replicas}
    if len(temperatures) > 1:
        raise UserError(f"{projection.protein}: simulations at several temperatures {sorted(temperatures)}; rerun them")
    reference = projection.of_temperature(temperatures.pop())
    runs = [reference.R[reference.trajectory == index] for index in np.unique(reference.trajectory)]
    real = np.ones(reference.beads, dtype=bool)
    return reference, runs, Topology(np.zeros_like(reference.chain), reference.chain, reference.residue, real)


def _more(
    projection: Projection,
    replicas: list[Replica],
    settings: ValidateSettings,
    generator: np.random.Generator,
    prior: Prior,
    cutoff: float,
    names: Vocabulary,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fluctuations, slow coordinates, handedness and controls."""
    reference, runs, topology = _reference(projection, replicas)
    how, temperature = settings.validate_, float(reference.temperature[0])
    kept = [replica.R[int(how.discard * len(replica.R)) :].astype(np.float64) for replica in replicas]
    compared = quantities(topology, runs[0][0].astype(np.float64), how.contact_cutoff, how.contact_separation)
    species = np.array([names.species(residue) for residue in projection.residue_name], np.int32)
    masses = np.array(names.masses)[species]
    alone = prior_alone(
        prior, cutoff, reference.R, topology._replace(species=species), masses, temperature, SEED
    ).astype(np.float64)
    everything = np.concatenate(kept) if any(map(len, kept)) else None
    flat = control_divergences(compared, runs, everything, alone, how.bins, generator)
    flat |= handedness(runs, kept, topology, generator, how.bootstrap)
    rmsf, curves = fluctuations(runs, kept)
    tica, tica_curves = slow_coordinates(runs, kept, temperature, generator, how.bootstrap)
    by_residue = divergences_by_residue(compared, runs, kept, projection.residue_name, how.bins)
    return {**flat, **rmsf, **tica}, {"rmsf": curves, "tica": tica_curves, "by_residue": by_residue}


def _survival(replicas: list[Replica]) -> tuple[dict[str, Any], dict[str, Any]]:
    """How many replicas reached their end, and what bound on the rate of deaths that gives."""
    ends = np.array([float(replica.record["picoseconds"]) for replica in replicas])
    died = np.array([not replica.record["survived"] for replica in replicas])
    times, alive = survival_curve(ends, died)
    total = float(ends.sum())
    deviations = [replica.record["max_bond_deviation"] for replica in replicas]
    flat = {
        "replicas": len(replicas),
        "replicas_survived": int(np.sum(~died)),
        "simulated_ps": total,
        "simulated_ps_requested": float(sum(replica.record["picoseconds_requested"] for replica in replicas)),
        "timestep": max(float(replica.record["timestep"]) for replica in replicas),
        "max_bond_deviation": max((d for d in deviations if d is not None), default=None),
        "death_rate_bound": death_rate_bound(int(died.sum()), total),
    }
    return flat, {"time": times.tolist(), "alive": alive.tolist()}


def _record(replica: Replica) -> dict[str, Any]:
    """The replica's own record without its header, and what its trajectory lost."""
    return {k: v for k, v in replica.record.items() if k != "cgpipe"} | {"broken_frames": replica.broken_frames}


if __name__ == "__main__":
    sys.exit(stage.run(main))
