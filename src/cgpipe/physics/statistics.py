"""Bootstrap intervals over independent units: Student's t about the estimate, with the bootstrap's standard error.

Whole units (trajectories, blocks of time, configurations) are drawn with replacement. The scatter of G draws from G
units is too small by √((G − 1)/G), and it is itself uncertain: quantiles of the draws hold the truth far too seldom
where units are few, Student's t with G − 1 degrees of freedom does not.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import t as student

FEWEST_VISITS = 2.0
"""Independent visits to the rarer of two states below which its share has no interval."""


def resampling(generator: np.random.Generator, units: int, samples: int) -> Int[np.ndarray, "samples units"]:
    """How often each unit is drawn in each bootstrap sample of as many units, with replacement."""
    return generator.multinomial(units, np.full(units, 1.0 / units), size=samples)


def interval(
    value: float, drawn: Float[np.ndarray, " samples"], units: int, level: float = 0.95
) -> tuple[float, float] | None:
    """Central interval of an estimate; None for fewer than two units, or where under half of the draws are finite.

    Args:
        value: the estimate from all units.
        drawn: the same from every bootstrap sample.
        units: how many were drawn from.
        level: probability to hold the truth.
    """
    finite = drawn[np.isfinite(drawn)]
    if units < 2 or not np.isfinite(value) or 2 * len(finite) < len(drawn) or not len(finite):
        return None
    reach = float(student.ppf((1 + level) / 2, units - 1) * np.std(finite) * np.sqrt(units / (units - 1)))
    return value - reach, value + reach


def share_interval(
    inside: Float[np.ndarray, " units"], everything: Float[np.ndarray, " units"], level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of a share Σ inside / Σ everything: Wilson's, with the number of trials that the units' scatter shows.

    With θ the share, the variance of its estimate is θ(1 − θ)/n; the scatter of the estimate without one unit at a time
    gives n. None for fewer than two units, and where n trials hold fewer than two of the rarer kind: then nothing is
    known of n.
    """
    units = len(inside)
    share = float(inside.sum() / everything.sum())
    if units < 2 or not 0 < share < 1:
        return None
    without = (inside.sum() - inside) / (everything.sum() - everything)
    variance = (units - 1) * float(np.var(without))
    rare = min(share, 1 - share)
    if variance == 0 or rare * share * (1 - share) / variance < FEWEST_VISITS:
        return None
    t2 = float(student.ppf((1 + level) / 2, units - 1)) ** 2 * variance / (share * (1 - share))
    middle, reach = share + t2 / 2, np.sqrt(t2 * share * (1 - share) + t2**2 / 4)
    return float(middle - reach) / (1 + t2), float(middle + reach) / (1 + t2)
