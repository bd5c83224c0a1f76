"""The verdict: a few lines for all proteins together, each as bad as its worst entry."""

from dataclasses import dataclass
from typing import Any

from cgpipe.reporting.against_prior import against_prior
from cgpipe.reporting.lights import (
    GLOBAL,
    LOCAL,
    Light,
    judge_fold,
    judge_forces,
    judge_free_energy,
    judge_mean_forces,
    judge_stability,
    label,
    mean_force_test,
    not_converged,
    other_temperature,
    worst,
)
from cgpipe.reporting.tables import kt, kt_bounds

Lights = dict[tuple[str, str], Light]
"""Protein and name of a quantity → its light."""


@dataclass(frozen=True)
class Finding:
    """One line of the verdict."""

    light: Light
    title: str
    text: str


def verdict(validations: dict[str, dict[str, Any]]) -> list[Finding]:
    """Lines about stability, forces, local structure, the fold, and what the network makes of the prior."""
    return [
        _stability(validations),
        _forces(validations),
        _structure(validations),
        _fold(validations),
        _prior(validations),
    ]


def _stability(validations: dict[str, dict[str, Any]]) -> Finding:
    numbers = validations.values()
    alive, replicas = (sum(v[key] for v in numbers) for key in ("replicas_survived", "replicas"))
    total = sum(v["simulated_ps"] for v in numbers) / 1000
    text = f"{alive} of {replicas} simulations reached their end with their bonds intact, {total:.3g} ns in all."
    if alive < replicas:
        lost = [f"{name} {v['replicas'] - v['replicas_survived']}" for name, v in validations.items()]
        text += " Lost replicas: " + ", ".join(lost) + "."
    else:
        text += f" At 95 % confidence a death is rarer than one in {total / 2.9957:.2g} ns; longer runs may still die."
    text += " This is about bonds and numerics; whether the fold holds stands below."
    return Finding(worst([judge_stability(v) for v in numbers]), "Stability", text)


def _forces(validations: dict[str, dict[str, Any]]) -> Finding:
    lights = [judge_mean_forces(v) or judge_forces(v) for v in validations.values()]
    light = worst(lights)
    parts = []
    for name, v in validations.items():
        if v.get("force_r2") is not None:
            parts.append(f"{name} R² {v['force_r2']:.3f}, prior alone {v['prior_force_r2']:.3f}")
        if v.get("mean_force_configurations"):
            parts.append(_mean_forces(name, v))
    meaning = {
        Light.GOOD: "The network adds to the prior on forces it was not fitted to, beyond statistical doubt.",
        Light.FAIR: "On held-out frames the network is not clearly better than the prior alone.",
        Light.BAD: "On held-out frames the network makes the forces worse than the prior alone.",
        Light.UNKNOWN: "Not for every protein are there enough held-out frames to judge.",
    }[light]
    return Finding(light, "Forces", f"{meaning} {'; '.join(parts)}{'.' if parts else ''}".strip())


def _mean_forces(name: str, v: dict[str, Any]) -> str:
    """What the model explains of mean forces: of runs that are not trained on, if there are any."""
    at = mean_force_test(v)
    model, prior = (100 * v[f"{at}_{kind}_r2_beyond_bonds_corrected"] for kind in ("full", "prior"))
    if at.endswith("unseen"):
        runs = "runs that are not trained on"
    elif v["mean_force_seen_configurations"] == v["mean_force_configurations"]:
        runs = "runs that are trained on, which is no test"
    else:
        runs = "runs of which it is not known whether they are trained on"
    return (
        f"of what bonds leave unexplained in mean forces of {name}, at {v[f'{at}_configurations']} configurations from "
        f"{runs}, the model explains {model:.0f} %, the prior alone {prior:.0f} %"
    )


def _structure(validations: dict[str, dict[str, Any]]) -> Finding:
    lights = _lights(validations, LOCAL)
    light = worst(list(lights.values()))
    text = _agreement(lights, light, "Local geometry (bonds, angles, dihedrals) agrees with the reference")
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
    return Finding(light, "Structure", text)


def _fold(validations: dict[str, dict[str, Any]]) -> Finding:
    lights = _lights(validations, GLOBAL)
    folding = {name: judge_fold(v) for name, v in validations.items()}
    lights |= {(name, "free energy of folding"): light for name, light in folding.items() if light is not None}
    light = worst(list(lights.values()))
    text = ""
    for name, v in validations.items():
        if "fold_free_energy" in v:
            ours, alone, true = (_folding(v, of) for of in ("", "_prior", "_reference"))
            text += f"ΔG of folding of {name}: model {ours}; all-atom {true}; prior alone {alone}. "
    text += _agreement(lights, light, "The fold and the shape of the whole chain agree with the reference")
    without = [name for name, v in validations.items() if "fold_free_energy" not in v]
    if without:
        text += f" Without a native structure, by the shape alone: {', '.join(without)}."
    unsettled = [name for name, v in validations.items() if not_converged(v)]
    if unsettled:
        text += f" The reference trajectories of {' and '.join(unsettled)} have not converged to one ensemble."
    return Finding(light, "Fold", text)


def _prior(validations: dict[str, dict[str, Any]]) -> Finding:
    found = [against_prior(v) for v in validations.values()]
    worse = [one for part in found for one in part.worse]
    better = [one for part in found for one in part.better]
    equal, unknown = sum(part.equal for part in found), sum(part.unknown for part in found)
    light = Light.UNKNOWN if unknown > equal + len(better) else Light.GOOD if better else Light.FAIR
    text = "Beyond the errors the network makes nothing worse than the prior alone."
    if worse:
        light = Light.FAIR if all(one.light is Light.GOOD for one in worse) else Light.BAD
        text = (
            f"Beyond the errors the network makes worse than the prior alone: {'; '.join(one.text for one in worse)}."
        )
    text += f" Better: {'; '.join(one.text for one in better) or 'nothing'}."
    if equal:
        text += f" {equal} {'quantity differs' if equal == 1 else 'quantities differ'} by no more than the errors."
    if unknown:
        text += f" {unknown} cannot be compared: too few data."
    return Finding(light, "Prior", text)


def _lights(validations: dict[str, dict[str, Any]], quantities: tuple[str, ...]) -> Lights:
    """Light of every quantity that a protein has, by protein and name of the quantity."""
    return {
        (name, label(v, quantity)): judge_free_energy(v, quantity)
        for name, v in validations.items()
        for quantity in quantities
        if f"free_energy_{quantity}" in v
    }


def _agreement(lights: Lights, light: Light, good: str) -> str:
    """What a group of lights says."""
    if light is Light.GOOD:
        return f"{good} to within half a kT."
    unclear, off = _those(lights, Light.UNKNOWN), _those(lights, Light.FAIR, Light.BAD)
    text = f"Off by more than half a kT, beyond the errors: {off}." if off else "Nothing is off beyond the errors."
    if all(one is Light.UNKNOWN for one in lights.values()):
        return "Too few data to judge any of it."
    return f"{text} Too few data to judge: {unclear}." if unclear else text


def _those(lights: Lights, *wanted: Light) -> str:
    """Names of what has one of some lights, protein by protein."""
    names: dict[str, list[str]] = {}
    for (protein, quantity), light in lights.items():
        if light in wanted:
            names.setdefault(protein, []).append(quantity)
    return "; ".join(f"{protein} ({', '.join(quantities)})" for protein, quantities in names.items())


def _folding(v: dict[str, Any], of: str) -> str:
    """Free energy of folding with its interval, in words."""
    key = f"fold_free_energy{of}"
    share = v[f"folded{of}"]
    if share is None:
        return "no frames"
    interval = f"{kt_bounds(v[f'{key}_interval'])} kT" if v[f"{key}_interval"] else "no interval"
    if v[key] is None:
        return f"{'never' if share == 0 else 'always'} folded ({interval})"
    return f"{kt(v[key])} kT ({interval})"
