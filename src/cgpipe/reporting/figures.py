"""From artefacts to figures to text that stands in the page: data URIs, so the page needs no other file."""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from cgpipe.plots import diagnostics, ensembles, forces, projection, splits, structure, training
from cgpipe.reporting.collect import Results
from cgpipe.reporting.ensemble_rows import judged_difference


@dataclass(frozen=True)
class Picture:
    """An image for the page.

    Attributes:
        uri: ``data:`` URI.
        alt: what it shows, for those who cannot see it.
        caption: how to read it.
        width: share of the column it takes, as a class of the style sheet.
    """

    uri: str
    alt: str
    caption: str = ""
    width: str = "full"


def draw(make: Callable[..., Figure], *arguments: Any, alt: str, caption: str = "", width: str = "full") -> Picture:
    """Draw a figure in the house style as a vector image; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "path"}):  # an image has no access to the page's fonts
        make(*arguments).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(data_uri(buffer.getvalue(), "image/svg+xml"), alt, caption, width)


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as a URI that needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def projection_pictures(results: Results, protein: str) -> list[Picture]:
    """Noise of the maps, and the map itself; none for beads that were projected elsewhere."""
    found = results.maps[protein]
    quality = found.quality
    if quality["map"] == "given":
        return []
    return [
        draw(
            projection.noise_bars,
            quality["rms"],
            quality["rms_heldout"],
            quality["map"],
            min(3.2, projection.map_height(len(found.W))),
            alt=f"RMS projected force of {protein} for each force map",
            caption="RMS of projected forces on frames the map was not fitted to; the ticks mark it in sample.",
            width="third",
        ),
        draw(
            projection.force_map,
            found.W,
            found.residue_names,
            found.atom_residues,
            alt=f"Force map of {protein}: weight of each atom in each bead's force",
            caption="Force map: how much of each atom's force goes into each bead. Every valid map gives the same mean "
            "force; they differ in noise.",
            width="twothirds",
        ),
    ]


def split_picture(results: Results, protein: str) -> Picture:
    """Which blocks of time are in which set."""
    strips = {
        trajectory.removeprefix(f"{protein}/"): [(b["first"], b["last"], b["split"]) for b in blocks]
        for trajectory, blocks in results.dataset["splits"][protein].items()
    }
    return draw(
        splits.split_strips, strips, alt=f"Sets of the blocks of {protein}", caption=f"{protein}, by trajectory."
    )


def data_pictures(results: Results) -> list[Picture]:
    """Forces by residue type, memory of the labels, range of bonds, and what padding costs."""
    found, proteins = results.dataset["diagnostics"], results.dataset["statistics"]["proteins"]
    pictures = [
        draw(
            diagnostics.residue_forces,
            found["residues"],
            alt="RMS force of each residue type",
            caption="RMS of the projected forces by residue type, noise included; in the bars: beads × frames.",
            width="half",
        )
    ]
    curves = diagnostics.memories(found["proteins"])
    if curves:
        pictures.append(
            draw(
                diagnostics.memory,
                curves,
                alt="Correlation of forces with their later values",
                caption="How long a label remembers, in axes that turn with the chain. Near 0, the next frame is a new "
                "sample; far above 0, frames repeat each other, and the gaps between sets should be longer.",
                width="half",
            )
        )
    bonds = {name: p["bonds"] for name, p in found["proteins"].items() if p["bonds"]}
    if bonds:
        pictures.append(
            draw(
                diagnostics.range_strips,
                bonds,
                "bond  [Å]",
                alt="Range of the bonds of each protein",
                caption="Bonds: smallest to largest (thin), the middle 99 % (thick), median (dot). A bond beyond 4.2 Å "
                "is a missing residue or a broken molecule, unless the chain is strained.",
                width="half",
            )
        )
    pictures.append(
        draw(
            diagnostics.padding_bars,
            diagnostics.padding(proteins),
            alt="Padding by padded length, and with one length for all",
            caption="What padding costs: each padded length, and what one length for all proteins would waste.",
            width="half",
        )
    )
    return pictures


def training_picture(results: Results) -> Picture:
    """Curves of all members."""
    members = {
        name: {key: member.column(key) for key in ("epoch", "train_rmse", "val_rmse", "lr")}
        for name, member in results.members.items()
    }
    return draw(
        training.training_curves,
        members,
        results.best,
        _prior_rmse(results),
        alt="Force error of all members over the epochs",
        caption="Solid: validation; dashed: training. The axis does not begin at 0: a model without forces has "
        f"{results.dataset['statistics']['force_rms']:.1f}. What lies below the curves is mostly the noise of "
        "single-frame forces, which no model can predict.",
    )


def _prior_rmse(results: Results) -> float | None:
    """RMSE of the prior alone over all proteins' test frames, weighted by their numbers of components."""
    tested = [v for v in results.validations.values() if v["force_frames"]]
    if not tested:
        return None
    weights = [v["force_frames"] * v["beads"] for v in tested]
    return float(np.sqrt(np.average([v["prior_force_rmse"] ** 2 for v in tested], weights=weights)))


def parity_picture(results: Results) -> Picture:
    """Exported against trained model."""
    errors = {
        f"{member}, {protein}": one["rel_error"]
        for member, parity in results.parities.items()
        for protein, one in parity["proteins"].items()
    }
    return draw(
        training.parity_bars,
        errors,
        min(p["tolerance"] for p in results.parities.values()),
        alt="Relative force error of the exported against the trained model",
        width="twothirds",
    )


def parity_points_picture(results: Results) -> Picture:
    """Where, over the sizes of forces, exported and trained model differ; the simulated member, all proteins."""
    proteins = results.parities[results.simulated]["proteins"]
    return draw(
        training.parity_points,
        {name: np.array(one["forces"]) for name, one in proteins.items()},
        alt="Difference of exported and trained model over the size of the force, bead by bead",
        caption=f"Beads of {results.simulated} on real frames, the worst of each protein among them. Rounding does not "
        "depend on the size of the sum, so points lie along a level; a slope would be a force that is scaled. "
        "Beads without any difference lie at the lower edge.",
        width="twothirds",
    )


def force_picture(validations: Mapping[str, Mapping[str, Any]]) -> Picture | None:
    """R² of model and prior; None where no protein has held-out frames."""
    models = {
        name: {
            "model": (v["force_r2"], v["force_r2_interval"]),
            "prior": (v["prior_force_r2"], v["prior_force_r2_interval"]),
        }
        for name, v in validations.items()
        if v["force_frames"]
    }
    if not models:
        return None
    return draw(
        forces.explained_variance,
        models,
        alt="Explained variance of forces on held-out frames",
        caption="Bars: 95 % block-bootstrap intervals. They overlap because both models meet the same noisy "
        "frames; the paired difference in the table is the fair comparison.",
    )


def structure_pictures(v: dict[str, Any], discarded: float) -> dict[str, Picture]:
    """All comparisons of ensembles of one protein, by name."""
    name, curves = v["protein"], v["curves"]
    floors = {quantity: judged_difference(v, quantity) for quantity in curves["distributions"]}
    contacts, simulated = curves["contacts"], curves["contacts"]["simulated"]
    pictures = {
        "distributions": draw(
            ensembles.distributions,
            curves["distributions"],
            floors,
            alt=f"Distributions of {name}, simulation and reference",
            caption="ΔF: root mean square difference of the free energies from the reference's, over states that the "
            "reference fills equally; beside it that of the prior alone.",
        ),
        "contacts": draw(
            ensembles.contact_maps,
            np.array(contacts["reference"]),
            None if simulated is None else np.array(simulated),
            contacts["separation"],
            alt=f"Contact maps of {name}",
            caption=f"Share of frames with Cα closer than {contacts['cutoff']:g} Å, |i−j| > {contacts['separation']}.",
        ),
        "survival": draw(
            ensembles.survival,
            curves["survival"]["time"],
            curves["survival"]["alive"],
            v["replicas"],
            alt=f"Replicas of {name} alive over time",
            width="third",
            caption="Kaplan–Meier; a run that reached its end is not a death.",
        ),
    }
    overlay = curves["overlay"]
    pictures["overlay"] = draw(
        structure.overlays,
        np.array(overlay["onto"]),
        np.array(overlay["reference"]),
        np.array(overlay["simulated"]) if overlay["simulated"] else None,
        curves["bonded"],
        alt=f"Cα traces of {name}, superposed",
        caption="Frames spread evenly over each ensemble, superposed on "
        f"{'the native structure' if v['native'] else 'the frame of the reference that is most like the others'} "
        "(bold; first residue violet, last one yellow).",
    )
    if any(len(run["time"]) > 1 for run in curves["series"]):
        pictures["series"] = draw(
            ensembles.time_series,
            curves["series"],
            curves["distributions"],
            discarded,
            alt=f"Size of {name}{' and its distance from the native structure' if v['native'] else ''} over time",
            width="twothirds",
            caption=f"Shaded: left out as equilibration.{' RMSD to ' + v['native'] + '.' if v['native'] else ''}",
        )
    if curves["map"] is not None:
        pictures["map"] = _map(name, curves["map"])
    return pictures


def _map(name: str, table: dict[str, Any]) -> Picture:
    counts = {"reference": table["reference"], "simulation": table["simulated"]}
    shown = {key: np.array(value, dtype=float) for key, value in counts.items() if value is not None}
    return draw(
        ensembles.free_energy_maps,
        shown,
        table["rmsd_range"],
        table["rg_range"],
        ("RMSD  [Å]", "Rg  [Å]"),
        alt=f"Populations of {name} over RMSD and radius of gyration",
        caption="A free energy only where the sampling is converged; otherwise a map of what was visited.",
    )


def timing_picture(results: Results) -> Picture | None:
    """Wall time of the stages in the order of the line; None where nothing was timed."""
    order = ("project", "dataset", "prior", "train", "ensemble", "export", "simulate", "validate", "stability")
    known = {stage: results.seconds[stage] for stage in order if stage in results.seconds}
    if not known:
        return None
    return draw(
        forces.stage_times,
        known,
        alt="Wall time of every stage",
        caption="Sums over jobs; jobs of one stage may have run side by side.",
    )
