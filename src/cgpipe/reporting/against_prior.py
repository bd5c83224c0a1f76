"""What the network makes worse than the prior alone, and what better, beyond the errors."""

from typing import Any, NamedTuple

import numpy as np

from cgpipe.reporting.lights import GLOBAL, LOCAL, Light, judge_fold, judge_free_energy, label, other_temperature, size


class Compared(NamedTuple):
    """A quantity in which model and prior alone differ, in words with both numbers, and the model's light."""

    text: str
    light: Light


class Distance(NamedTuple):
    """Distance from the reference [kT], with the ends of its interval."""

    value: float
    low: float
    high: float


class AgainstPrior(NamedTuple):
    """Quantities that the network makes worse than the prior alone, those that it makes better, how many differ within
    the errors, and how many cannot be compared because an interval is missing."""

    worse: list[Compared]
    better: list[Compared]
    equal: int
    unknown: int


def against_prior(validation: dict[str, Any]) -> AgainstPrior:
    """What the network makes of the prior's quantities of one protein."""
    worse, better, equal, unknown = _forces(validation)
    known = [one for one in (*LOCAL, *GLOBAL) if f"free_energy_{one}" in validation]
    for quantity in (*known, *(["fold"] if "fold_free_energy" in validation else [])):
        model, alone = (_distance(validation, quantity, of) for of in ("", "_prior"))
        if model is None or alone is None or other_temperature(validation):
            unknown += 1
            continue
        fold = quantity == "fold"
        name = "free energy of folding" if fold else label(validation, quantity)
        light = (judge_fold(validation) if fold else judge_free_energy(validation, quantity)) or Light.UNKNOWN
        text = f"{name} of {validation['protein']} (off by {model.value:.2g} kT, the prior alone by {alone.value:.2g})"
        if _exceeds(model, alone):
            worse.append(Compared(text, light))
        elif _exceeds(alone, model):
            better.append(Compared(text, light))
        else:
            equal += 1
    return AgainstPrior(worse, better, equal, unknown)


def _forces(validation: dict[str, Any]) -> AgainstPrior:
    """The same of forces, on test frames and on mean forces of runs that are not trained on."""
    worse, better, equal, unknown = [], [], 0, 0
    kinds = {"forces of test frames": "force_r2", "mean forces": "mean_force_unseen_full_over_prior_r2"}
    for name, key in kinds.items():
        if f"{key}_gain" not in validation:
            continue
        bounds = validation[f"{key}_gain_interval"]
        if bounds is None:
            unknown += 1
            continue
        text = f"{name} of {validation['protein']} (R² {validation[f'{key}_gain']:+.2g})".replace("-", "−")
        if bounds[1] < 0:
            worse.append(Compared(text, Light.BAD))
        elif bounds[0] > 0:
            better.append(Compared(text, Light.GOOD))
        else:
            equal += 1
    return AgainstPrior(worse, better, equal, unknown)


def _distance(validation: dict[str, Any], quantity: str, of: str) -> Distance | None:
    """Distance of the model, or of the prior alone, from the reference; None without an interval."""
    key = f"fold_free_energy_difference{of}" if quantity == "fold" else f"free_energy_{quantity}{of}"
    bounds = validation.get(f"{key}_interval")
    if bounds is None:
        return None
    low, high = size(bounds)
    value = validation[key]
    return Distance(low if value is None else abs(value), low, high)


def _exceeds(one: Distance, other: Distance) -> bool:
    """Whether a distance is larger than another one beyond the errors of both."""
    apart = one.value - other.value
    return apart > 0 and apart > float(np.hypot(one.value - one.low, other.high - other.value))
