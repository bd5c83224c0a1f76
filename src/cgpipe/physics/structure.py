"""Everything that a set of simulations is compared on with a set of reference trajectories of the same protein."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.divergences import bin_counts, bin_edges, jensen_shannon
from cgpipe.physics.ensembles import compare, halves_in_time, quantities
from cgpipe.physics.geometry import bonded
from cgpipe.physics.peptide_bonds import mean_lengths

SERIES_POINTS = 400
OVERLAY_FRAMES = 24
MAP_BINS = 30


@dataclass(frozen=True)
class Comparison:
    """What the comparison needs besides the coordinates: see ``validate`` in the configuration."""

    contact_cutoff: float
    contact_separation: int
    bins: int
    discard: float


def compare_structures(
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    replicas: Sequence[Float[np.ndarray, "_ beads 3"]],
    times: Sequence[Float[np.ndarray, " _"]],
    topology: Topology,
    native: Float[np.ndarray, "beads 3"] | None,
    how: Comparison,
    generator: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare simulated replicas with reference trajectories.

    Args:
        reference: frames of each reference trajectory [Å].
        replicas: all frames of each simulation [Å], finite; may be empty after an early death.
        times: time of each of those frames [ps].
        topology: of the protein, [beads].
        native: structure that RMSD and native contacts are measured to [Å]; None leaves both out.
        how: settings.
        generator: picks ways of dividing many trajectories in two.

    Returns:
        flat numbers, and the curves behind the figures.
    """
    kept = [run[int(how.discard * len(run)) :] for run in replicas]
    flat: dict[str, Any] = {"frames_reference": sum(map(len, reference)), "frames_simulated": sum(map(len, kept))}
    curves: dict[str, Any] = {"distributions": {}}
    for quantity in quantities(topology, native, how.contact_cutoff, how.contact_separation):
        numbers, curve = compare(quantity, reference, kept, how.bins, generator)
        flat |= numbers
        curves["distributions"][quantity.name] = curve
    pooled = np.concatenate(reference)
    everything = np.concatenate(kept) if any(map(len, kept)) else None
    flat |= _handedness(pooled, everything, topology, how.bins)
    flat |= _extremes(pooled, replicas, topology)
    numbers, curves["contacts"] = _contacts(reference, everything, topology, how)
    curves["bonded"] = np.asarray(bonded(topology)).tolist()
    curves["series"] = [_series(run, time, native) for run, time in zip(replicas, times, strict=True)]
    curves["map"] = None if native is None else _rg_rmsd_map(pooled, everything, native)
    onto = _most_like_the_others(pooled) if native is None else native
    curves["overlay"] = {
        "onto": np.round(onto - onto.mean(axis=0), 2).tolist(),
        "reference": _overlay(pooled, onto),
        "simulated": [] if everything is None else _overlay(everything, onto),
    }
    return flat | numbers, curves


def _handedness(
    reference: Float[np.ndarray, "frames beads 3"],
    simulated: Float[np.ndarray, "others beads 3"] | None,
    topology: Topology,
    bins: int,
) -> dict[str, float | None]:
    """JS of dihedrals against the *mirror images*: the control that a chain of the right handedness must fail."""
    right = observables.dihedral_angles(reference, topology).ravel()
    if not len(right):
        return {}
    edges = bin_edges(right, bins, 360.0)
    counts = bin_counts(right, edges)

    def mirrored(R: Float[np.ndarray, "frames beads 3"]) -> float:
        return float(jensen_shannon(counts, bin_counts(-observables.dihedral_angles(R, topology).ravel(), edges)))

    return {
        "js_dihedral_mirrored_reference": mirrored(reference),
        "js_dihedral_mirrored": None if simulated is None else mirrored(simulated),
    }


def _extremes(
    reference: Float[np.ndarray, "frames beads 3"],
    replicas: Sequence[Float[np.ndarray, "_ beads 3"]],
    topology: Topology,
) -> dict[str, float | None]:
    """Worst bond and closest approach over *all* saved frames, those of the equilibration included."""
    means = mean_lengths(observables.bond_lengths(reference, topology))

    def deviation(R: Float[np.ndarray, "frames beads 3"]) -> float:
        apart = np.abs(observables.bond_lengths(R, topology)[:, None] - means).min(axis=1)
        return float(np.max(apart, initial=0.0))

    def closest(R: Float[np.ndarray, "frames beads 3"]) -> float:
        return float(np.min(observables.min_distance(R, topology), initial=np.inf))

    alive = [run for run in replicas if len(run)]
    numbers = {
        "max_bond_deviation_saved": max(map(deviation, alive), default=None),
        "max_bond_deviation_reference": deviation(reference),
        "closest_approach": min(map(closest, alive), default=None),
        "closest_approach_reference": closest(reference),
    }
    return {name: value if value is not None and np.isfinite(value) else None for name, value in numbers.items()}


def _contacts(
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    simulated: Float[np.ndarray, "others beads 3"] | None,
    topology: Topology,
    how: Comparison,
) -> tuple[dict[str, float | None], dict[str, Any]]:
    """Contact frequencies, and their RMS difference over the pairs that count beside that of the reference's halves."""
    pairs = observables.separated_pairs(topology, how.contact_separation)

    def frequencies(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "beads beads"]:
        return observables.contact_map(R, topology, how.contact_cutoff, how.contact_separation)

    def difference(a: Float[np.ndarray, "beads beads"], b: Float[np.ndarray, "beads beads"]) -> float | None:
        return float(np.sqrt(np.mean((a - b)[pairs] ** 2))) if np.any(pairs) else None

    first, second = halves_in_time(reference)
    true = frequencies(np.concatenate(reference))
    ours = None if simulated is None else frequencies(simulated)
    flat = {
        "contact_rmse": None if ours is None else difference(true, ours),
        "contact_rmse_split_half": difference(frequencies(first), frequencies(second)) if len(first) else None,
    }
    return flat, {
        "cutoff": how.contact_cutoff,
        "separation": how.contact_separation,
        "reference": np.round(true, 4).tolist(),
        "simulated": None if ours is None else np.round(ours, 4).tolist(),
    }


def _series(
    R: Float[np.ndarray, "frames beads 3"],
    times: Float[np.ndarray, " frames"],
    native: Float[np.ndarray, "beads 3"] | None,
) -> dict[str, list[float]]:
    """Size, and distance from the native structure where there is one, over time; thinned to what a figure can show."""
    thin = R[:: max(1, len(R) // SERIES_POINTS)]
    similar = {} if native is None else {"rmsd": np.round(observables.rmsd(thin, native), 3).tolist()}
    return {
        "time": np.round(times[:: max(1, len(R) // SERIES_POINTS)], 4).tolist(),
        "rg": np.round(observables.radius_of_gyration(thin), 3).tolist(),
        **similar,
    }


def _rg_rmsd_map(
    reference: Float[np.ndarray, "frames beads 3"],
    simulated: Float[np.ndarray, "others beads 3"] | None,
    native: Float[np.ndarray, "beads 3"],
) -> dict[str, Any]:
    """Two-dimensional histograms over RMSD and radius of gyration, at shared bins that hold both ensembles."""
    points = [
        (observables.rmsd(R, native), observables.radius_of_gyration(R))
        for R in (reference, simulated)
        if R is not None
    ]
    ranges = [[min(p[axis].min() for p in points), max(p[axis].max() for p in points) + 1e-6] for axis in (0, 1)]
    counts = [np.histogram2d(*point, bins=MAP_BINS, range=ranges)[0].astype(int).tolist() for point in points]
    return {
        "rmsd_range": ranges[0],
        "rg_range": ranges[1],
        "reference": counts[0],
        "simulated": counts[1] if counts[1:] else None,
    }


def _overlay(R: Float[np.ndarray, "frames beads 3"], onto: Float[np.ndarray, "beads 3"]) -> list[Any]:
    """Evenly spaced frames, superposed on a structure with its centre at the origin."""
    return np.round(observables.superposed(_spread(R), onto - onto.mean(axis=0)), 2).tolist()


def _most_like_the_others(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "beads 3"]:
    """Of evenly spaced frames the one with the smallest mean RMSD to the others."""
    chosen = _spread(R).astype(np.float64)
    return chosen[np.argmin([observables.rmsd(chosen, frame).mean() for frame in chosen])]


def _spread(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "chosen beads 3"]:
    return R[np.linspace(0, len(R) - 1, min(OVERLAY_FRAMES, len(R))).astype(int)]
