"""Figures and rows about forces that are known almost exactly, and about forces and fluctuations along the chain."""

from typing import Any

import numpy as np

from cgpipe.plots import agreement, ensembles
from cgpipe.plots.agreement import Profile
from cgpipe.reporting.figures import Picture, draw

NAMES = {"bonds": "bonds alone", "prior": "prior alone", "network": "network alone", "full": "prior + network"}


def model_name(key: str) -> str:
    """What a model of the mean-force evaluation is called on the page."""
    return NAMES.get(key, f"{key}, as trained")


def mean_force_picture(v: dict[str, Any]) -> Picture | None:
    """Scores on mean forces; None where the protein has none."""
    if not v["mean_force_configurations"]:
        return None

    def scores(metric: str) -> dict[str, agreement.Estimate]:
        # the network without its prior is no force field: it is in the table only
        return {
            model_name(key): (v[f"mean_force_{key}_{metric}"], v[f"mean_force_{key}_{metric}_interval"])
            for key in v["mean_force_models"]
            if key != "network"
        }

    return draw(
        agreement.mean_force_scores,
        scores("r2"),
        scores("r2_beyond_bonds_corrected"),
        v["mean_force_r2_of_perfect_model"],
        alt=f"R² of all models on the mean forces of {v['protein']}",
        caption="Bars: 95 % bootstrap intervals over configurations. Left, bonds alone explain most of the force; "
        "right, only what they leave counts.",
    )


def position_picture(v: dict[str, Any]) -> Picture | None:
    """R² beyond the bonds along the chain, on test frames; None without test frames."""
    parts = v["curves"].get("forces")
    if not parts:
        return None
    rows = parts["position"]
    return draw(
        agreement.along_the_chain,
        Profile([row["r2"] for row in rows], [row["r2_interval"] for row in rows], [row["prior_r2"] for row in rows]),
        v["residues"],
        "R² on test frames",
        "prior alone",
        "prior + network",
        alt=f"R² of the forces of {v['protein']} along the chain",
        caption="Single-frame labels: their noise differs from bead to bead, and with it the ceiling of R². Look at "
        "the distance of the dots from the line.",
    )


def fluctuation_picture(v: dict[str, Any]) -> Picture:
    """RMSF along the chain."""
    rmsf = v["curves"]["rmsf"]
    none = [None] * len(rmsf["reference"])
    return draw(
        agreement.along_the_chain,
        Profile(rmsf["simulated"], none, rmsf["reference"]),
        v["residues"],
        "RMSF  [Å]",
        "reference",
        "simulation",
        alt=f"Fluctuation of the beads of {v['protein']} along the chain",
        caption="Root mean square fluctuation about the mean structure of each ensemble.",
    )


def tica_picture(v: dict[str, Any]) -> Picture | None:
    """Free energies over the reference's slowest coordinates; None where they could not be fitted."""
    tica = v["curves"]["tica"]
    if tica is None:
        return None
    counts = {"reference": tica["reference"], "simulation": tica["simulated"]}
    first, second = tica["edges"]
    return draw(
        ensembles.free_energy_maps,
        {name: np.array(table, dtype=float) for name, table in counts.items() if table is not None},
        (first[0], first[-1]),
        (second[0], second[-1]),
        ("slowest coordinate", "second slowest"),
        alt=f"Populations of {v['protein']} over the slowest coordinates of the reference",
        caption=f"TICA fitted to the reference alone (lag {tica['lag']} frames, eigenvalues "
        f"{', '.join(f'{value:.2f}' for value in tica['eigenvalues'])}); the simulation is projected onto it.",
    )
