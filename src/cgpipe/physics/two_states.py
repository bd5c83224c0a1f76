"""Free energy of one state against the rest, in units of kT: G = −ln[p/(1 − p)], with p the share of frames in it.

Intervals of p are Wilson's with the number of trials that the scatter of independent parts shows
(:mod:`cgpipe.physics.statistics`); G is monotone in p. Where one of both sides is visited too seldom for that, nobody
knows how long the ensemble remembers it: then whole runs are the trials, and the interval is open towards a side that
was never seen. Differences of two ensembles combine the intervals of both (MOVER: Zou & Donner, Stat. Med. 27, 1693,
2008): for a − b the lower end is a − b − √((a − a_low)² + (b_high − b)²), the upper one likewise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from cgpipe.physics.free_energies import Interval
from cgpipe.physics.independent_units import independent_units
from cgpipe.physics.statistics import share_interval

FOLDED = 0.6
"""Share Q of native contacts from which a frame counts as folded."""

LEVEL = 0.95


class TwoStates(NamedTuple):
    """Free energy of a state [kT].

    Attributes:
        share: of frames in the state.
        value: None where one of both sides was never seen.
        interval: None where the data support none.
        missing: why there is no value or no interval.
    """

    share: float
    value: float | None
    interval: Interval | None
    missing: str | None


def fold_free_energy(contacts: Sequence[Float[np.ndarray, " _"]]) -> TwoStates:
    """Free energy of the folded state against the rest.

    Args:
        contacts: Q of the frames of each run; at least one frame in all.
    """
    runs = [run for run in contacts if len(run)]
    pooled = np.concatenate(runs)
    inside = (pooled >= FOLDED).astype(np.float64)
    lengths = [len(one) for one in runs]
    run, time = np.repeat(np.arange(len(runs)), lengths), np.concatenate([np.arange(length) for length in lengths])
    units = independent_units(run, time, [inside, pooled])
    share = float(inside.mean())
    value = free_energy(share) if 0 < share < 1 else None
    found = share_interval(np.bincount(units.part, inside), np.bincount(units.part).astype(np.float64))
    if found is None:
        state = "folded" if share < 0.5 else "unfolded"
        why = f"{state} state {'never seen' if value is None else 'seldom visited'}, {len(runs)} runs as trials"
        return TwoStates(share, value, _by_runs(share, len(runs)), why)
    if units.too_few:
        return TwoStates(share, value, None, units.too_few)
    low, high = found
    return TwoStates(share, value, (free_energy(high), free_energy(low)), None)


def free_energy(share: float) -> float:
    """−ln[p/(1 − p)] [kT]."""
    return float(-np.log(share / (1 - share)))


def minus(one: TwoStates, other: TwoStates) -> TwoStates:
    """Difference of the free energies of two ensembles, with the interval of both; its share is that of the first."""
    missing = one.missing or other.missing
    value = None if one.value is None or other.value is None else one.value - other.value
    if one.interval is None or other.interval is None:
        return TwoStates(one.share, value, None, missing)
    low, high = _lower_end(_ends(one), _ends(other)), -_lower_end(_ends(other), _ends(one))
    ends = (low if np.isfinite(low) else None, high if np.isfinite(high) else None)
    return TwoStates(one.share, value, None if ends == (None, None) else ends, missing)


def _ends(one: TwoStates) -> tuple[float, float, float]:
    """Lower end, value and upper end; infinite where there is none."""
    assert one.interval is not None
    low, high = (np.inf * sign if end is None else end for sign, end in zip((-1, 1), one.interval, strict=True))
    value = one.value if one.value is not None else (high if one.share == 0 else low)
    return float(low), float(value), float(high)


def _lower_end(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Lower end of the difference of two values with their intervals; −∞ where nothing bounds it."""
    (low, value, _), (_, taken_off, high) = one, other
    if np.isinf(low) or np.isinf(high):
        return -np.inf
    if np.isinf(value) or np.isinf(taken_off):
        return low - high
    return value - taken_off - float(np.hypot(value - low, high - taken_off))


def _by_runs(share: float, runs: int) -> Interval:
    """Interval of the free energy with runs as trials (Wilson), open towards a side that was never seen."""
    z2 = float(norm.ppf((1 + LEVEL) / 2)) ** 2 / runs
    middle, reach = share + z2 / 2, float(np.sqrt(z2 * share * (1 - share) + z2**2 / 4))
    low, high = (middle - reach) / (1 + z2), (middle + reach) / (1 + z2)
    return None if share == 1 else free_energy(high), None if share == 0 else free_energy(low)
