"""Distances between distributions.

Jensen–Shannon divergence (base 2, Lin, IEEE Trans. Inf. Theory 37, 145, 1991): JS(p, q) = H((p+q)/2) − (H(p) + H(q))/2,
0 for equal distributions and 1 for disjoint ones. Bins come from the reference alone and the two outermost catch
everything beyond, so a simulation that flies apart cannot stretch the bins until everything looks alike.
Wasserstein distance: W₁ = ∫|P − Q| of the cumulative distributions, on a circle with the best constant taken off
(Rabin, Delon, Gousseau, J. Math. Imaging Vis. 41, 147, 2011).
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import wasserstein_distance

MARGIN = 0.1
"""Bins reach this share of the reference's range beyond it, on both sides."""


def bin_edges(reference: Float[np.ndarray, " samples"], bins: int, period: float | None) -> Float[np.ndarray, " edges"]:
    """Bin edges from the reference's samples: −period/2 … period/2, or its range and a margin on both sides.

    Raises:
        ValueError: no samples, or one that is not finite.
    """
    if not len(reference) or not np.all(np.isfinite(reference)):
        raise ValueError("bins need at least one sample, all of them finite")
    if period is not None:
        return np.linspace(-period / 2, period / 2, bins + 1)
    low, high = float(np.min(reference)), float(np.max(reference))
    margin = MARGIN * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, bins + 1)


def bin_counts(
    samples: Float[np.ndarray, " samples"], edges: Float[np.ndarray, " edges"]
) -> Float[np.ndarray, " bins"]:
    """Samples per bin; the outermost bins take what lies beyond them.

    Raises:
        ValueError: a sample is not finite.
    """
    return np.bincount(bin_numbers(samples, edges), minlength=len(edges) - 1).astype(np.float64)


def bin_numbers(samples: Float[np.ndarray, "*shape"], edges: Float[np.ndarray, " edges"]) -> Int[np.ndarray, "*shape"]:
    """Number of the bin of every sample; the outermost bins take what lies beyond them.

    Raises:
        ValueError: a sample is not finite.
    """
    if not np.all(np.isfinite(samples)):
        raise ValueError("a histogram of values that are not finite")
    return np.clip(np.searchsorted(edges, samples, side="right") - 1, 0, len(edges) - 2)


def joined_bins(counts: Float[np.ndarray, " bins"], smallest: float) -> Int[np.ndarray, " bins"]:
    """Number of the wider bin that each bin becomes part of, so that each holds at least so many samples.

    Empty bins before the first sample and after the last one stay bins of their own: what falls there is new.

    Args:
        counts: samples per bin.
        smallest: samples that a wider bin holds.
    """
    held = np.flatnonzero(counts)
    first, last = int(held[0]), int(held[-1])
    wider = np.zeros(len(counts), dtype=np.int64)
    number, inside = int(first > 0), 0.0
    for bin in range(first, last + 1):
        wider[bin] = number
        inside += counts[bin]
        if bin < last and inside >= smallest and np.sum(counts[bin + 1 :]) >= smallest:
            number, inside = number + 1, 0.0
    wider[last + 1 :] = number + 1
    return wider


def jensen_shannon(
    p: Float[np.ndarray, "*batch bins"], q: Float[np.ndarray, "*#batch bins"]
) -> Float[np.ndarray, "*batch"]:
    """Jensen–Shannon divergence, base 2, of two histograms (counts or probabilities; each is normalised).

    Returns:
        0 (equal) … 1 (disjoint), one per leading index; NaN where a histogram is empty.
    """
    with np.errstate(invalid="ignore"):
        p = p / np.sum(p, axis=-1, keepdims=True)
        q = q / np.sum(q, axis=-1, keepdims=True)
    mixed = _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2
    return np.asarray(np.clip(mixed, 0.0, 1.0))


def wasserstein(
    a: Float[np.ndarray, " a"], b: Float[np.ndarray, " b"], edges: Float[np.ndarray, " edges"], period: float | None
) -> float:
    """W₁ distance of two samples in their own unit; for periodic ones around the circle, at the bins' resolution."""
    if period is None:
        return float(wasserstein_distance(a, b))
    p, q = bin_counts(a, edges), bin_counts(b, edges)
    gap = np.cumsum(p / p.sum() - q / q.sum())
    return float(np.sum(np.abs(gap - np.median(gap))) * (edges[1] - edges[0]))


def _entropy(p: Float[np.ndarray, "*batch bins"]) -> Float[np.ndarray, "*batch"]:
    """Shannon entropy [bits], with 0 log 0 = 0."""
    return np.asarray(-np.sum(p * np.log2(np.where(p > 0, p, 1.0)), axis=-1))
