"""Distances between distributions, and bootstrap intervals over independent units.

Jensen–Shannon divergence (base 2, Lin, IEEE Trans. Inf. Theory 37, 145, 1991): JS(p, q) = H((p+q)/2) − (H(p) + H(q))/2,
0 for equal distributions and 1 for disjoint ones. Bins come from the reference alone and the two outermost catch
everything beyond, so a simulation that flies apart cannot stretch the bins until everything looks alike.
Wasserstein distance: W₁ = ∫|P − Q| of the cumulative distributions, on a circle with the best constant taken off
(Rabin, Delon, Gousseau, J. Math. Imaging Vis. 41, 147, 2011). Intervals are percentile intervals of a bootstrap that
draws whole units (trajectories, replicas, blocks of time) with replacement.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import wasserstein_distance

MARGIN = 0.1
"""Bins reach this share of the reference's range beyond it, on both sides."""

MAX_PARTITIONS = 64
"""So many ways of dividing trajectories in two are tried at most."""


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
    if not np.all(np.isfinite(samples)):
        raise ValueError("a histogram of values that are not finite")
    return np.histogram(np.clip(samples, edges[0], edges[-1]), edges)[0].astype(np.float64)


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


def resampling(generator: np.random.Generator, units: int, samples: int) -> Int[np.ndarray, "samples units"]:
    """How often each unit is drawn in each bootstrap sample of as many units, with replacement."""
    return generator.multinomial(units, np.full(units, 1.0 / units), size=samples)


def interval(values: Float[np.ndarray, " samples"], level: float = 0.95) -> tuple[float, float] | None:
    """Central percentile interval; None where fewer than half of the values are finite."""
    finite = values[np.isfinite(values)]
    if 2 * len(finite) < len(values) or not len(finite):
        return None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def js_interval(
    reference: Float[np.ndarray, " bins"],
    counts: Float[np.ndarray, "units bins"],
    generator: np.random.Generator,
    samples: int,
) -> tuple[float, float] | None:
    """Bootstrap interval of JS(reference, sum of the units); None for fewer than two units."""
    if len(counts) < 2:
        return None
    drawn = resampling(generator, len(counts), samples) @ counts
    return interval(jensen_shannon(drawn, reference))


def split_half_js(first: Float[np.ndarray, " bins"], second: Float[np.ndarray, " bins"]) -> float | None:
    """JS of two halves of one ensemble; None where a half is empty."""
    value = float(jensen_shannon(first, second))
    return value if np.isfinite(value) else None


def between_units_js(counts: Float[np.ndarray, "units bins"], generator: np.random.Generator) -> float | None:
    """Mean JS between two groups of units over the ways of dividing the units in two; None for fewer than two.

    Where the units sample the same ensemble this is as small as the split by time; where it is larger, they have
    not converged.
    """
    units = len(counts)
    if units < 2:
        return None
    groups: Sequence[tuple[int, ...]] = list(combinations(range(units), units // 2)) if units <= 10 else []
    if not 0 < len(groups) <= MAX_PARTITIONS:
        groups = [tuple(generator.permutation(units)[: units // 2]) for _ in range(MAX_PARTITIONS)]
    chosen = np.array([[unit in group for unit in range(units)] for group in groups], dtype=np.float64)
    return float(np.mean(jensen_shannon(chosen @ counts, (1 - chosen) @ counts)))


def _entropy(p: Float[np.ndarray, "*batch bins"]) -> Float[np.ndarray, "*batch"]:
    """Shannon entropy [bits], with 0 log 0 = 0."""
    return np.asarray(-np.sum(p * np.log2(np.where(p > 0, p, 1.0)), axis=-1))
