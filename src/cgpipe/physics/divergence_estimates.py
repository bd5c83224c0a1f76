"""Divergences of sampled ensembles: corrected for their bias, with intervals that hold the truth.

Histograms of N independent frames in B bins diverge from each other although their ensembles do not, by about
(B − 1)/(8 ln 2 N) for either of them. A jackknife over independent units of both ensembles takes that off: with JS_i
what is left without unit i, which holds the share s_i of an ensemble's frames, the corrected value is
JS + Σ (1 − s_i)(JS − JS_i), summed over the units of both (for units of unequal size: Busing, Meijer, van der Leeden,
Stat. Comput. 9, 3, 1999). It may come out below zero.

Near zero JS is a square, |d|² with d = (p − q)/√(8 ln 2 m) and m = (p + q)/2, so that its error grows with the
divergence itself and no interval of a fixed width can be right. With the covariance Σ of d, an estimate of a divergence
θ has the variance a θ + 2 tr Σ², where a = 4 uᵀΣu along the direction u of d. The interval holds every θ that is
within Student's t such errors of the estimate (as Wilson's interval does for shares). The jackknife's own variance
amounts to a θ + 4 tr Σ², which gives a; tr Σ² comes from the scatter of the units, less its own bias (Bai & Saranadasa,
Stat. Sinica 6, 311, 1996); degrees of freedom are those of Welch and Satterthwaite.

All of this holds for any measure that is a square |d|² near zero, with d = (p − q)/√(c m) and a constant c; for JS
c = 8 ln 2. Squared differences of free energies are another (:mod:`cgpipe.physics.free_energies`).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import t as student

from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.independent_units import Units, independent_units

LEVEL = 0.95
"""Of the intervals."""


class Measure(NamedTuple):
    """How far two histograms are apart.

    Attributes:
        of: two histograms, each normalised in here → a number per leading index, and the same the other way round.
        scale: c, near zero the measure is Σ (p − q)²/(c m).
        most: the largest value it can have.
    """

    of: Callable[..., Float[np.ndarray, "..."]]
    scale: float
    most: float


JS = Measure(jensen_shannon, 8 * float(np.log(2)), 1.0)


class Binned(NamedTuple):
    """An ensemble as numbers of bins, with what tells how long it remembers.

    Attributes:
        bins: of every frame at every position.
        run: trajectory of each frame.
        time: number of each frame in it.
        slow: numbers per frame whose memory counts beside that of the histogram.
    """

    bins: Int[np.ndarray, "frames positions"]
    run: Int[np.ndarray, " frames"]
    time: Int[np.ndarray, " frames"]
    slow: Float[np.ndarray, "series frames"]

    def counts(self, units: Int[np.ndarray, " frames"], number: int) -> Float[np.ndarray, "units bins"]:
        """Histogram of every unit."""
        cells = units[:, None] * number + self.bins
        return np.bincount(cells.ravel(), minlength=(int(units.max()) + 1) * number).reshape(-1, number).astype(float)


class Estimate(NamedTuple):
    """A divergence, its interval, and why there is none where there is none."""

    value: float
    interval: tuple[float, float] | None
    missing: str | None


def reasons(reference: Units, simulated: Units) -> str | None:
    """Why two ensembles have no interval; None where they have one."""
    each = (("reference", reference.too_few), ("simulation", simulated.too_few))
    return "; ".join(f"{name}: {why}" for name, why in each if why) or None


def memory_units(one: Binned, other: Binned, number: int) -> Units:
    """Independent units of an ensemble, for its divergence from another one."""
    p, q = (np.bincount(x.bins.ravel(), minlength=number) / x.bins.size for x in (one, other))
    # how much a frame in this bin moves the divergence
    weight = np.log2(np.where(p > 0, p, 1.0) / np.where(p > 0, (p + q) / 2, 1.0))
    return independent_units(one.run, one.time, [weight[one.bins].mean(axis=1), *one.slow])


def divergence(reference: Binned, simulated: Binned, number: int, measure: Measure = JS) -> Estimate:
    """Divergence of two ensembles, corrected for bias, and its interval.

    Args:
        reference, simulated: the ensembles.
        number: of bins.
        measure: of the divergence.
    """
    mine, others = memory_units(reference, simulated, number), memory_units(simulated, reference, number)
    p, q = reference.counts(mine.part, number), simulated.counts(others.part, number)
    missing = reasons(mine, others)
    return Estimate(float(corrected(p, q, measure)), None if missing else interval(p, q, measure), missing)


def corrected(
    p: Float[np.ndarray, "units ... bins"], q: Float[np.ndarray, "others ... bins"], measure: Measure = JS
) -> Float[np.ndarray, "..."]:
    """Divergence of the sums over units, its bias taken off; an ensemble of a single unit keeps its bias."""
    value, without_p, without_q = _jackknife(p, q, measure)
    shifts = [
        np.tensordot(1 - _shares(units), value - without, 1) for units, without in ((p, without_p), (q, without_q))
    ]
    return np.asarray(value + shifts[0] + shifts[1])


def interval(
    p: Float[np.ndarray, "units bins"], q: Float[np.ndarray, "others bins"], measure: Measure = JS
) -> tuple[float, float]:
    """Interval of the divergence of two ensembles of several units each; between 0 and the measure's largest value."""
    plain, *without = _jackknife(p, q, measure)
    value, parts, freedom = float(corrected(p, q, measure)), [], 0.0
    for units, left_out in zip((p, q), without, strict=True):
        rest = 1 / _shares(units) - 1
        pseudo = plain + rest * (plain - left_out)
        middle = plain + np.sum((1 - _shares(units)) * (plain - left_out))
        parts.append(float(np.mean((pseudo - middle) ** 2 / rest)))
        freedom += parts[-1] ** 2 / (len(units) - 1)
    variance = sum(parts)
    if variance == 0:
        return max(value, 0.0), max(value, 0.0)
    t = float(student.ppf((1 + LEVEL) / 2, variance**2 / freedom))
    square, largest = _scatter(p, q, measure.scale)
    least = variance / float(plain) if plain > 0 else 0.0
    growth = least if value <= 0 else float(np.clip((variance - 4 * square) / value, least, max(least, 4 * largest)))
    centre = value + t**2 * growth / 2
    reach = np.sqrt(max(centre**2 - value**2 + 2 * t**2 * square, 0.0))
    low, high = np.clip([centre - reach, centre + reach], 0.0, measure.most)
    return float(low), float(high)


def _jackknife(
    p: Float[np.ndarray, "units ... bins"], q: Float[np.ndarray, "others ... bins"], measure: Measure
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "units ..."], Float[np.ndarray, "others ..."]]:
    """Divergence of the sums, and without each unit of either ensemble; a single unit is not left out."""
    whole_p, whole_q = p.sum(axis=0), q.sum(axis=0)
    value = measure.of(whole_p, whole_q)
    without_p = measure.of(whole_p - p, whole_q) if len(p) > 1 else value[None]
    without_q = measure.of(whole_q - q, whole_p) if len(q) > 1 else value[None]
    return value, without_p, without_q


def _shares(units: Float[np.ndarray, "units ... bins"]) -> Float[np.ndarray, " units"]:
    """Share of the samples in each unit."""
    sizes = units.reshape(len(units), -1).sum(axis=1)
    return sizes / sizes.sum()


def _scatter(
    p: Float[np.ndarray, "units bins"], q: Float[np.ndarray, "others bins"], constant: float
) -> tuple[float, float]:
    """tr Σ² of the difference of two histograms, in units of the measure, and the largest eigenvalue of Σ."""
    middle = (p.sum(axis=0) / p.sum() + q.sum(axis=0) / q.sum()) / 2
    scale = np.divide(1.0, np.sqrt(constant * middle), out=np.zeros_like(middle), where=middle > 0)
    rows = [_deviations(one) * scale for one in (p, q)]
    square = 2 * float(np.sum((rows[0] @ rows[1].T) ** 2))
    for one in rows:
        freedom, products = len(one) - 1, one @ one.T
        unbiased = float(np.sum(products**2)) - float(np.trace(products)) ** 2 / freedom
        square += freedom**2 / ((freedom + 1) * (freedom - 2)) * unbiased
    eigenvalues = np.linalg.svd(np.concatenate(rows), compute_uv=False) ** 2
    trace = float(eigenvalues.sum())
    return float(np.clip(square, trace**2 / max(len(middle) - 1, 1), trace**2)), float(eigenvalues[0])


def _deviations(units: Float[np.ndarray, "units bins"]) -> Float[np.ndarray, "units bins"]:
    """Rows whose products sum up to the jackknife's covariance of the normalised histogram."""
    share = _shares(units)[:, None]
    apart = units / units.sum(axis=1, keepdims=True) - units.sum(axis=0) / units.sum()
    return apart * np.sqrt(share / (1 - share) / len(units))
