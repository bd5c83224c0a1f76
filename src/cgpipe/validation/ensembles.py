"""Beyond distributions: fluctuations along the chain, slow coordinates, handedness, and the controls."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.divergence_estimates import Binned, divergence
from cgpipe.physics.ensembles import Bins, Quantity, divergences_of, estimate_keys, halves_in_time, measured
from cgpipe.physics.independent_units import independent_units
from cgpipe.physics.own_divergence import own_divergences
from cgpipe.physics.statistics import share_interval
from cgpipe.physics.tica import States, coverage, equal_states, fit_tica, free_energy_difference, landscape
from cgpipe.units import thermal_energy
from cgpipe.validation.free_energies import compared_states

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


def handedness(reference: Runs, simulated: Runs, topology: Topology) -> dict[str, Any]:
    """Share of Cα dihedrals between 0 and 180° (right-handed turns, as in an α-helix), with intervals.

    Returns:
        ``right_handed`` and ``right_handed_reference``, each with ``_interval`` and ``_interval_missing``.
    """
    flat: dict[str, Any] = {}
    for name, runs in (("right_handed_reference", reference), ("right_handed", simulated)):
        angles = [observables.dihedral_angles(run, topology) for run in runs if len(run)]
        found = share_of([values > 0 for values in angles]) if any(values.size for values in angles) else (None,) * 3
        flat |= dict(zip((name, f"{name}_interval", f"{name}_interval_missing"), found, strict=True))
    return flat


def share_of(
    inside: Sequence[Bool[np.ndarray, "_ positions"]],
) -> tuple[float, tuple[float, float] | None, str | None]:
    """Share of frames and positions that are inside, its interval, and why there is none where there is none."""
    share = np.concatenate([np.mean(run, axis=1) for run in inside])
    lengths = [len(run) for run in inside]
    run, time = np.repeat(np.arange(len(inside)), lengths), np.concatenate([np.arange(length) for length in lengths])
    units = independent_units(run, time, [share])
    if units.too_few:
        return float(share.mean()), None, units.too_few
    bounds = share_interval(np.bincount(units.part, share), np.bincount(units.part).astype(np.float64))
    return float(share.mean()), bounds, None if bounds else "one kind is too rare"


def slow_coordinates(
    reference: Runs, simulated: Runs, temperature: float, generator: np.random.Generator, alone: Runs = ()
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Free energies over the reference's two slowest coordinates; nothing for short chains and trajectories.

    Args:
        reference, simulated, alone: frames of each run of the reference, the simulation, and the prior alone [Å].
        temperature: [K].
        generator: picks ways of dividing many trajectories in two.

    Returns:
        ``js_tica`` (with its interval, halves, runs, and that of the prior alone), ``free_energy_tica`` (as
        :func:`~cgpipe.validation.free_energies.compared_states`), ``tica_states``, ``tica_mae`` [kcal/mol] (and that of
        the halves), ``coverage`` (share of reference frames in bins that the simulation visits),
        ``coverage_of_simulation`` (the other way round); and the two-dimensional histograms.
    """
    names = ("js_tica_split_half", "js_tica_between", "js_tica_prior", "tica_states", "tica_mae", "tica_mae_split_half")
    flat: dict[str, Any] = dict.fromkeys((*names, "coverage", "coverage_split_half", "coverage_of_simulation"))
    flat |= estimate_keys("js_tica", None)
    tica = fit_tica(reference, TICA_LAG)
    if tica is None:
        return flat, None
    kT = thermal_energy(temperature)
    points = [tica.project(run) for run in reference]
    pooled, bins = np.concatenate(points), landscape(np.concatenate(points))
    run = np.repeat(np.arange(len(points)), [len(one) for one in points])
    time = np.concatenate([np.arange(len(one)) for one in points])
    states = equal_states(pooled, len(pooled) / integrated_time(pooled[:, 0], run, time))
    true = _in_states(states, points)
    first, second = halves_in_time(points)
    flat["tica_states"] = states.number - 1
    flat["js_tica_split_half"], flat["js_tica_between"] = own_divergences(true, states.number, generator)
    flat["tica_mae_split_half"] = free_energy_difference(_counts(states, first), _counts(states, second), kT)
    flat["coverage_split_half"] = coverage(bins.counts(second), bins.counts(first))
    curves: dict[str, Any] = {
        "edges": [edge.round(4).tolist() for edge in bins.edges],
        "eigenvalues": tica.eigenvalues.round(4).tolist(),
        "lag": TICA_LAG,
        "reference": bins.counts(pooled).astype(int).tolist(),
        "simulated": None,
    }
    ours, others = ([tica.project(run) for run in runs if len(run)] for runs in (simulated, alone))
    binned, without = (_in_states(states, runs) if runs else None for runs in (ours, others))
    flat |= compared_states("tica", true, binned, without, states.number, generator)
    flat["js_tica_prior"] = divergence(true, without, states.number).value if without else None
    if binned:
        everything = np.concatenate(ours)
        flat |= estimate_keys("js_tica", divergence(true, binned, states.number))
        flat["tica_mae"] = free_energy_difference(_counts(states, pooled), _counts(states, everything), kT)
        seen, visited = bins.counts(pooled), bins.counts(everything)
        flat["coverage"], flat["coverage_of_simulation"] = coverage(seen, visited), coverage(visited, seen)
        curves["simulated"] = visited.astype(int).tolist()
    return flat, curves


def divergences_by_residue(
    quantities: Sequence[Quantity], reference: Runs, simulated: Runs, residues: Sequence[str], bins: int
) -> list[dict[str, Any]]:
    """JS of bonds, angles and dihedrals by residue type; for unbroken chains only, where positions are beads."""
    if not any(map(len, simulated)):
        return []
    rows = []
    for quantity in quantities:
        if quantity.name not in BY_RESIDUE:
            continue
        true, ours = measured(quantity, reference), measured(quantity, simulated)
        positions = true[0].shape[1]
        if positions + {"bond": 1, "angle": 2, "dihedral": 3}[quantity.name] != len(residues):
            continue
        names, group = np.unique(residues[BY_RESIDUE[quantity.name] :][:positions], return_inverse=True)
        chosen = Bins.of(true, bins, quantity.period)
        found = divergences_of(chosen.binned(true), chosen.binned(ours), chosen.number, group)
        rows += [
            {"quantity": quantity.name, "residue": str(name), "js": js} for name, js in zip(names, found, strict=True)
        ]
    return rows


def _in_states(states: States, points: Sequence[Float[np.ndarray, "_ components"]]) -> Binned:
    """States of an ensemble's frames, with the slow coordinates themselves as what tells how long it remembers."""
    pooled = np.concatenate(points)
    lengths = [len(one) for one in points]
    run, time = np.repeat(np.arange(len(points)), lengths), np.concatenate([np.arange(length) for length in lengths])
    return Binned(states.of(pooled)[:, None], run, time, pooled[:, :2].T)


def _counts(states: States, points: Float[np.ndarray, "frames components"]) -> Float[np.ndarray, " states"]:
    return np.bincount(states.of(points), minlength=states.number).astype(np.float64)


def _rms(values: Float[np.ndarray, "..."]) -> float:
    return float(np.sqrt(np.mean(values**2)))
