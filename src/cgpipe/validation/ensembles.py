"""Beyond distributions: fluctuations along the chain, slow coordinates, handedness, and the controls."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.ensembles import Quantity, halves_in_time
from cgpipe.physics.statistics import bin_counts, bin_edges, interval, jensen_shannon, resampling
from cgpipe.physics.tica import coverage, fit_tica, free_energy_difference, landscape, landscape_divergence
from cgpipe.units import thermal_energy

Runs = Sequence[Float[np.ndarray, "_ beads 3"]]

TICA_LAG = 10
"""τ of the slow coordinates, in frames of the reference."""

BY_RESIDUE = {"bond": 0, "angle": 1, "dihedral": 1}
"""Which of its beads a bond, angle or dihedral is counted under."""


def fluctuations(reference: Runs, simulated: Runs) -> tuple[dict[str, Any], dict[str, Any]]:
    """RMSF of every bead, simulated and in the reference: RMS difference [Å] beside that of the reference's halves."""
    first, second = halves_in_time(reference)
    true = observables.rmsf(np.concatenate(reference))
    flat: dict[str, Any] = {"rmsf_difference": None, "rmsf_split_half": None}
    if len(first):
        flat["rmsf_split_half"] = _rms(observables.rmsf(first) - observables.rmsf(second))
    ours = None
    if any(map(len, simulated)):
        ours = observables.rmsf(np.concatenate(simulated))
        flat["rmsf_difference"] = _rms(ours - true)
    return flat, {
        "reference": np.round(true, 3).tolist(),
        "simulated": None if ours is None else ours.round(3).tolist(),
    }


def handedness(
    reference: Runs, simulated: Runs, topology: Topology, generator: np.random.Generator, samples: int
) -> dict[str, Any]:
    """Share of Cα dihedrals between 0 and 180° (right-handed turns, as in an α-helix), with intervals over runs."""
    flat: dict[str, Any] = {}
    for name, runs in (("right_handed_reference", reference), ("right_handed", simulated)):
        angles = [observables.dihedral_angles(run, topology) for run in runs if len(run)]
        angles = [values for values in angles if values.size]
        flat |= {name: None, f"{name}_interval": None}
        if angles:
            right = np.array([np.sum(values > 0) for values in angles], dtype=float)
            all_of = np.array([values.size for values in angles], dtype=float)
            flat[name] = float(right.sum() / all_of.sum())
            if len(angles) > 1:
                weights = resampling(generator, len(angles), samples)
                flat[f"{name}_interval"] = interval((weights @ right) / (weights @ all_of))
    return flat


def slow_coordinates(
    reference: Runs, simulated: Runs, temperature: float, generator: np.random.Generator, samples: int
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Free energies over the reference's two slowest coordinates; nothing for short chains and trajectories.

    Returns:
        ``js_tica`` (with interval over replicas, halves and runs), ``tica_mae`` [kcal/mol] (and that of the halves),
        ``coverage`` (share of reference frames in bins that the simulation visits), ``coverage_of_simulation`` (the
        other way round); and the two-dimensional histograms.
    """
    names = ("js_tica", "js_tica_interval", "js_tica_split_half", "js_tica_between", "tica_mae", "tica_mae_split_half")
    flat: dict[str, Any] = dict.fromkeys((*names, "coverage", "coverage_split_half", "coverage_of_simulation"))
    tica = fit_tica(reference, TICA_LAG)
    if tica is None:
        return flat, None
    kT = thermal_energy(temperature)
    points = [tica.project(run) for run in reference]
    bins = landscape(np.concatenate(points))
    counts = np.array([bins.counts(one) for one in points])
    true = counts.sum(axis=0)
    first, second = (bins.counts(half) for half in halves_in_time(points))
    flat["js_tica_split_half"] = landscape_divergence(first, second)
    flat["tica_mae_split_half"] = free_energy_difference(first, second, kT)
    flat["coverage_split_half"] = coverage(second, first)
    if len(counts) > 1:
        flat["js_tica_between"] = _between(counts)
    ours = [bins.counts(tica.project(run)) for run in simulated if len(run)]
    curves: dict[str, Any] = {
        "edges": [edge.round(4).tolist() for edge in bins.edges],
        "eigenvalues": tica.eigenvalues.round(4).tolist(),
        "lag": TICA_LAG,
        "reference": true.astype(int).tolist(),
        "simulated": None,
    }
    if ours:
        total = np.sum(ours, axis=0)
        flat["js_tica"] = landscape_divergence(true, total)
        flat["tica_mae"] = free_energy_difference(true, total, kT)
        flat["coverage"], flat["coverage_of_simulation"] = coverage(true, total), coverage(total, true)
        if len(ours) > 1:
            flat["js_tica_interval"] = _drawn(true, np.array(ours), resampling(generator, len(ours), samples))
        curves["simulated"] = total.astype(int).tolist()
    return flat, curves


def divergences_by_residue(
    quantities: Sequence[Quantity], reference: Runs, simulated: Runs, residues: Sequence[str], bins: int
) -> list[dict[str, Any]]:
    """JS of bonds, angles and dihedrals by residue type; for unbroken chains only, where positions are beads."""
    if not any(map(len, simulated)):
        return []
    pooled, ours = np.concatenate(reference), np.concatenate(simulated)
    rows = []
    for quantity in quantities:
        if quantity.name not in BY_RESIDUE:
            continue
        true, other = quantity.measure(pooled), quantity.measure(ours)
        if true.shape[1] + {"bond": 1, "angle": 2, "dihedral": 3}[quantity.name] != len(residues):
            continue
        owners = np.array(residues)[BY_RESIDUE[quantity.name] :][: true.shape[1]]
        edges = bin_edges(true.ravel(), bins, quantity.period)
        for residue in sorted(set(owners.tolist())):
            mine = owners == residue
            p, q = (bin_counts(values[:, mine].ravel(), edges) for values in (true, other))
            rows.append({"quantity": quantity.name, "residue": residue, "js": round(float(jensen_shannon(p, q)), 5)})
    return rows


def _between(counts: Float[np.ndarray, "runs bins bins"]) -> float | None:
    """Mean JS of each run from all others."""
    rest = counts.sum(axis=0) - counts
    found = [landscape_divergence(one, other) for one, other in zip(counts, rest, strict=True)]
    return float(np.mean([value for value in found if value is not None]))


def _drawn(
    true: Float[np.ndarray, "bins bins"],
    counts: Float[np.ndarray, "replicas bins bins"],
    weights: Int[np.ndarray, "samples replicas"],
) -> tuple[float, float] | None:
    drawn = np.tensordot(weights, counts, axes=1).reshape(len(weights), -1)
    return interval(jensen_shannon(drawn, true.ravel()))


def _rms(values: Float[np.ndarray, "..."]) -> float:
    return float(np.sqrt(np.mean(values**2)))
