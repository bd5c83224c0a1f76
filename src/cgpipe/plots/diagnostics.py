"""Figures of a dataset's labels: their size, their memory, the geometry they come with, and what padding costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cgpipe.plots import style

MOST_ROWS = 24
"""Proteins in one figure; of more, those with the widest range are shown."""


def all_figures(found: Mapping[str, Any], proteins: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure that the data allow, by name.

    Args:
        found: findings as in ``diagnostics`` of the dataset's summary.
        proteins: ``proteins`` of the dataset's statistics.
    """
    figures = {
        "residues": residue_forces(found["residues"]),
        "magnitudes": magnitudes(found["magnitudes"], _outliers(found)),
        "padding": padding_bars(padding(proteins)),
    }
    curves = memories(found["proteins"])
    if curves:
        figures["memory"] = memory(curves)
    for kind, label in (("bonds", "bond  [Å]"), ("angles", "angle  [°]")):
        ranges = {name: p[kind] for name, p in found["proteins"].items() if p[kind]}
        if ranges:
            figures[kind] = range_strips(ranges, label)
    return figures


def memories(proteins: Mapping[str, Any]) -> dict[str, tuple[list[int], list[float]]]:
    """Protein → lags [frames] and correlations, where there are any."""
    found = {name: p["autocorrelation"] for name, p in proteins.items() if p["autocorrelation"]}
    return {name: (curve["frames"], curve["correlation"]) for name, curve in found.items()}


def padding(proteins: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Padded length → proteins, share of all slots that are real and that are padding; ``longest`` is one for all."""

    def part(chosen: Sequence[Mapping[str, Any]], capacity: int, slots: float) -> dict[str, float]:
        frames = [sum(p["frames"].values()) for p in chosen]
        real = sum(f * p["beads"] for f, p in zip(frames, chosen, strict=True))
        return {"proteins": float(len(chosen)), "real": real / slots, "padded": (sum(frames) * capacity - real) / slots}

    everything = list(proteins.values())
    slots = float(sum(sum(p["frames"].values()) * p["capacity"] for p in everything))
    found = {
        str(capacity): part([p for p in everything if p["capacity"] == capacity], capacity, slots)
        for capacity in sorted({p["capacity"] for p in everything})
    }
    return {**found, "longest": part(everything, max(p["beads"] for p in everything), slots)}


def residue_forces(residues: Mapping[str, Mapping[str, float | int]]) -> Figure:
    """RMS force per component by residue type, largest first, with the number of samples."""
    names = sorted(residues, key=lambda name: -residues[name]["force_rms"])
    figure = Figure(figsize=(4.4, 0.9 + 0.19 * len(names)), layout="constrained")
    axes = figure.subplots()
    values = [residues[name]["force_rms"] for name in names]
    axes.barh(range(len(names)), values, height=0.68, color=style.BLUE)
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        axes.text(value, row, f"  {value:.1f}", va="center", fontsize=7.5, color=style.INK)
        axes.text(
            0.02 * max(values), row, f"{residues[name]['samples']:,}", va="center", fontsize=6.5, color=style.PAPER
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.14)
    axes.set_xlim(left=0)
    axes.set_xlabel("RMS force per component  [kcal/mol/Å]")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    return figure


def magnitudes(histogram: Mapping[str, Sequence[float | int]], outliers: Sequence[float]) -> Figure:
    """Distribution of |F| over all beads and frames; outliers as marks on the axis.

    Args:
        histogram: ``edges`` [kcal/mol/Å] and ``counts``.
        outliers: |F| of those listed.
    """
    edges, counts = np.array(histogram["edges"]), np.array(histogram["counts"], float)
    used = np.flatnonzero(counts)
    figure = Figure(figsize=(4.4, 2.9), layout="constrained")
    axes = figure.subplots()
    axes.stairs(counts, edges, fill=True, color=style.SKY, alpha=0.55)
    axes.stairs(counts, edges, color=style.BLUE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(edges[max(1, used[0])], edges[used[-1] + 1] * 1.3)
    axes.set_ylim(bottom=0.5)
    if len(outliers):
        axes.plot(
            outliers, np.full(len(outliers), 0.7), "|", color=style.BAD, ms=9, mew=1.4, label="outliers", zorder=4
        )
        axes.legend(loc="upper left")
    axes.set_xlabel("|F|  [kcal/mol/Å]")
    axes.set_ylabel("beads × frames")
    return figure


def memory(curves: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> Figure:
    """Correlation of a bead's force with its own later value, a line per protein.

    Args:
        curves: protein → lags [frames] and correlations.
    """
    figure = Figure(figsize=(4.4, 2.9), layout="constrained")
    axes = figure.subplots()
    few = len(curves) <= len(style.REPLICAS)
    for number, (name, (lags, values)) in enumerate(curves.items()):
        colour = style.REPLICAS[number] if few else style.BLUE
        label = name if few else (f"{len(curves)} proteins" if number == 0 else None)
        axes.plot(lags, values, marker="o", ms=3, color=colour, lw=1.4, alpha=1.0 if few else 0.3, label=label)
    axes.axhline(0, color=style.MUTED, lw=0.8)
    axes.set_xscale("log")
    axes.set_ylim(min(-0.05, 1.1 * min(min(values) for _, values in curves.values())), 1.0)
    ticks = sorted({lag for lags, _ in curves.values() for lag in lags})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time between two frames  [frames of the source]")
    axes.set_ylabel("correlation of forces")
    axes.legend(loc="upper right")
    return figure


def range_strips(ranges: Mapping[str, Sequence[float]], label: str) -> Figure:
    """Quantiles of a quantity per protein: thin line min … max, thick line the middle 99 %, dot the median.

    Args:
        ranges: protein → five quantiles, ascending.
        label: of the axis.
    """
    widest = sorted(ranges, key=lambda name: ranges[name][0] - ranges[name][-1])[:MOST_ROWS]
    names = [name for name in ranges if name in widest]
    figure = Figure(figsize=(4.4, 0.85 + 0.22 * len(names)), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(names):
        low, inner, middle, outer, high = ranges[name]
        axes.plot([low, high], [row, row], color=style.FAINT, lw=1.4)
        axes.plot([inner, outer], [row, row], color=style.BLUE, lw=4, solid_capstyle="butt")
        axes.plot(middle, row, "o", color=style.PAPER, ms=3.2, zorder=4)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(label if len(names) == len(ranges) else f"{label}, the {len(names)} widest of {len(ranges)}")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    return figure


def padding_bars(parts: Mapping[str, Mapping[str, float]]) -> Figure:
    """Real and padded slots of every length, and of one length for all.

    Args:
        parts: as :func:`padding` gives them.
    """
    figure = Figure(figsize=(4.4, 0.9 + 0.26 * len(parts)), layout="constrained")
    axes = figure.subplots()
    for row, part in enumerate(parts.values()):
        real, padded = 100 * part["real"], 100 * part["padded"]
        axes.barh(row, real, height=0.62, color=style.BLUE, label="beads" if row == 0 else None)
        axes.barh(row, padded, left=real, height=0.62, color=style.ORANGE, label="padding" if row == 0 else None)
        share = 100 * part["padded"] / (part["real"] + part["padded"])
        axes.text(real + padded, row, f"  {share:.0f} % padding", va="center", fontsize=7.5, color=style.MUTED)
    labels = ["one length" if name == "longest" else f"{name} beads" for name in parts]
    axes.set_yticks(range(len(parts)), labels)
    axes.set_ylim(len(parts) - 0.4, -0.6)
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    axes.set_xlabel("slots, in % of those that are stored")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    return figure


def _outliers(found: Mapping[str, Any]) -> list[float]:
    return [o["force"] for p in found["proteins"].values() for o in p["outliers"]["worst"]]
