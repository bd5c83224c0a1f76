"""The key numbers of a protein, each with its interval and with what it is to be held against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cgpipe.reporting.lights import (
    TEMPERATURE_TOLERANCE,
    Light,
    judge_forces,
    judge_mean_forces,
    judge_stability,
    mean_force_test,
    prior_told_apart,
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


def kt(value: float | None) -> str:
    """A free energy in kT, to a hundredth; – for None."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def kt_bounds(interval: Sequence[float | None] | None) -> str:
    """An interval of a free energy as text, empty for None; an end that is None is open."""
    return _ends(interval, kt)


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def bounds(interval: Sequence[float | None] | None, digits: int = 3) -> str:
    """An interval as text, empty for None; an end that is None is open."""
    return _ends(interval, lambda end: number(end, digits))


def _ends(interval: Sequence[float | None] | None, text: Callable[[float | None], str]) -> str:
    if interval is None:
        return ""
    low, high = map(text, interval)
    return f"above {low}" if interval[1] is None else f"below {high}" if interval[0] is None else f"{low} … {high}"


def divergence(value: float | None) -> str:
    """A divergence as text; corrected for its bias it may come out below zero, and is shown as 0."""
    return number(None if value is None else max(value, 0.0), 2)


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
            hint=_ceiling(v),
        ),
        row("force RMSE  [kcal/mol/Å]", "force_rmse", f"no force {number(v['force_label_rms'])}"),
        row("slope, reference on model", "force_slope", "1", hint="below 1: forces too large"),
    ]


def _ceiling(v: dict[str, Any]) -> str:
    """What the share is of, and where that comes from."""
    if v["force_r2_max"] is None:
        return "too few frames to estimate the ceiling"
    rather = "" if v["force_r2_max_from"] == "held beads" else "; rather too low than too high"
    known = bounds(v["force_r2_max_interval"])
    ceiling = f"{number(v['force_r2_max'])}{f' ({known})' if known else ''}"
    return f"the ceiling is {ceiling}, from {v['force_r2_max_from']}{rather}"


def mean_force_rows(v: dict[str, Any]) -> list[Row]:
    """Forces known almost without noise."""

    def row(name: str, metric: str, against: str, hint: str = "") -> Row:
        key = f"mean_force_full_{metric}"
        return Row(name, number(v[key]), bounds(v[f"{key}_interval"]), against, hint=hint)

    def others(metric: str) -> str:
        bonds, prior = (number(v[f"mean_force_{model}_{metric}"]) for model in ("bonds", "prior"))
        return f"bonds {bonds} · prior {prior}"

    perfect = number(v["mean_force_r2_of_perfect_model"])
    judged = mean_force_test(v)
    gain = f"{judged}_full_over_prior_r2_gain"
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
            f"paired, {v[f'{judged}_configurations']} configurations"
            + (" of runs that are not trained on" if judged.endswith("unseen") else ""),
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
    off = prior_told_apart(v)
    text = "told apart" if off else "not told apart"
    rows.append(
        Row(
            "prior alone",
            text,
            "",
            "free energies of the whole chain",
            Light.GOOD if off else Light.UNKNOWN,
            "short dynamics without the network; where it is not told apart, nothing shows what the network adds",
        )
    )
    return rows


def stability_rows(v: dict[str, Any]) -> list[Row]:
    """Survival, temperature and the worst bond."""
    temperatures = [r["mean_temperature"] for r in v["replica_records"] if r.get("mean_temperature") is not None]
    mean = sum(temperatures) / len(temperatures) if temperatures else None
    warm = None if mean is None else abs(mean / v["temperature"] - 1) > TEMPERATURE_TOLERANCE
    rate = v["death_rate_bound"]
    return [
        Row(
            "bonds intact to the end",
            f"{v['replicas_survived']} of {v['replicas']}",
            "",
            "all replicas",
            judge_stability(v),
        ),
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
