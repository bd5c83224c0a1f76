"""Bookkeeping of which simulations survived, how long, and what that says about the rate of deaths.

Share alive: Kaplan–Meier (J. Am. Stat. Assoc. 53, 457, 1958); a run that ended alive is censored at its end, not
counted as dead. Rate: deaths are taken as a Poisson process, so d deaths in total time T bound the rate from above,
with confidence 1 − α, by χ²(1 − α; 2d + 2) / 2T; without any death that is −ln α / T ("rule of three": 3/T at 95 %).
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import chi2


def survival_curve(
    ends: Float[np.ndarray, " runs"], died: Bool[np.ndarray, " runs"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Corners of the Kaplan–Meier step curve.

    Args:
        ends: when each run ended, dead or alive [ps].
        died: which of them ended by dying.

    Returns:
        times [ps] from 0 to the last end, and the share alive from each of them on.
    """
    times, alive = [0.0], [1.0]
    for time in np.unique(ends[died]):
        at_risk, deaths = np.sum(ends >= time), np.sum(died & (ends == time))
        times.append(float(time))
        alive.append(alive[-1] * (1.0 - deaths / at_risk))
    if times[-1] < np.max(ends):
        times.append(float(np.max(ends)))
        alive.append(alive[-1])
    return np.array(times), np.array(alive)


def death_rate_bound(deaths: int, total: float, confidence: float = 0.95) -> float | None:
    """Upper bound of the rate of deaths [1/ps] after so many in ``total`` ps; None where nothing was simulated."""
    if total <= 0:
        return None
    return float(chi2.ppf(confidence, 2 * deaths + 2) / (2 * total))
