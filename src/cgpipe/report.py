"""Stage ``report``: one page and one table of headline numbers from everything that a run left."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgpipe import stage
from cgpipe.artefact import atomic, header, write_json
from cgpipe.config.slices import ReportSettings
from cgpipe.maker import maker
from cgpipe.reporting.collect import Results, collect
from cgpipe.reporting.lights import not_converged
from cgpipe.reporting.page import findings, render

NOT_FLAT = ("cgpipe", "curves", "replica_records", "residues")


def main(argv: Sequence[str]) -> int:
    """Write ``report.html`` and ``summary.json``."""
    parser = stage.parser("report", __doc__ or "")
    parser.add_argument("--results", type=Path, required=True, help="folder of the run, results/<run>")
    parser.add_argument("--out", type=Path, required=True, help="page to write (HTML)")
    parser.add_argument("--summary", type=Path, required=True, help="headline numbers to write (JSON)")
    arguments = parser.parse_args(argv)
    settings = stage.settings(arguments.settings, ReportSettings)
    results = collect(arguments.results, settings.stability)
    page = render(results, settings.report.title or settings.run)
    with atomic(arguments.out) as temporary:
        temporary.write_text(page)
    inputs = {name: arguments.results / name for name in results.headers if name.endswith(".json")}
    head = header("summary", settings.model_dump(), inputs, by=maker("report"))
    write_json(arguments.summary, head, summarise(results))
    for finding in findings(results):
        print(f"{finding.title}: {finding.light}. {finding.text}")
    return 0


def summarise(results: Results) -> dict[str, Any]:
    """Headline numbers: over everything, and flat per protein."""
    validations = results.validations
    return {
        "verdict": {finding.title.lower(): finding.light.value for finding in findings(results)},
        "parity_max_rel_error": max(parity["max_rel_error"] for parity in results.parities.values()),
        **{key: sum(v[key] for v in validations.values()) for key in ("replicas", "replicas_survived", "simulated_ps")},
        "best_seed": results.ensemble["best_seed"],
        "wall_seconds": {stage: sum(jobs) for stage, jobs in results.seconds.items()},
        "proteins": {name: _protein(results, name) for name in validations},
    }


def _protein(results: Results, name: str) -> dict[str, Any]:
    """Flat numbers of one protein."""
    quality = results.maps[name].quality
    noise = {f"projection_rms_{kind}": value for kind, value in quality["rms_heldout"].items()}
    return {
        "projection_map": quality["map"],
        "projection_rms_heldout": quality["rms_heldout"][quality["map"]],
        **noise,
        **{key: value for key, value in results.validations[name].items() if key not in NOT_FLAT},
        "reference_not_converged": not_converged(results.validations[name]),
        **(_stability(results.stabilities[name]) if name in results.stabilities else {}),
    }


def _stability(found: dict[str, Any]) -> dict[str, Any]:
    """Flat numbers of a protein's stability."""
    flat = {key: found[key] for key in ("longest_stable_timestep", "energy_fluctuation_order", "spread_limit")}
    for one in found["temperatures"]:
        kelvin = f"{one['temperature']:g}K"
        flat[f"survived_share_{kelvin}"] = one["survived"] / found["replicas"]
        flat |= {f"{key}_{kelvin}": one[key] for key in ("death_rate_bound", "uncertain", "outside")}
    return flat


if __name__ == "__main__":
    sys.exit(stage.run(main))
