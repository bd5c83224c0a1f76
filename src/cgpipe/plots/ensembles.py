"""Figures that compare simulated with reference ensembles: distributions, time series, maps and contacts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cgpipe.plots import style


def distributions(curves: Mapping[str, Mapping[str, Any]], divergences: Mapping[str, str]) -> Figure:
    """Small multiples: reference and simulation, with the band between the reference's own halves behind them.

    Args:
        curves: quantity → {"label", "unit", "edges", "reference", "simulated" or None, "halves"}.
        divergences: quantity → one line for the panel's corner.
    """
    columns = 4
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(10.4, 2.25 * rows + 0.3), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(curves) :]:
        axes.set_visible(False)
    for axes, (name, curve) in zip(panels.flat, curves.items(), strict=False):
        edges = np.asarray(curve["edges"])
        centres = (edges[1:] + edges[:-1]) / 2
        low, high = np.minimum(*map(np.asarray, curve["halves"])), np.maximum(*map(np.asarray, curve["halves"]))
        axes.fill_between(
            centres, 0, curve["reference"], step="mid", color=style.REFERENCE, alpha=0.28, lw=0, label="reference"
        )
        axes.fill_between(
            centres, low, high, step="mid", color=style.INK, alpha=0.38, lw=0, label="between its two halves"
        )
        if curve["simulated"] is not None:
            axes.step(centres, curve["simulated"], where="mid", color=style.MODEL, lw=1.5, label="simulation")
        axes.set_title(f"{curve['label']}  [{curve['unit']}]", loc="left", fontsize=8)
        axes.annotate(
            divergences.get(name, ""),
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color=style.MUTED,
        )
        axes.set_yticks([])
        axes.set_ylim(bottom=0, top=1.22 * max(axes.get_ylim()[1] / 1.05, 1e-12))
        axes.spines["left"].set_visible(False)
        if curve["period"]:
            axes.set_xticks([-180, -90, 0, 90, 180])
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3)
    return figure


def time_series(
    series: Sequence[Mapping[str, Sequence[float]]], reference: Mapping[str, Mapping[str, Any]], discarded: float
) -> Figure:
    """Radius of gyration of every replica over time, and RMSD where it is known, with histograms at the side.

    Args:
        series: per replica {"time" [ps], "rg" [Å]} and perhaps "rmsd" [Å].
        reference: "rg" and perhaps "rmsd" → {"edges", "reference", "simulated"}.
        discarded: share of each run left out as equilibration; shaded.
    """
    shown = {name: label for name, label in (("rg", "Rg  [Å]"), ("rmsd", "RMSD  [Å]")) if name in reference}
    figure = Figure(figsize=(6.9, 0.5 + 1.8 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), 2, width_ratios=(5, 1), sharey="row", sharex="col", squeeze=False)
    for (axes, side), (name, label) in zip(panels, shown.items(), strict=True):
        for number, run in enumerate(series):
            colour = style.REPLICAS[number % len(style.REPLICAS)]
            axes.plot(run["time"], run[name], color=colour, lw=0.8, label=f"replica {number}")
        longest = max((run["time"][-1] for run in series if len(run["time"])), default=0.0)
        axes.axvspan(0, discarded * longest, color=style.BAND, lw=0, alpha=0.45)
        axes.set_ylabel(label)
        axes.margins(x=0.0)
        edges = np.asarray(reference[name]["edges"])
        side.stairs(
            reference[name]["reference"], edges, orientation="horizontal", fill=True, color=style.REFERENCE, alpha=0.3
        )
        if reference[name]["simulated"] is not None:
            side.stairs(reference[name]["simulated"], edges, orientation="horizontal", color=style.MODEL, lw=1.4)
        side.set_xticks([])
        side.set_ylim(bottom=max(0.0, edges[0]))
        side.spines["bottom"].set_visible(False)
    panels[-1, 0].set_xlabel("time  [ps]")
    panels[0, 1].set_title("reference (grey),\nsimulation", fontsize=8, loc="left")
    panels[0, 0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, fontsize=8)
    figure.align_ylabels(panels[:, 0])
    return figure


def free_energy_maps(
    counts: Mapping[str, Float[np.ndarray, "first second"]],
    first_range: Sequence[float],
    second_range: Sequence[float],
    labels: tuple[str, str],
) -> Figure:
    """−ln of the populations over two coordinates, side by side, zero at each one's most populated bin."""
    figure = Figure(figsize=(10.4, 3.7), layout="constrained")
    panels = figure.subplots(1, len(counts), sharex=True, sharey=True, squeeze=False)
    image = None
    for axes, (name, table) in zip(panels.flat, counts.items(), strict=True):
        with np.errstate(divide="ignore"):
            energy = -np.log(table / table.max())
        image = axes.imshow(
            np.ma.masked_invalid(energy).T,
            origin="lower",
            aspect="auto",
            extent=(*first_range, *second_range),
            cmap=style.SEQUENTIAL,
            vmin=0,
            vmax=6,
            interpolation="nearest",
        )
        axes.set_title(name, loc="left", fontsize=8)
        axes.set_xlabel(labels[0])
        axes.grid(False)
    panels[0, 0].set_ylabel(labels[1])
    bar = figure.colorbar(image, ax=panels, pad=0.015, aspect=22)
    bar.set_label("−ln p  [kT]")
    bar.outline.set_visible(False)
    return figure


def contact_maps(
    reference: Float[np.ndarray, "beads beads"], simulated: Float[np.ndarray, "beads beads"] | None, separation: int
) -> Figure:
    """Contact frequencies: reference above the diagonal, simulation below, and their difference beside it."""
    panels_wanted = 1 if simulated is None else 2
    figure = Figure(figsize=(5.2 * panels_wanted, 3.9), layout="constrained")
    panels = figure.subplots(1, panels_wanted, squeeze=False)
    beads = len(reference)
    upper = np.triu(np.ones((beads, beads), dtype=bool))
    both = np.where(upper, reference, reference if simulated is None else simulated)
    near = np.abs(np.subtract.outer(np.arange(beads), np.arange(beads))) <= separation
    _matrix(figure, panels[0, 0], np.ma.array(both, mask=near), style.CONTACTS, (0.0, 1.0), "share of frames")
    panels[0, 0].set_title("reference ◥" + ("" if simulated is None else "   ◣ simulation"), loc="left", fontsize=8)
    if simulated is not None:
        difference = np.ma.array(simulated - reference, mask=near)
        _matrix(figure, panels[0, 1], difference, style.DIVERGING, (-0.6, 0.6), "difference")
        panels[0, 1].set_title("simulation − reference", loc="left", fontsize=8)
    return figure


def _matrix(
    figure: Figure, axes: Axes, values: np.ma.MaskedArray, cmap: Colormap | str, limits: tuple[float, float], label: str
) -> None:
    beads = len(values)
    axes.grid(False)
    image = axes.imshow(
        values,
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
        extent=(0.5, beads + 0.5, beads + 0.5, 0.5),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("residue")
    axes.set_ylabel("residue")
    bar = figure.colorbar(image, ax=axes, pad=0.03, aspect=22)
    bar.set_label(label)
    bar.outline.set_visible(False)


def survival(times: Sequence[float], alive: Sequence[float], replicas: int) -> Figure:
    """Share of replicas alive over time (Kaplan–Meier)."""
    figure = Figure(figsize=(3.6, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.step(times, alive, where="post", color=style.MODEL, lw=1.8)
    axes.fill_between(times, 0, alive, step="post", color=style.MODEL, alpha=0.12, lw=0)
    axes.set_ylim(0, 1.08)
    axes.set_xlim(0, max(times) or 1.0)
    axes.set_yticks([0, 1.0], ["0", f"{replicas}"])
    axes.set_xlabel("time  [ps]")
    axes.set_ylabel("replicas alive")
    return figure
