"""The key numbers of a protein, each with its interval and with what it is to be held against."""

from dataclasses import dataclass
from typing import Any

from cgpipe.reporting.verdict import (
    TEMPERATURE_TOLERANCE,
    Light,
    judge_divergence,
    judge_forces,
    judge_handedness,
    judge_mean_forces,
    judge_stability,
    own_floor,
)


@dataclass(frozen=True)
class Row:
    """One line of a table; texts are ready to show."""

    name: str
    value: str
    interval: str = ""
    against: str = ""
    light: Light | None = None
    hint: str = ""


def number(value: float | int | None, digits: int = 3) -> str:
    """A number with so many significant digits or more; in powers of ten below 10⁻⁴ and from 10⁵ on; – for None."""
    if value is None:
        return "–"
    if value == round(value) and abs(value) < 1e5:
        text = str(round(value))
    elif not 1e-4 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}·10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    elif abs(value) >= 10 ** (digits - 1):
        text = f"{value:.0f}"
    else:
        text = f"{value:#.{digits}g}".removesuffix(".")
    return text.replace("-", "−")


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def bounds(interval: list[float] | tuple[float, float] | None, digits: int = 3) -> str:
    """An interval as text, empty for None."""
    return "" if interval is None else f"{number(interval[0], digits)} … {number(interval[1], digits)}"


def divergence(value: float | None) -> str:
    """A divergence as text; corrected for its bias it may come out below zero, and is shown as 0."""
    return number(None if value is None else max(value, 0.0), 2)


def js_row(v: dict[str, Any], quantity: str, name: str, hint: str) -> Row:
    """Divergence of one quantity beside what the reference makes of itself."""
    key = f"js_{quantity}"
    return Row(
        f"JS, {name}",
        divergence(v[key]),
        bounds(v[f"{key}_interval"], 2) or (v[f"{key}_interval_missing"] or ""),
        f"{divergence(v[f'{key}_split_half'])} halves · {divergence(v[f'{key}_between'])} runs",
        judge_divergence(v, quantity),
        hint,
    )


def force_rows(v: dict[str, Any]) -> list[Row]:
    """Forces on held-out frames."""
    if not v["force_frames"]:
        return [Row("held-out frames", "none", hint="dataset.test_fraction is 0, or the protein has too few frames")]

    def row(name: str, key: str, against: str, light: Light | None = None, hint: str = "") -> Row:
        return Row(name, number(v[key]), bounds(v[f"{key}_interval"]), against, light, hint)

    return [
        row("force R²", "force_r2", f"prior alone {number(v['prior_force_r2'])}", hint="1 − Σ(F−P)²/ΣF²"),
        row("R² gained over the prior", "force_r2_gain", "0", judge_forces(v), "paired bootstrap, same frames"),
        row(
            "R² beyond the bonds",
            "force_r2_beyond_bonds",
            f"prior alone {number(v['prior_force_r2_beyond_bonds'])}",
            hint="of what two parameters of harmonic bonds leave, noise included",
        ),
        row("error of the prior removed", "force_r2_beyond", "0", hint="share of its squared error"),
        row(
            "share of the explainable R²",
            "force_r2_of_max",
            "1",
            hint=f"the ceiling is estimated at {number(v['force_r2_max'])}; rather too low than too high",
        ),
        row("force RMSE  [kcal/mol/Å]", "force_rmse", f"no force {number(v['force_label_rms'])}"),
        row("slope, reference on model", "force_slope", "1", hint="below 1: forces too large"),
    ]


def distribution_rows(v: dict[str, Any]) -> list[Row]:
    """Divergences of simulated from reference distributions, each beside the reference's own."""
    rows = []
    for quantity, curve in v["curves"]["distributions"].items():
        alone = divergence(v.get(f"js_{quantity}_prior"))
        hint = f"W₁ = {number(v[f'w1_{quantity}'], 2)} {curve['unit']}; prior alone {alone}"
        rows.append(js_row(v, quantity, curve["label"], hint))
    rows.append(
        Row(
            "contacts, RMS difference",
            number(v["contact_rmse"], 2),
            "",
            f"{number(v['contact_rmse_split_half'], 2)} halves",
        )
    )
    return rows


def mean_force_rows(v: dict[str, Any]) -> list[Row]:
    """Forces known almost without noise."""

    def row(name: str, metric: str, against: str, hint: str = "") -> Row:
        key = f"mean_force_full_{metric}"
        return Row(name, number(v[key]), bounds(v[f"{key}_interval"]), against, hint=hint)

    def others(metric: str) -> str:
        bonds, prior = (number(v[f"mean_force_{model}_{metric}"]) for model in ("bonds", "prior"))
        return f"bonds {bonds} · prior {prior}"

    perfect = number(v["mean_force_r2_of_perfect_model"])
    gain = "mean_force_full_over_prior_r2_gain"
    used = v["mean_force_configurations"]
    return [
        row("R² of the mean force", "r2", others("r2"), f"{used} configurations; a perfect model has {perfect}"),
        row("beyond the bonds", "r2_beyond_bonds", others("r2_beyond_bonds"), "of what harmonic bonds leave"),
        row(
            "beyond the bonds, corrected",
            "r2_beyond_bonds_corrected",
            others("r2_beyond_bonds_corrected"),
            "errors of the labels taken off: 1 is perfect",
        ),
        *[_by_origin(v, group) for group in ("seen", "unseen") if v[f"mean_force_{group}_configurations"]],
        row("RMSE, corrected  [kcal/mol/Å]", "rmse_corrected", others("rmse_corrected")),
        Row(
            "R² gained over the prior",
            number(v[gain]),
            bounds(v[f"{gain}_interval"]),
            "0",
            judge_mean_forces(v),
            "paired",
        ),
    ]


def _by_origin(v: dict[str, Any], group: str) -> Row:
    """The corrected number on configurations of runs that are trained on, or of others."""
    key, springs, prior = (
        f"mean_force_{group}_{model}_r2_beyond_bonds_corrected" for model in ("full", "bonds", "prior")
    )
    return Row(
        f"the same, {group} runs",
        number(v[key]),
        bounds(v[f"{key}_interval"]),
        f"bonds {number(v[springs])} · prior {number(v[prior])}",
        hint=f"{v[f'mean_force_{group}_configurations']} configurations",
    )


def slow_rows(v: dict[str, Any]) -> list[Row]:
    """Slow coordinates, fluctuations of the beads, handedness."""
    right, true = number(v["right_handed"]), number(v["right_handed_reference"])
    return [
        js_row(
            v,
            "tica",
            "slow coordinates",
            f"TICA fitted to the reference alone; {number(v['tica_states'])} states that it fills equally",
        ),
        Row(
            "free energy, mean difference  [kcal/mol]",
            number(v["tica_mae"], 2),
            "",
            f"{number(v['tica_mae_split_half'], 2)} halves",
            hint="where both visit, after the best shift",
        ),
        Row(
            "coverage of the reference",
            number(v["coverage"], 2),
            "",
            f"{number(v['coverage_split_half'], 2)} halves",
            hint=f"the reference covers {number(v['coverage_of_simulation'], 2)} of the simulation",
        ),
        Row(
            "RMSF, RMS difference  [Å]",
            number(v["rmsf_difference"], 2),
            "",
            f"{number(v['rmsf_split_half'], 2)} halves",
        ),
        Row(
            "right-handed dihedrals",
            right,
            bounds(v["right_handed_interval"]) or (v["right_handed_interval_missing"] or ""),
            f"reference {true} ({_reference_bounds(v)})",
            judge_handedness(v),
            "share between 0 and 180°",
        ),
    ]


def _reference_bounds(v: dict[str, Any]) -> str:
    found = bounds(v["right_handed_reference_interval"])
    return found or v["right_handed_reference_interval_missing"] or "no dihedrals"


def control_rows(v: dict[str, Any]) -> list[Row]:
    """Ensembles that the comparison must tell from the reference."""
    rows = []
    for control, what in (("mirrored", "the simulation's mirror image"), ("shuffled", "beads taken from other frames")):
        values = [f"{name} {divergence(v.get(f'js_{name}_{control}'))}" for name in ("bond", "angle", "dihedral")]
        told = v[f"{control}_control_flagged"]
        light = Light.UNKNOWN if told is None else Light.GOOD if told else Light.BAD
        rows.append(
            Row(control, "told apart" if told else "not told apart", "", "JS " + " · ".join(values), light, what)
        )
    return rows


def stability_rows(v: dict[str, Any]) -> list[Row]:
    """Survival, temperature and the worst bond."""
    temperatures = [r["mean_temperature"] for r in v["replica_records"] if r.get("mean_temperature") is not None]
    mean = sum(temperatures) / len(temperatures) if temperatures else None
    warm = None if mean is None else abs(mean / v["temperature"] - 1) > TEMPERATURE_TOLERANCE
    rate = v["death_rate_bound"]
    return [
        Row("replicas alive at the end", f"{v['replicas_survived']} of {v['replicas']}", "", "all", judge_stability(v)),
        Row(
            "simulated  [ps]",
            number(v["simulated_ps"], 4),
            "",
            f"{number(v['simulated_ps_requested'], 4)} asked for",
            hint="" if rate is None else f"deaths at most every {number(1 / rate, 2)} ps (95 %)",
        ),
        Row(
            "largest bond deviation  [Å]",
            number(v["max_bond_deviation"]),
            "",
            f"reference {number(v['max_bond_deviation_reference'])}",
            hint="from the mean length of that bond, every step",
        ),
        Row(
            "closest approach of all  [Å]",
            number(v["closest_approach"]),
            "",
            f"reference {number(v['closest_approach_reference'])}",
        ),
        Row(
            "kinetic temperature  [K]",
            number(mean, 4),
            "",
            f"thermostat {number(v['temperature'], 4)}",
            None if warm is None else Light.FAIR if warm else Light.GOOD,
        ),
    ]


def judged_floor(v: dict[str, Any], quantity: str) -> str:
    """One line for a panel of the distributions."""
    return f"JS {divergence(v[f'js_{quantity}'])}\nown {divergence(own_floor(v, quantity))}"
