"""Simulated ensembles against reference ensembles, quantity by quantity.

Each comparison carries the reference's own disagreement with itself, at the same bins: ``split_half`` compares the
first halves in time of all reference trajectories with their second halves; ``between`` compares one half of the
trajectories with the other, averaged over the ways of dividing them. Sampling error within halves or trajectories is
taken off both, so that a converged reference has zero. One whose ``between`` is much larger than its ``split_half`` has
not converged: its trajectories sample different states, and no simulation can agree with it better than they agree with
each other. Bins that hold fewer than five independent frames of the reference are joined with the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.divergence_estimates import (
    Binned,
    Estimate,
    corrected,
    divergence,
    memory_units,
)
from cgpipe.physics.divergences import bin_counts, bin_edges, bin_numbers, joined_bins, wasserstein
from cgpipe.physics.own_divergence import own_divergences

Measure = Callable[[Float[np.ndarray, "frames beads 3"]], Float[np.ndarray, "frames ..."]]
Values = Sequence[Float[np.ndarray, "_ positions"]]

FRAMES_PER_BIN = 5.0
"""Independent frames of the reference that a bin holds at least."""

FEWEST_BINS = 12
"""No more are joined than leave about so many, however long the reference remembers."""


@dataclass(frozen=True)
class Quantity:
    """One thing to compare: what it is called, its unit, its period if it has one, and how to measure it."""

    name: str
    label: str
    unit: str
    measure: Measure
    period: float | None = None


def quantities(
    topology: Topology,
    native: Float[np.ndarray, "beads 3"] | None,
    contact_cutoff: float,
    contact_separation: int,
) -> list[Quantity]:
    """What is compared for a protein; those that need more beads, or native contacts, than it has are left out.

    Args:
        topology: of the protein, [beads].
        native: structure that RMSD and native contacts are measured to [Å]; without one there are neither.
        contact_cutoff: closer than this is a native contact [Å].
        contact_separation: pairs with |i−j| up to this are none.
    """
    to_native = []
    if native is not None:
        contacts = (native, topology, contact_cutoff, contact_separation)
        to_native = [
            Quantity("rmsd", "RMSD to native", "Å", lambda R: observables.rmsd(R, native)),
            Quantity(
                "native_contacts", "native contacts Q", "share", lambda R: observables.native_contacts(R, *contacts)
            ),
        ]
    made = [
        Quantity("bond", "bond length", "Å", lambda R: observables.bond_lengths(R, topology)),
        Quantity("angle", "angle", "°", lambda R: observables.bond_angles(R, topology)),
        Quantity("dihedral", "dihedral", "°", lambda R: observables.dihedral_angles(R, topology), 360.0),
        Quantity("rg", "radius of gyration", "Å", observables.radius_of_gyration),
        Quantity("end_to_end", "end-to-end distance", "Å", observables.end_to_end),
        *to_native,
        Quantity("min_distance", "closest approach", "Å", lambda R: observables.min_distance(R, topology)),
    ]
    # beads on a curve without straight angles, for what exists does not depend on where they are
    turns = np.arange(len(topology.chain), dtype=np.float64)
    curve = np.stack([2.3 * np.cos(1.7 * turns), 2.3 * np.sin(1.7 * turns), 1.5 * turns], axis=1)
    trial = {quantity.name: quantity.measure(curve[None]) for quantity in made}
    return [quantity for quantity in made if trial[quantity.name].size and np.all(np.isfinite(trial[quantity.name]))]


@dataclass(frozen=True)
class Bins:
    """Bins of one quantity, made from the reference: equal ones for curves, and wider ones where these hold little.

    Attributes:
        edges: of the equal ones.
        wider: which wider one each of them is part of.
        period: of the quantity.
    """

    edges: Float[np.ndarray, " edges"]
    wider: Int[np.ndarray, " bins"]
    period: float | None

    @classmethod
    def of(cls, reference: Values, bins: int, period: float | None) -> "Bins":
        """Bins from a value per frame and position of each trajectory."""
        pooled = np.concatenate([values.ravel() for values in reference])
        edges = bin_edges(pooled, bins, period)
        equal = cls(edges, np.arange(bins), period).binned(reference)
        memory = max(integrated_time(one, equal.run, equal.time) for one in equal.slow)
        share = min(FRAMES_PER_BIN * memory / len(equal.run), 1 / FEWEST_BINS)
        return cls(edges, joined_bins(bin_counts(pooled, edges), share * len(pooled)), period)

    @property
    def number(self) -> int:
        """Of the wider bins."""
        return int(self.wider[-1]) + 1

    def binned(self, runs: Values) -> Binned:
        """An ensemble's numbers of wider bins; its mean over positions tells how long it remembers."""
        equal = in_bins(self.edges[1:-1], runs, self.period)
        return equal._replace(bins=self.wider[equal.bins])


def in_bins(borders: Float[np.ndarray, " borders"], runs: Values, period: float | None = None) -> Binned:
    """An ensemble's numbers of bins between borders; its mean over positions tells how long it remembers."""
    values = np.concatenate(runs)
    if period is None:
        slow = values.mean(axis=1)[None]
    else:
        angle = 2 * np.pi / period * values
        slow = np.stack([np.cos(angle).mean(axis=1), np.sin(angle).mean(axis=1)])
    lengths = [len(run) for run in runs]
    run, time = np.repeat(np.arange(len(runs)), lengths), np.concatenate([np.arange(length) for length in lengths])
    return Binned(bin_numbers(values, np.concatenate([[-np.inf], borders, [np.inf]])), run, time, slow)


def compare(
    quantity: Quantity,
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    simulated: Sequence[Float[np.ndarray, "_ beads 3"]],
    bins: int,
    generator: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare the distributions of one quantity.

    Args:
        quantity: what to measure.
        reference: one array of frames per trajectory [Å].
        simulated: one array of frames per replica [Å]; empty where no replica left any frame.
        bins: of the histograms.
        generator: picks ways of dividing many trajectories in two.

    Returns:
        flat numbers under keys that start or end with the quantity's name, and the curves: edges, probability densities
        of reference, simulation and the two halves of the reference, and JS at each position along the chain.
    """
    reference_values, simulated_values = measured(quantity, reference), measured(quantity, simulated)
    chosen = Bins.of(reference_values, bins, quantity.period)
    true = chosen.binned(reference_values)
    pooled, edges, name = np.concatenate(reference_values), chosen.edges, quantity.name
    split_half, between = own_divergences(true, chosen.number, generator)
    flat: dict[str, Any] = {
        **estimate_keys(f"js_{name}", None),
        f"js_{name}_split_half": split_half,
        f"js_{name}_between": between,
        f"w1_{name}": None,
        **_moments(f"{name}_reference", pooled, quantity.period),
    }
    curves: dict[str, Any] = {
        "label": quantity.label,
        "unit": quantity.unit,
        "period": quantity.period,
        "edges": edges.tolist(),
        "reference": _density(pooled, edges),
        "halves": [_density(half, edges) for half in halves_in_time(reference_values)],
        "simulated": None,
        "js_by_position": None,
    }
    if simulated_values:
        ours, everything = chosen.binned(simulated_values), np.concatenate(simulated_values)
        flat |= estimate_keys(f"js_{name}", divergence(true, ours, chosen.number))
        flat[f"w1_{name}"] = wasserstein(pooled.ravel(), everything.ravel(), edges, quantity.period)
        flat |= _moments(name, everything, quantity.period)
        curves["simulated"] = _density(everything, edges)
        curves["js_by_position"] = divergences_of(true, ours, chosen.number, np.arange(pooled.shape[1]))
    return flat, curves


def estimate_keys(key: str, estimate: Estimate | None) -> dict[str, Any]:
    """A divergence, its interval, and why there is none, as flat keys."""
    value, bounds, missing = estimate or (None, None, None)
    return {key: value, f"{key}_interval": bounds, f"{key}_interval_missing": missing}


def measured(quantity: Quantity, runs: Sequence[Float[np.ndarray, "_ beads 3"]]) -> Values:
    """The quantity by frame and position in every trajectory that has frames."""
    values = [quantity.measure(run) for run in runs if len(run)]
    return [one.reshape(len(one), -1) for one in values]


def quantity_divergence(
    quantity: Quantity,
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    other: Sequence[Float[np.ndarray, "_ beads 3"]],
    bins: int,
) -> float | None:
    """JS of one quantity between two ensembles, as in :func:`compare`; None where the other one has no frames."""
    values = measured(quantity, other)
    if not values:
        return None
    chosen = Bins.of(measured(quantity, reference), bins, quantity.period)
    true = chosen.binned(measured(quantity, reference))
    return divergence(true, chosen.binned(values), chosen.number).value


def divergences_of(
    reference: Binned, simulated: Binned, number: int, group: Int[np.ndarray, " positions"]
) -> list[float]:
    """JS of the positions along the chain that belong to each group, corrected for bias.

    Args:
        reference, simulated: the ensembles.
        number: of bins.
        group: number of each position's group.
    """
    mine, others = memory_units(reference, simulated, number), memory_units(simulated, reference, number)
    found = []
    for one in range(int(group.max()) + 1):
        p, q = (
            ensemble._replace(bins=ensemble.bins[:, group == one]).counts(units.part, number)
            for ensemble, units in ((reference, mine), (simulated, others))
        )
        found.append(round(float(corrected(p, q)), 5))
    return found


def halves_in_time(
    runs: Sequence[Float[np.ndarray, "_ ..."]],
) -> tuple[Float[np.ndarray, "_ ..."], Float[np.ndarray, "_ ..."]]:
    """First halves of all runs together, and their second halves."""
    first = [run[: len(run) // 2] for run in runs]
    second = [run[len(run) // 2 :] for run in runs]
    return np.concatenate(first), np.concatenate(second)


def _moments(prefix: str, values: Float[np.ndarray, "..."], period: float | None) -> dict[str, float]:
    """Mean and standard deviation; nothing for a periodic quantity, where they depend on the place of the cut."""
    if period is not None:
        return {}
    return {f"{prefix}_mean": float(np.mean(values)), f"{prefix}_std": float(np.std(values))}


def _density(values: Float[np.ndarray, "frames positions"], edges: Float[np.ndarray, " edges"]) -> list[float]:
    """Probability density at the bins; zeros for an empty histogram."""
    counts = bin_counts(values.ravel(), edges)
    area = max(float(np.sum(counts)), 1.0) * np.diff(edges)
    return np.round(counts / area, 7).tolist()
