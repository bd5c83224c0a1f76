"""The page: one HTML file with its style, its figures and no reference to anything outside itself."""

import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cgpipe.data.diagnostics import complaint
from cgpipe.reporting import accuracy, endurance, ensemble_rows, figures, lights, tables
from cgpipe.reporting.collect import Results
from cgpipe.reporting.equilibrium import equilibrium, judge_identity
from cgpipe.reporting.figures import Picture, data_uri
from cgpipe.reporting.verdict import Finding, verdict

MOST_DETAILED = 8
"""Proteins that get their own figures: with more, those with the worst verdict; the rest are in the tables only."""

SECTIONS = {
    "verdict": "Verdict",
    "projection": "Force projection",
    "data": "Data",
    "prior": "Prior",
    "training": "Training",
    "parity": "Exported program",
    "simulation": "Simulation",
    "stability": "Stability",
    "distributions": "Structure",
    "forces": "Forces",
    "timing": "Time",
    "provenance": "Provenance",
}


def render(results: Results, title: str) -> str:
    """The report as HTML.

    Args:
        results: artefacts of the run.
        title: headline.
    """
    environment = Environment(
        loader=PackageLoader("cgpipe.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": tables.number, "bounds": tables.bounds, "pretty": _pretty}
    validations = results.validations
    detailed = most_telling(validations)
    folder = files("cgpipe.reporting") / "templates"
    return environment.get_template("page.html.j2").render(
        title=title,
        css=Markup((folder / "page.css").read_text()),
        sections=SECTIONS,
        results=results,
        findings=findings(results),
        rules=lights,
        cards={name: _card(v) for name, v in validations.items()},
        detailed=detailed,
        tiles=_tiles(results),
        identities={name: judge_identity(found.quality["yvon_born_green"]) for name, found in results.maps.items()},
        projection={name: figures.projection_pictures(results, name) for name in detailed},
        data=figures.data_pictures(results),
        suspects=complaint(results.dataset["diagnostics"]["suspects"]),
        splits={name: figures.split_picture(results, name) for name in detailed},
        prior=Picture(data_uri(results.prior_figure, "image/png"), "Fit of the prior to the training frames"),
        training=figures.training_picture(results),
        parity=figures.parity_picture(results),
        parity_points=figures.parity_points_picture(results),
        structure={
            name: figures.structure_pictures(validations[name], _discarded(validations[name])) for name in detailed
        },
        forces=figures.force_picture(validations),
        mean_forces={name: accuracy.mean_force_picture(v) for name, v in validations.items()},
        positions={name: accuracy.position_picture(validations[name]) for name in detailed},
        slow={name: accuracy.tica_picture(validations[name]) for name in detailed},
        fluctuations={name: accuracy.fluctuation_picture(validations[name]) for name in detailed},
        endurance={name: endurance.pictures(results.stabilities[name]) for name in detailed if results.stabilities},
        model_name=accuracy.model_name,
        timing=figures.timing_picture(results),
        provenance=_provenance(results),
    )


def findings(results: Results) -> list[Finding]:
    """All lines of the verdict."""
    identities = {name: found.quality["yvon_born_green"] for name, found in results.maps.items()}
    return [*verdict(results.validations), equilibrium(identities)]


def most_telling(validations: dict[str, dict[str, Any]]) -> list[str]:
    """Proteins shown in detail, in the order of the data set."""

    def badness(name: str) -> int:
        v = validations[name]
        judged = [lights.judge_free_energy(v, quantity) for quantity in (*lights.LOCAL, *lights.GLOBAL)]
        others = [lights.judge_stability(v), lights.judge_forces(v), lights.judge_fold(v) or lights.Light.UNKNOWN]
        return sum(lights.ORDER.index(light) for light in (*judged, *others))

    chosen = set(sorted(validations, key=badness, reverse=True)[:MOST_DETAILED])
    return [name for name in validations if name in chosen]


def _card(v: dict[str, Any]) -> dict[str, Any]:
    """Tables of one protein."""
    return {
        **({"Fold": ensemble_rows.fold_rows(v)} if v["native"] else {}),
        "Bonds and numerics": tables.stability_rows(v),
        **({"Mean forces, a test set": tables.mean_force_rows(v)} if v["mean_force_configurations"] else {}),
        "Forces on held-out frames": tables.force_rows(v),
        "Simulation against reference": ensemble_rows.distribution_rows(v),
        "Slow motions, fluctuations, handedness": ensemble_rows.slow_rows(v),
        "Controls, which must fail": tables.control_rows(v),
    }


def _discarded(v: dict[str, Any]) -> float:
    return float(v["cgpipe"]["settings"]["validate"]["discard"])


def _tiles(results: Results) -> list[tuple[str, str, str]]:
    """The few numbers at the top: value, what it is, what it is to be held against."""
    validations = results.validations.values()
    qualities = [found.quality for found in results.maps.values()]
    # beads that were projected elsewhere have no plain Cα force to compare with
    ratio = [q["rms_heldout"][q["map"]] / q["rms_heldout"]["slice"] for q in qualities if "slice" in q["rms_heldout"]]
    parity = max(p["max_rel_error"] for p in results.parities.values())
    tiles = [
        (tables.number(parity, 2), "export error", "largest relative force difference"),
        (
            f"{tables.number(sum(v['simulated_ps'] for v in validations) / 1000)} ns",
            "simulated",
            f"{sum(v['replicas'] for v in validations)} replicas",
        ),
    ]
    known = [v for v in validations if v["mean_force_configurations"]]
    if known:
        v = min(known, key=lambda v: v[f"{lights.mean_force_test(v)}_full_r2"])
        at = lights.mean_force_test(v)
        unseen = "runs not trained on; " if at.endswith("unseen") else "none of an unseen run; "
        against = f"mean forces of {v['protein']}; perfect {tables.number(v[f'{at}_r2_of_perfect_model'])}"
        tiles.insert(0, (tables.number(v[f"{at}_full_r2"]), "R² of the mean force", against))
        beyond = tables.number(v[f"{at}_full_r2_beyond_bonds_corrected"], 2)
        prior = tables.number(v[f"{at}_prior_r2_beyond_bonds_corrected"], 2)
        tiles.insert(1, (beyond, "R² beyond the bonds", f"{unseen}prior alone {prior}; label errors taken off"))
    if ratio:
        share = f"{tables.number(100 * sum(ratio) / len(ratio), 2)} %"
        tiles.append((share, "of the plain Cα force", "RMS that projection leaves, held out"))
    if results.seconds:
        total = sum(sum(jobs) for jobs in results.seconds.values())
        tiles.append((duration(total), "wall time", "sum over all jobs"))
    return tiles


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _provenance(results: Results) -> dict[str, Any]:
    """Artefacts with versions and hashes, and files that not all artefacts saw with the same content."""
    seen: dict[str, set[str]] = {}
    for head in results.headers.values():
        for file in head["inputs"].values():
            seen.setdefault(file["path"], set()).add(file["sha256"])
    return {
        "artefacts": results.headers,
        "inputs": {path: sorted(hashes) for path, hashes in sorted(seen.items())},
        "conflicts": sorted(path for path, hashes in seen.items() if len(hashes) > 1),
        "commits": sorted({head["commit"] for head in results.headers.values()}),
        "settings": _settings(results),
    }


def _settings(results: Results) -> dict[str, Any]:
    """Settings of every kind of artefact, once each."""
    return {head["kind"]: head["settings"] for head in results.headers.values() if head["settings"]}


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
