"""How much an ensemble of several trajectories diverges from itself: between halves in time, and between trajectories.

Sampling error *within* a half or trajectory is taken off by a jackknife over its independent pieces (see
:mod:`cgpipe.physics.divergence_estimates`); what they differ in beyond that stays, because it is what is asked for.
Pieces that remember each other leave a part of the sampling error in: the numbers are too high rather than too low.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.physics.divergence_estimates import JS, Binned, Measure
from cgpipe.physics.independent_units import MEMORIES, cut

MOST_WAYS = 64
"""So many ways of dividing trajectories in two are tried at most."""

PARTS = 5
"""A trajectory is cut into so many pieces at most to find its own sampling error."""


def own_divergences(
    ensemble: Binned, number: int, generator: np.random.Generator, measure: Measure = JS
) -> tuple[float | None, float | None]:
    """What an ensemble of several runs makes of itself.

    Args:
        ensemble: the runs.
        number: of bins.
        generator: picks ways of dividing the runs where there are many.
        measure: of the divergence.

    Returns:
        Divergence of the first halves of all runs from their second halves, and the mean one between two groups of runs
        over the ways of dividing them in two; None where there is nothing to divide.
    """
    halves = _parts(ensemble, True, number)
    runs = _parts(ensemble, False, number)
    first = (np.arange(len(halves))[None] < len(runs)).astype(np.float64)
    split_half = divided(halves, first, measure) if len(halves) == 2 * len(runs) else None
    return split_half, divided(runs, _groups(len(runs), generator), measure) if len(runs) > 1 else None


def divided(
    parts: list[Float[np.ndarray, "_ bins"]], groups: Float[np.ndarray, "ways parts"], measure: Measure = JS
) -> float | None:
    """Mean divergence between two groups of parts over ways of dividing them, sampling error *within* parts taken off.

    What parts differ in beyond that stays: it is what is asked for.

    Args:
        parts: histograms of the independent units of every part.
        groups: 1 for a part in the first group, 0 for one in the second.
        measure: of the divergence.

    Returns:
        None where a group has no frames.
    """
    totals = np.array([units.sum(axis=0) for units in parts])

    def mean_of(totals: Float[np.ndarray, "*left parts bins"]) -> Float[np.ndarray, "*left"]:
        return np.asarray(measure.of(groups @ totals, (1 - groups) @ totals).mean(axis=-1))

    value = plain = float(mean_of(totals))
    for row, units in enumerate(parts):
        if len(units) > 1:
            without = np.repeat(totals[None], len(units), axis=0)
            left = totals[row] - units
            # a part keeps its weight
            without[:, row] = left * (totals[row].sum() / left.sum(axis=1, keepdims=True))
            value += (len(units) - 1) * (plain - float(mean_of(without).mean()))
    return value if np.isfinite(value) else None


def _groups(runs: int, generator: np.random.Generator) -> Float[np.ndarray, "ways runs"]:
    """Ways of dividing runs in two, all of them or some: 1 for runs of the first group."""
    chosen: Sequence[Sequence[int]] = list(combinations(range(runs), runs // 2)) if runs <= 10 else []
    if not 0 < len(chosen) <= MOST_WAYS:
        chosen = [generator.permutation(runs)[: runs // 2].tolist() for _ in range(MOST_WAYS)]
    return np.array([[run in group for run in range(runs)] for group in chosen], dtype=np.float64)


def _parts(ensemble: Binned, halves: bool, number: int) -> list[Float[np.ndarray, "_ bins"]]:
    """Histograms of the independent units within every run, or within every half of a run: all first halves first.

    Args:
        ensemble: the runs.
        halves: cut every run in two.
        number: of bins.
    """
    names, run = np.unique(ensemble.run, return_inverse=True)
    length = np.bincount(run)
    second = ensemble.time >= (length // 2)[run] if halves else np.zeros(len(run), bool)
    part = run + len(names) * second
    memory = max(integrated_time(one, part, ensemble.time, within=True) for one in ensemble.slow)
    found = []
    for name in np.unique(part):
        mine = np.flatnonzero(part == name)
        some = Binned(ensemble.bins[mine], ensemble.run[mine], ensemble.time[mine], ensemble.slow[:, mine])
        shortest = max(len(mine) / PARTS, MEMORIES * memory)
        found.append(some.counts(cut(some.run, some.time, shortest, PARTS), number))
    return found
