"""How far the free energies of a sampled ensemble's states are from the reference's, in units of kT.

States are those that the reference fills equally. With p and q the populations in reference and simulation, a state's
free energies differ by ΔF = −ln(q/p); no constant is taken off, because populations of all states add up to one. What
is reported is the root mean square of ΔF over the states, each weighted by its mean population m = (p + q)/2:
√Σ m ln²(q/p). Its square is |d|² near zero, with d = (p − q)/√m, so that it can be corrected for the bias from few
frames and has intervals (:mod:`cgpipe.physics.divergence_estimates`); a mean of absolute values has neither. It is
never below that mean. Near zero it is √(8 ln 2 JS).

A population below half an independent frame, or a quarter of a fair share, counts as that much: a state that an
ensemble never visits has no infinite free energy, but one that is at least so high. Then the difference is a lower
bound, and its interval has no upper end.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.physics.divergence_estimates import Binned, Measure, corrected, interval, memory_units, reasons
from cgpipe.physics.own_divergence import own_divergences

FRAMES_PER_STATE = 10.0
"""Independent frames of the reference in a state, at least."""

FEWEST_STATES, MOST_STATES = 4, 10
"""Along one coordinate."""

Interval = tuple[float | None, float | None]
"""Ends of an interval; None for an end that is not bounded."""


class Difference(NamedTuple):
    """Free energies of one ensemble against another.

    Attributes:
        value: root mean square difference [kT].
        interval: of it; None where the data support none.
        missing: why there is none.
        unvisited: states that one ensemble visits and the other does not.
    """

    value: float
    interval: Interval | None
    missing: str | None
    unvisited: int


def squared_difference(least: float) -> Measure:
    """Σ m ln²(q/p) of two histograms.

    Args:
        least: populations below this count as this.
    """

    def of(p: Float[np.ndarray, "*batch states"], q: Float[np.ndarray, "*other states"]) -> Float[np.ndarray, "..."]:
        p, q = (np.maximum(x / np.sum(x, axis=-1, keepdims=True), least) for x in (p, q))
        return np.asarray(np.sum((p + q) / 2 * np.log(q / p) ** 2, axis=-1))

    return Measure(of, 1.0, np.inf)


def difference(reference: Binned, simulated: Binned, number: int) -> Difference:
    """Root mean square difference of the free energies of two ensembles' states.

    Args:
        reference, simulated: states of their frames.
        number: of states.
    """
    mine, others = memory_units(reference, simulated, number), memory_units(simulated, reference, number)
    p, q = reference.counts(mine.part, number), simulated.counts(others.part, number)
    measure, missing = squared_difference(_least(min(mine.worth, others.worth), number)), reasons(mine, others)
    unvisited = int(np.sum((p.sum(axis=0) > 0) != (q.sum(axis=0) > 0)))
    bounds: Interval | None = None
    if not missing:
        ends = interval(p, q, measure)
        bounds = (float(np.sqrt(ends[0])), None if unvisited else float(np.sqrt(ends[1])))
    return Difference(float(np.sqrt(max(float(corrected(p, q, measure)), 0.0))), bounds, missing, unvisited)


def own_differences(
    reference: Binned, number: int, generator: np.random.Generator
) -> tuple[float | None, float | None]:
    """What the reference makes of itself [kT]: between its halves in time, and between its runs; None without."""
    memory = max(integrated_time(one, reference.run, reference.time) for one in reference.slow)
    measure = squared_difference(_least(len(reference.run) / memory, number))
    halves, runs = (
        None if one is None else float(np.sqrt(max(one, 0.0)))
        for one in own_divergences(reference, number, generator, measure)
    )
    return halves, runs


def equal_levels(values: Sequence[Float[np.ndarray, "_ positions"]], worth: float) -> Float[np.ndarray, " borders"]:
    """Borders of states along one coordinate that a reference fills equally.

    Args:
        values: of the reference, run by run.
        worth: how many independent frames it has.
    """
    number = int(np.clip(worth / FRAMES_PER_STATE, FEWEST_STATES, MOST_STATES))
    pooled = np.concatenate([one.ravel() for one in values])
    return np.unique(np.quantile(pooled, np.arange(1, number) / number))


def _least(worth: float, number: int) -> float:
    """Half an independent frame, as a population; never more than a quarter of a fair share."""
    return min(0.5 / worth, 0.25 / number)
