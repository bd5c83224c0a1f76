"""Several runs side by side, from their summaries and the settings in the headers of their artefacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cgpipe.artefact import read_header, read_json
from cgpipe.reporting.tables import bounds, number

HIGHER, LOWER, NEARER = "higher", "lower", "nearer to 0"

MEASURES = {
    "mean_force_full_r2": ("R² of the mean force", HIGHER),
    "mean_force_full_r2_beyond_bonds_corrected": ("R² beyond the bonds, label errors taken off", HIGHER),
    "mean_force_unseen_full_r2_beyond_bonds_corrected": ("R² beyond the bonds, runs that are not trained on", HIGHER),
    "force_r2": ("force R², test frames", HIGHER),
    "force_r2_gain": ("R² gained over the prior", HIGHER),
    "replicas_survived": ("replicas with their bonds intact to the end", HIGHER),
    "max_bond_deviation": ("largest bond deviation  [Å]", LOWER),
    "free_energy_bond": ("ΔF, bond length  [kT]", LOWER),
    "free_energy_angle": ("ΔF, angle  [kT]", LOWER),
    "free_energy_dihedral": ("ΔF, dihedral  [kT]", LOWER),
    "free_energy_rg": ("ΔF, radius of gyration  [kT]", LOWER),
    "free_energy_rmsd": ("ΔF, RMSD to native  [kT]", LOWER),
    "free_energy_native_contacts": ("ΔF, native contacts Q  [kT]", LOWER),
    "free_energy_tica": ("ΔF, slow coordinates  [kT]", LOWER),
    "fold_free_energy_difference": ("ΔG of folding less all-atom  [kT]", NEARER),
    "js_bond": ("JS, bond length", LOWER),
    "js_angle": ("JS, angle", LOWER),
    "js_dihedral": ("JS, dihedral", LOWER),
    "js_rg": ("JS, radius of gyration", LOWER),
    "js_rmsd": ("JS, RMSD to native", LOWER),
    "js_native_contacts": ("JS, native contacts Q", LOWER),
    "js_tica": ("JS, slow coordinates", LOWER),
    "coverage": ("coverage of the reference", HIGHER),
    "contact_rmse": ("contacts, RMS difference", LOWER),
    "rmsf_difference": ("RMSF, RMS difference  [Å]", LOWER),
}
"""What is shown of each protein, and which way is better."""


@dataclass(frozen=True)
class Run:
    """A finished run: its folder's name, its summary, and its settings as dotted keys."""

    name: str
    summary: dict[str, Any]
    settings: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """One number as text; ``best`` where no other run's is better."""

    value: str
    interval: str
    best: bool


def read_run(folder: Path) -> Run:
    """Read what the comparison needs of ``results/<run>``.

    Raises:
        UserError: its report was not written, or an artefact is missing.
    """
    summary = read_json(folder / "summary.json", "summary")
    artefacts = ["dataset/dataset.json", "prior/prior.json", f"train/seed-{summary['best_seed']}/model.eqx"]
    settings: dict[str, str] = {}
    for artefact in artefacts:
        settings |= _flat(read_header(folder / artefact)["settings"], "")
    return Run(folder.name, summary, settings)


def comparison_page(runs: Sequence[Run]) -> str:
    """The page as HTML.

    Args:
        runs: two or more.
    """
    environment = Environment(
        loader=PackageLoader("cgpipe.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = (files("cgpipe.reporting") / "templates" / "page.css").read_text()
    proteins = dict.fromkeys(name for run in runs for name in run.summary["proteins"])
    return environment.get_template("compare.html.j2").render(
        css=Markup(css),
        runs=runs,
        differences=differences([run.settings for run in runs]),
        verdicts={title: [run.summary["verdict"].get(title) for run in runs] for title in runs[0].summary["verdict"]},
        proteins={name: measures([run.summary["proteins"].get(name, {}) for run in runs]) for name in proteins},
    )


def differences(settings: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs: key → value in each, – where it has none."""
    keys = dict.fromkeys(key for one in settings for key in one)
    table = {key: [one.get(key, "–") for one in settings] for key in keys}
    return {key: values for key, values in table.items() if len(set(values)) > 1}


def measures(found: Sequence[Mapping[str, Any]]) -> dict[str, list[Cell]]:
    """The measures that any of the runs has, with the best of each marked."""
    rows = {}
    for key, (name, better) in MEASURES.items():
        values = [_shown(key, one.get(key)) for one in found]
        known = [value for value in values if value is not None]
        if known:
            best = max(known) if better is HIGHER else min(known, key=abs if better is NEARER else None)
            unequal = len(set(known)) > 1
            rows[name] = [
                Cell(number(value), bounds(one.get(f"{key}_interval")), unequal and value == best)
                for value, one in zip(values, found, strict=True)
            ]
    return rows


def _shown(key: str, value: float | int | None) -> float | int | None:
    """Divergences corrected for their bias may be below zero, where none is better than another."""
    return max(value, 0.0) if value is not None and key.startswith("js_") else value


def _flat(block: Mapping[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in block.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": str(value)}
    return flat
