"""Simulations against the reference: distributions, what lies beyond them, controls, and who survived."""

from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe.config.slices import ValidateSettings
from cgpipe.data.projection import Projection
from cgpipe.data.replicas import Replica
from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.physics.ensembles import quantities
from cgpipe.physics.prior import Prior
from cgpipe.physics.structure import Comparison, compare_structures
from cgpipe.physics.survival import death_rate_bound, survival_curve
from cgpipe.validation.controls import control_divergences, flagged, prior_alone
from cgpipe.validation.ensembles import divergences_by_residue, fluctuations, handedness, slow_coordinates
from cgpipe.validation.free_energies import free_energies

SEED = 0
"""Of the dynamics under the prior alone."""


def evaluate_simulations(
    projection: Projection,
    replicas: list[Replica],
    prior: Prior,
    cutoff: float,
    names: Vocabulary,
    native: Float[np.ndarray, "beads 3"] | None,
    settings: ValidateSettings,
    generator: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All comparisons of ensembles, with the reference at the temperature of the simulations where there is one.

    Args:
        projection: holds the reference.
        replicas: the simulations.
        prior: for the control without a network.
        cutoff: of the model [Å].
        names: species of the model.
        native: structure that RMSD and native contacts are measured to [Å], where there is one.
        settings: of the stage.
        generator: of the shuffled control, and of ways to divide many trajectories in two.

    Returns:
        flat numbers, and the curves behind the figures.

    Raises:
        UserError: simulations at several temperatures.
    """
    flat, curves = _distributions(projection, replicas, native, settings, generator)
    more, more_curves = _beyond_distributions(projection, replicas, native, settings, generator, prior, cutoff, names)
    flat |= more
    flat |= {f"{name}_control_flagged": flagged(flat, name) for name in ("mirrored", "shuffled")}
    return flat, curves | more_curves


def _distributions(
    projection: Projection,
    replicas: list[Replica],
    native: Float[np.ndarray, "beads 3"] | None,
    settings: ValidateSettings,
    generator: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Simulated against reference ensemble."""
    reference, runs, topology = _reference(projection, replicas)
    how = settings.validate_.model_dump(exclude={"bootstrap"})
    numbers, curves = compare_structures(
        runs, [r.R for r in replicas], [r.times for r in replicas], topology, native, Comparison(**how), generator
    )
    temperatures = {
        "temperature": float(replicas[0].record["temperature"]),
        "reference_temperature": float(reference.temperature[0]),
    }
    return {**temperatures, "reference_runs": len(runs), **numbers}, curves


def _reference(
    projection: Projection, replicas: list[Replica]
) -> tuple[Projection, list[Float[np.ndarray, "_ beads 3"]], Topology]:
    """The reference's frames, also trajectory by trajectory, and its beads."""
    temperatures = {float(replica.record["temperature"]) for replica in replicas}
    if len(temperatures) > 1:
        raise UserError(f"{projection.protein}: simulations at several temperatures {sorted(temperatures)}; rerun them")
    reference = projection.reference_at(temperatures.pop())
    runs = [reference.R[reference.trajectory == index] for index in np.unique(reference.trajectory)]
    real = np.ones(reference.beads, dtype=bool)
    return reference, runs, Topology(np.zeros_like(reference.chain), reference.chain, reference.residue, real)


def _beyond_distributions(
    projection: Projection,
    replicas: list[Replica],
    native: Float[np.ndarray, "beads 3"] | None,
    settings: ValidateSettings,
    generator: np.random.Generator,
    prior: Prior,
    cutoff: float,
    names: Vocabulary,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Controls, free energies, fluctuations, slow coordinates and handedness."""
    reference, runs, topology = _reference(projection, replicas)
    how, temperature = settings.validate_, float(replicas[0].record["temperature"])
    kept = [replica.R[int(how.discard * len(replica.R)) :].astype(np.float64) for replica in replicas]
    compared = quantities(topology, native, how.contact_cutoff, how.contact_separation)
    species = np.array([names.species(residue) for residue in projection.residue_name], np.int32)
    masses = np.array(names.masses)[species]
    alone = prior_alone(prior, cutoff, reference.R, topology._replace(species=species), masses, temperature, SEED)
    flat = control_divergences(compared, runs, kept, alone, how.bins, generator)
    flat |= free_energies(compared, runs, kept, alone, generator)
    flat |= handedness(runs, kept, topology)
    rmsf, curves = fluctuations(runs, kept)
    tica, tica_curves = slow_coordinates(runs, kept, temperature, generator, alone)
    by_residue = divergences_by_residue(compared, runs, kept, projection.residue_name, how.bins)
    return {**flat, **rmsf, **tica}, {"rmsf": curves, "tica": tica_curves, "by_residue": by_residue}


def count_survivors(replicas: list[Replica]) -> tuple[dict[str, Any], dict[str, Any]]:
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


def record_of(replica: Replica) -> dict[str, Any]:
    """The replica's own record without its header, and what its trajectory lost."""
    return {k: v for k, v in replica.record.items() if k != "cgpipe"} | {"broken_frames": replica.broken_frames}
