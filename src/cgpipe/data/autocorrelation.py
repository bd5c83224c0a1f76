"""How long a time series remembers itself, from several runs of it.

Integrated autocorrelation time τ = 1 + 2 Σ ρ(k), summed up to the first lag that is at least five times the sum so far
(Sokal, in Functional Integration, Plenum 1997). A mean over n frames then has the variance of one over n/τ independent
ones. Deviations are from the mean of all runs together, so that runs in different states show as a long memory; taken
within each run, these differences are left out.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

WINDOW = 5.0
"""Lags are summed until they exceed so many times the result."""


def integrated_time(
    series: Float[np.ndarray, " frames"],
    run: Int[np.ndarray, " frames"],
    time: Int[np.ndarray, " frames"],
    within: bool = False,
) -> float:
    """τ in frames, 1 for independent ones; frames may be missing.

    Args:
        series: a number per frame.
        run: trajectory of each frame.
        time: number of each frame in its trajectory.
        within: take deviations from each run's own mean.
    """
    values, known = _table(series, run, time)
    mean = np.sum(values, axis=1, keepdims=True) / np.sum(known, axis=1, keepdims=True) if within else np.mean(series)
    values = np.where(known, values - mean, 0.0)
    length = 2 * values.shape[1]
    products, pairs = (_correlate(table, length) for table in (values, known.astype(np.float64)))
    correlation = np.where(pairs > 0.5, products / np.maximum(pairs, 1.0), 0.0)
    if correlation[0] <= 0:
        return 1.0
    sums = 2 * np.cumsum(correlation / correlation[0]) - 1
    enough = np.flatnonzero(np.arange(len(sums)) >= WINDOW * sums)
    return max(1.0, float(sums[enough[0] if len(enough) else -1]))


def _table(
    series: Float[np.ndarray, " frames"], run: Int[np.ndarray, " frames"], time: Int[np.ndarray, " frames"]
) -> tuple[Float[np.ndarray, "runs times"], Bool[np.ndarray, "runs times"]]:
    """The series by run and by time from each run's beginning, and where there is a frame."""
    row, column = np.unique(run, return_inverse=True)[1], frame_steps(run, time)
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    values, known = np.zeros(shape), np.zeros(shape, bool)
    values[row, column], known[row, column] = series, True
    return values, known


def frame_steps(run: Int[np.ndarray, " frames"], time: Int[np.ndarray, " frames"]) -> Int[np.ndarray, " frames"]:
    """Time of every frame since the first one of its run, in units of the shortest time between two frames."""
    names, row = np.unique(run, return_inverse=True)
    first = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(first, row, time)
    order = np.lexsort((time, row))
    steps = np.diff(time[order])[np.diff(row[order]) == 0]
    return (time - first[row]) // max(1, int(np.min(steps, initial=np.iinfo(np.int64).max)) if len(steps) else 1)


def _correlate(table: Float[np.ndarray, "runs times"], length: int) -> Float[np.ndarray, " lags"]:
    """Sum over runs and times of the product with itself, at every lag."""
    transformed = np.fft.rfft(table, length, axis=1)
    return np.fft.irfft(np.sum(np.abs(transformed) ** 2, axis=0), length)[: table.shape[1]]
