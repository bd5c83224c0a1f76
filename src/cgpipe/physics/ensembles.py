"""Simulated ensembles against reference ensembles, quantity by quantity.

Each comparison carries the reference's own disagreement with itself, at the same bins: ``split_half`` compares the
first halves in time of all reference trajectories with their second halves; ``between`` compares one half of the
trajectories with the other, averaged over the ways of dividing them. A reference whose ``between`` is much larger than
its ``split_half`` has not converged: its trajectories sample different states, and no simulation can agree with it
better than they agree with each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.statistics import (
    between_units_js,
    bin_counts,
    bin_edges,
    jensen_shannon,
    js_interval,
    split_half_js,
    wasserstein,
)

Measure = Callable[[Float[np.ndarray, "frames beads 3"]], Float[np.ndarray, "frames ..."]]


@dataclass(frozen=True)
class Quantity:
    """One thing to compare: what it is called, its unit, its period if it has one, and how to measure it."""

    name: str
    label: str
    unit: str
    measure: Measure
    period: float | None = None


def quantities(
    topology: Topology, native: Float[np.ndarray, "beads 3"], contact_cutoff: float, contact_separation: int
) -> list[Quantity]:
    """What is compared for a protein; those that need more beads, or native contacts, than it has are left out.

    Args:
        topology: of the protein, [beads].
        native: structure that RMSD and native contacts are measured to [Å].
        contact_cutoff: closer than this is a native contact [Å].
        contact_separation: pairs with |i−j| up to this are none.
    """
    contacts = (native, topology, contact_cutoff, contact_separation)
    made = [
        Quantity("bond", "bond length", "Å", lambda R: observables.bond_lengths(R, topology)),
        Quantity("angle", "angle", "°", lambda R: observables.bond_angles(R, topology)),
        Quantity("dihedral", "dihedral", "°", lambda R: observables.dihedral_angles(R, topology), 360.0),
        Quantity("rg", "radius of gyration", "Å", observables.radius_of_gyration),
        Quantity("end_to_end", "end-to-end distance", "Å", observables.end_to_end),
        Quantity("rmsd", "RMSD to native", "Å", lambda R: observables.rmsd(R, native)),
        Quantity("native_contacts", "native contacts Q", "share", lambda R: observables.native_contacts(R, *contacts)),
        Quantity("min_distance", "closest approach", "Å", lambda R: observables.min_distance(R, topology)),
    ]
    trial = {quantity.name: quantity.measure(native[None]) for quantity in made}
    return [quantity for quantity in made if trial[quantity.name].size and np.all(np.isfinite(trial[quantity.name]))]


def compare(
    quantity: Quantity,
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    simulated: Sequence[Float[np.ndarray, "_ beads 3"]],
    bins: int,
    generator: np.random.Generator,
    samples: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare the distributions of one quantity.

    Args:
        quantity: what to measure.
        reference: one array of frames per trajectory [Å].
        simulated: one array of frames per replica [Å]; empty where no replica left any frame.
        bins: of the histograms.
        generator: randomness of the bootstrap.
        samples: bootstrap samples.

    Returns:
        flat numbers under keys that start or end with the quantity's name, and the curves: edges, probability densities
        of reference, simulation and the two halves of the reference, and JS at each position along the chain.
    """
    reference_values = [_two_dimensional(quantity.measure(run)) for run in reference]
    simulated_values = [_two_dimensional(quantity.measure(run)) for run in simulated if len(run)]
    pooled = np.concatenate([values.ravel() for values in reference_values])
    edges = bin_edges(pooled, bins, quantity.period)

    def count(values: Float[np.ndarray, "frames positions"]) -> Float[np.ndarray, " bins"]:
        return bin_counts(values.ravel(), edges)

    per_run = np.array([count(values) for values in reference_values])
    first, second = (count(half) for half in halves_in_time(reference_values))
    total = per_run.sum(axis=0)
    name = quantity.name
    flat: dict[str, Any] = {
        f"js_{name}": None,
        f"js_{name}_interval": None,
        f"js_{name}_split_half": split_half_js(first, second),
        f"js_{name}_between": between_units_js(per_run, generator),
        f"w1_{name}": None,
        **_moments(f"{name}_reference", pooled, quantity.period),
    }
    curves: dict[str, Any] = {
        "label": quantity.label,
        "unit": quantity.unit,
        "period": quantity.period,
        "edges": edges.tolist(),
        "reference": _density(total, edges),
        "halves": [_density(first, edges), _density(second, edges)],
        "simulated": None,
        "js_by_position": None,
    }
    if simulated_values:
        counts = np.array([count(values) for values in simulated_values])
        everything = np.concatenate(simulated_values)
        flat[f"js_{name}"] = float(jensen_shannon(total, counts.sum(axis=0)))
        flat[f"js_{name}_interval"] = js_interval(total, counts, generator, samples)
        flat[f"w1_{name}"] = wasserstein(pooled, everything.ravel(), edges, quantity.period)
        flat |= _moments(name, everything, quantity.period)
        curves["simulated"] = _density(counts.sum(axis=0), edges)
        curves["js_by_position"] = _by_position(np.concatenate(reference_values), everything, edges)
    return flat, curves


def pooled_divergence(
    quantity: Quantity, reference: Float[np.ndarray, "_ beads 3"], other: Float[np.ndarray, "_ beads 3"], bins: int
) -> float | None:
    """JS of one quantity between two ensembles, at the reference's bins; None where the other one has no frames."""
    if not len(other):
        return None
    values = quantity.measure(reference).ravel()
    edges = bin_edges(values, bins, quantity.period)
    counts = bin_counts(quantity.measure(other).ravel(), edges)
    return float(jensen_shannon(bin_counts(values, edges), counts))


def halves_in_time(
    runs: Sequence[Float[np.ndarray, "_ ..."]],
) -> tuple[Float[np.ndarray, "_ ..."], Float[np.ndarray, "_ ..."]]:
    """First halves of all runs together, and their second halves."""
    first = [run[: len(run) // 2] for run in runs]
    second = [run[len(run) // 2 :] for run in runs]
    return np.concatenate(first), np.concatenate(second)


def _two_dimensional(values: Float[np.ndarray, "frames ..."]) -> Float[np.ndarray, "frames positions"]:
    return values.reshape(len(values), -1)


def _moments(prefix: str, values: Float[np.ndarray, "..."], period: float | None) -> dict[str, float]:
    """Mean and standard deviation; nothing for a periodic quantity, where they depend on the place of the cut."""
    if period is not None:
        return {}
    return {f"{prefix}_mean": float(np.mean(values)), f"{prefix}_std": float(np.std(values))}


def _density(counts: Float[np.ndarray, " bins"], edges: Float[np.ndarray, " edges"]) -> list[float]:
    """Probability density at the bins; zeros for an empty histogram."""
    area = max(float(np.sum(counts)), 1.0) * np.diff(edges)
    return np.round(counts / area, 7).tolist()


def _by_position(
    reference: Float[np.ndarray, "frames positions"],
    simulated: Float[np.ndarray, "others positions"],
    edges: Float[np.ndarray, " edges"],
) -> list[float]:
    return [
        round(float(jensen_shannon(bin_counts(a, edges), bin_counts(b, edges))), 5)
        for a, b in zip(reference.T, simulated.T, strict=True)
    ]
