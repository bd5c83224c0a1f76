"""Lights: what single numbers mean, by rules that are printed beside the verdict.

Ensembles are judged by free energies in units of kT. A light needs the whole 95 % interval on its side, and the
uncertainty of reference and simulation is in it. Nothing here says that a model is right, only whether anything speaks
against it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from cgpipe.data.one_temperature import same_temperature

GOOD_KT, POOR_KT = 0.5, 1.0
"""Differences in free energy whose whole interval is below the first count as good, above the second as poor [kT]."""

CLEARLY_OWN = 4.0
"""Without an interval, what exceeds so many times the reference's own difference, and `POOR_KT`, is poor."""

FEWEST_BLOCKS = 4
"""Blocks of held-out time below which an interval of the forces decides nothing."""

LOCAL = ("bond", "angle", "dihedral")
"""Quantities of the local geometry that the verdict looks at."""

GLOBAL = ("rg", "rmsd", "native_contacts", "tica")
"""Quantities of the whole chain that the verdict looks at, beside the free energy of the fold."""

TEMPERATURE_TOLERANCE = 0.05
"""Relative deviation of the kinetic temperature that is worth a warning."""


class Light(StrEnum):
    """Traffic light; its value is its word."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "poor"
    UNKNOWN = "undecided"


ORDER = (Light.GOOD, Light.UNKNOWN, Light.FAIR, Light.BAD)


def worst(lights: list[Light]) -> Light:
    """The light of a group: its worst."""
    return max(lights, key=ORDER.index, default=Light.UNKNOWN)


def own_difference(validation: dict[str, Any], quantity: str) -> float | None:
    """Larger of the reference's own differences in free energy [kT]; None where it could not be measured."""
    values = [validation.get(f"free_energy_{quantity}_{kind}") for kind in ("split_half", "between")]
    return max((value for value in values if value is not None), default=None)


def other_temperature(validation: dict[str, Any]) -> bool:
    """Whether the reference is of another temperature than the simulations."""
    simulated, reference = validation.get("temperature"), validation.get("reference_temperature")
    if simulated is None or reference is None:
        return simulated is not reference
    return not bool(same_temperature(simulated, reference))


def judge_free_energy(validation: dict[str, Any], quantity: str, of: str = "") -> Light:
    """Light of the free energies along one quantity.

    Undecided where the interval does not lie on one side; where the reference differs from itself by as much; and where
    the reference is of another temperature.

    Args:
        validation: numbers of the protein.
        quantity: its name.
        of: ``_prior`` for the prior alone.
    """
    key = f"free_energy_{quantity}{of}"
    value, bounds = validation.get(key), validation.get(f"{key}_interval")
    own = own_difference(validation, quantity)
    if value is None or other_temperature(validation):
        return Light.UNKNOWN
    if bounds is None:
        clear = own is not None and value > max(POOR_KT, CLEARLY_OWN * own)
        return Light.BAD if clear else Light.UNKNOWN
    return _light(*size(bounds), own or 0.0)


def judge_fold(validation: dict[str, Any], of: str = "") -> Light | None:
    """Light of the folding free energy's difference to the reference; None without a native structure.

    Args:
        validation: numbers of the protein.
        of: ``_prior`` for the prior alone.
    """
    if "fold_free_energy" not in validation:
        return None
    bounds = validation[f"fold_free_energy_difference{of}_interval"]
    if bounds is None or other_temperature(validation):
        return Light.UNKNOWN
    first, second = (validation.get(f"fold_free_energy_{half}_half") for half in ("first", "second"))
    return _light(*size(bounds), 0.0 if first is None or second is None else abs(first - second))


def prior_told_apart(validation: dict[str, Any]) -> bool:
    """Whether the free energies of fold and whole chain show that the prior alone is off: what they can see."""
    lights = [judge_fold(validation, "_prior"), *(judge_free_energy(validation, one, "_prior") for one in GLOBAL)]
    return any(light in (Light.FAIR, Light.BAD) for light in lights)


def size(interval: Sequence[float | None]) -> tuple[float, float]:
    """Smallest and largest absolute value in an interval, whose open ends are None."""
    low, high = (np.inf * sign if end is None else end for sign, end in zip((-1, 1), interval, strict=True))
    return max(0.0, low, -high), max(abs(low), abs(high))


def _light(low: float, high: float, own: float) -> Light:
    """Light of a difference that lies between two values, of a reference that differs from itself by so much [kT]."""
    if high <= GOOD_KT:
        return Light.GOOD if own <= GOOD_KT else Light.UNKNOWN
    if low <= max(own, GOOD_KT):
        return Light.UNKNOWN
    return Light.BAD if low > POOR_KT else Light.FAIR


def judge_stability(validation: dict[str, Any]) -> Light:
    """All replicas with their bonds intact at the end, most of them, or fewer; says nothing about the fold."""
    alive = validation["replicas_survived"] / validation["replicas"]
    if alive == 1:
        return Light.GOOD
    return Light.FAIR if alive >= 0.75 else Light.BAD


def judge_forces(validation: dict[str, Any]) -> Light:
    """Better than the prior alone beyond doubt, without a clear difference, or worse beyond doubt."""
    bounds = validation.get("force_r2_gain_interval")
    if bounds is None or validation["force_blocks"] < FEWEST_BLOCKS:
        return Light.UNKNOWN
    if bounds[0] > 0:
        return Light.GOOD
    return Light.BAD if bounds[1] < 0 else Light.FAIR


def mean_force_test(validation: dict[str, Any]) -> str:
    """Beginning of the keys of the mean forces to quote: of runs that are not trained on, or else of all."""
    return "mean_force_unseen" if validation.get("mean_force_unseen_configurations") else "mean_force"


def judge_mean_forces(validation: dict[str, Any]) -> Light | None:
    """As for single frames, on labels that are almost without noise, of runs that are not trained on.

    None where there are none of these: what a model gives at its own training frames' neighbours is no test.
    """
    if not validation.get("mean_force_unseen_configurations"):
        return None
    bounds = validation["mean_force_unseen_full_over_prior_r2_gain_interval"]
    if bounds is None:
        return Light.UNKNOWN
    return Light.GOOD if bounds[0] > 0 else Light.BAD if bounds[1] < 0 else Light.FAIR


def judge_handedness(validation: dict[str, Any]) -> Light:
    """Whether the simulated share of right-handed dihedrals lies within the interval of the reference."""
    bounds, share = validation.get("right_handed_reference_interval"), validation.get("right_handed")
    if bounds is None or share is None or other_temperature(validation):
        return Light.UNKNOWN
    return Light.GOOD if bounds[0] <= share <= bounds[1] else Light.FAIR


def label(validation: dict[str, Any], quantity: str) -> str:
    """A quantity's name in words."""
    if quantity == "tica":
        return "slow coordinates"
    return str(validation["curves"]["distributions"][quantity]["label"])


def not_converged(validation: dict[str, Any]) -> list[str]:
    """Quantities in which the reference trajectories disagree with each other far more than their halves do."""
    unsettled = []
    for quantity in ("bond", "angle", "dihedral", "rg", "rmsd", "tica"):
        between, within = validation.get(f"js_{quantity}_between"), validation.get(f"js_{quantity}_split_half")
        if between is not None and within is not None and between > max(0.05, 1.5 * within):
            unsettled.append(label(validation, quantity))
    return unsettled
