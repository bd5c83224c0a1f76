"""What the numbers mean, by rules that are printed beside the verdict.

A divergence is held against what the reference does to itself: the larger of the divergence between its halves in time
and that between its trajectories. All are corrected for the bias from few frames, and a light needs the whole interval
on its side. Nothing here says that a model is right, only whether anything speaks against it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NEGLIGIBLE_JS = 0.02
"""Divergences below this are as good as none: two Gaussians whose means differ by a third of their width."""

GOOD_FLOORS, FAIR_FLOORS = 1.5, 4.0
"""Multiples of the reference's own divergence up to which a simulation counts as good, or as fair."""

UNDECIDABLE_JS = 0.1
"""A reference that diverges from itself by more than this cannot show that a simulation is good."""

FEWEST_BLOCKS = 4
"""Blocks of held-out time below which an interval of the forces decides nothing."""

JUDGED = ("bond", "angle", "dihedral", "rg")
"""Distributions that the verdict looks at."""

TEMPERATURE_TOLERANCE = 0.05
"""Relative deviation of the kinetic temperature that is worth a warning."""


class Light(StrEnum):
    """Traffic light; its value is its word."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "poor"
    UNKNOWN = "undecided"


ORDER = (Light.GOOD, Light.UNKNOWN, Light.FAIR, Light.BAD)


@dataclass(frozen=True)
class Finding:
    """One line of the verdict."""

    light: Light
    title: str
    text: str


def worst(lights: list[Light]) -> Light:
    """The light of a group: its worst."""
    return max(lights, key=ORDER.index, default=Light.UNKNOWN)


def own_floor(validation: dict[str, Any], quantity: str) -> float | None:
    """Divergence of the reference from itself; None where it could not be measured."""
    values = [validation.get(f"js_{quantity}_{kind}") for kind in ("split_half", "between")]
    return max((value for value in values if value is not None), default=None)


def other_temperature(validation: dict[str, Any]) -> bool:
    """Whether the reference is of another temperature than the simulations."""
    return validation.get("temperature") != validation.get("reference_temperature")


def judge_divergence(validation: dict[str, Any], quantity: str) -> Light:
    """Light of one distribution: small in itself or against the reference's own divergence.

    Undecided where the interval reaches from what would be good to what would not, and from good to poor; and where the
    reference is of another temperature.
    """
    value = validation.get(f"js_{quantity}")
    if value is None or other_temperature(validation):
        return Light.UNKNOWN
    floor = max(own_floor(validation, quantity) or 0.0, 0.0)
    low, high = validation.get(f"js_{quantity}_interval") or (value, value)
    light, best, worst_case = (_divergence_light(js, floor) for js in (value, low, high))
    if light in (Light.FAIR, Light.BAD) and best in (Light.GOOD, Light.UNKNOWN):
        return Light.UNKNOWN
    return Light.UNKNOWN if light is Light.GOOD and worst_case is Light.BAD else light


def _divergence_light(value: float, floor: float) -> Light:
    if value <= max(NEGLIGIBLE_JS, GOOD_FLOORS * floor):
        return Light.GOOD if floor <= UNDECIDABLE_JS else Light.UNKNOWN
    return Light.FAIR if value <= max(3 * NEGLIGIBLE_JS, FAIR_FLOORS * floor) else Light.BAD


def judge_stability(validation: dict[str, Any]) -> Light:
    """All replicas alive, most of them, or fewer."""
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


def judge_mean_forces(validation: dict[str, Any]) -> Light | None:
    """As for single frames, on labels that are almost without noise; None where there are none."""
    if not validation.get("mean_force_configurations"):
        return None
    low, high = validation["mean_force_full_over_prior_r2_gain_interval"] or (0.0, 0.0)
    return Light.GOOD if low > 0 else Light.BAD if high < 0 else Light.FAIR


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


def verdict(validations: dict[str, dict[str, Any]]) -> list[Finding]:
    """Three lines: stability, forces, structure; each as bad as its worst protein."""
    return [_stability(validations), _forces(validations), _structure(validations)]


def _stability(validations: dict[str, dict[str, Any]]) -> Finding:
    numbers = validations.values()
    alive, replicas = (sum(v[key] for v in numbers) for key in ("replicas_survived", "replicas"))
    total = sum(v["simulated_ps"] for v in numbers) / 1000
    text = f"{alive} of {replicas} simulations reached their end, {total:.3g} ns in all."
    if alive < replicas:
        lost = [f"{name} {v['replicas'] - v['replicas_survived']}" for name, v in validations.items()]
        text += " Lost replicas: " + ", ".join(lost) + "."
    else:
        text += f" At 95 % confidence a death is rarer than one in {total / 2.9957:.2g} ns; longer runs may still die."
    return Finding(worst([judge_stability(v) for v in numbers]), "Stability", text)


def _forces(validations: dict[str, dict[str, Any]]) -> Finding:
    lights = [judge_mean_forces(v) or judge_forces(v) for v in validations.values()]
    light = worst(lights)
    parts = []
    for name, v in validations.items():
        if v.get("force_r2") is not None:
            parts.append(f"{name} R² {v['force_r2']:.3f}, prior alone {v['prior_force_r2']:.3f}")
        if v.get("mean_force_configurations"):
            parts.append(
                f"on mean forces of {name} R² {v['mean_force_full_r2']:.3f}, "
                f"prior alone {v['mean_force_prior_r2']:.3f}, a perfect model "
                f"{v['mean_force_r2_of_perfect_model']:.3f}, and "
                f"{100 * v['mean_force_full_r2_beyond_bonds_corrected']:.0f} % of what bonds alone leave unexplained"
            )
    meaning = {
        Light.GOOD: "The network adds to the prior on forces it was not fitted to, beyond statistical doubt.",
        Light.FAIR: "On held-out frames the network is not clearly better than the prior alone.",
        Light.BAD: "On held-out frames the network makes the forces worse than the prior alone.",
        Light.UNKNOWN: "Not for every protein are there enough held-out frames to judge.",
    }[light]
    return Finding(light, "Forces", f"{meaning} {'; '.join(parts)}{'.' if parts else ''}".strip())


def _structure(validations: dict[str, dict[str, Any]]) -> Finding:
    lights = {
        f"{label(v, quantity)} of {name}": judge_divergence(v, quantity)
        for name, v in validations.items()
        for quantity in JUDGED
        if f"js_{quantity}" in v
    }
    light = worst(list(lights.values()))
    if light is Light.GOOD:
        text = "Simulated distributions agree with the reference about as well as the reference agrees with itself."
    elif light is Light.UNKNOWN:
        unclear = ", ".join(name for name, one in lights.items() if one is Light.UNKNOWN)
        text = (
            f"Nothing speaks against the simulations, but reference or simulations are too short to judge: {unclear}."
        )
    else:
        off = ", ".join(name for name, one in lights.items() if one in (Light.FAIR, Light.BAD))
        text = f"Off by more than the reference is from itself: {off}."
    for name, v in validations.items():
        if v.get("native_contacts_mean") is not None:
            ours, theirs = v["native_contacts_mean"], v["native_contacts_reference_mean"]
            text += f" Native contacts of {name}: {100 * ours:.0f} % formed, {100 * theirs:.0f} % in the reference."
    elsewhere = [
        f"{name} ({v['temperature']:g} against {v['reference_temperature']:g} K)"
        for name, v in validations.items()
        if other_temperature(v)
    ]
    if elsewhere:
        text += f" The reference is of another temperature than the simulations: {', '.join(elsewhere)}."
    blind = [
        f"{control} control of {name}"
        for name, v in validations.items()
        for control in ("mirrored", "shuffled")
        if v.get(f"{control}_control_flagged") is False
    ]
    if blind:
        text += f" The comparison cannot tell the {' and the '.join(blind)} from the simulation: do not rely on it."
        light = worst([light, Light.UNKNOWN])
    unsettled = [name for name, v in validations.items() if not_converged(v)]
    if unsettled:
        text += f" The reference trajectories of {' and '.join(unsettled)} have not converged to one ensemble."
    return Finding(light, "Structure", text)
