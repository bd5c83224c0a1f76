"""Figures of agreement with mean forces, and of agreement along the chain."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.plots import style

Estimate = tuple[float, Sequence[float] | None]


class Profile(NamedTuple):
    """A quantity along the chain: values of a model or simulation, their intervals, and what they are held against."""

    values: Sequence[float] | None
    intervals: Sequence[Sequence[float] | None]
    against: Sequence[float]


def mean_force_scores(raw: Mapping[str, Estimate], beyond: Mapping[str, Estimate], perfect: float) -> Figure:
    """R² on mean forces, of the whole force and of what harmonic bonds leave, for every model.

    Args:
        raw: model → R² and interval.
        beyond: model → R² beyond the bonds, corrected for the labels' errors, and interval.
        perfect: raw R² of a model without error.
    """
    figure = Figure(figsize=(10.4, 1.3 + 0.33 * len(raw)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, scores in ((left, raw), (right, beyond)):
        for row, (name, (value, bounds)) in enumerate(scores.items()):
            _dot(axes, row, value, bounds, style.PRIOR if name in ("bonds alone", "prior alone") else style.MODEL)
        axes.set_ylim(len(raw) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    left.set_yticks(range(len(raw)), list(raw))
    lowest = min(value for value, _ in raw.values())
    left.set_xlim(min(0.82, lowest - 0.02), 1.005)
    left.axvline(perfect, color=style.REFERENCE, lw=1.2, ls=(0, (4, 2)))
    left.set_xlabel("R², whole force (dashed: a perfect model)")
    right.axvline(1.0, color=style.REFERENCE, lw=1.2, ls=(0, (4, 2)))
    right.axvline(0.0, color=style.INK, lw=0.9)
    right.set_xlim(min(-0.05, min(value for value, _ in beyond.values()) - 0.1), 1.05)
    right.set_xlabel("R² beyond the bonds, label errors taken off")
    return figure


def _dot(axes: Axes, row: int, value: float, bounds: Sequence[float] | None, colour: str) -> None:
    if bounds is not None:
        axes.plot(bounds, [row, row], color=colour, lw=2.2, solid_capstyle="round", alpha=0.55)
    axes.plot(value, row, "o", ms=6, color=colour, mec="white", mew=0.8)
    right = value if bounds is None else max(value, bounds[1])
    axes.annotate(
        f"{value:.3f}", (right, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8, color=colour
    )


def along_the_chain(profile: Profile, residues: Sequence[str], label: str, against: str, ours: str) -> Figure:
    """One value per bead with its interval, and a line to hold it against.

    Args:
        profile: the numbers.
        residues: names of the residues.
        label: of the vertical axis.
        against: what the line is.
        ours: what the dots are.
    """
    figure = Figure(figsize=(10.4, 2.9), layout="constrained")
    axes = figure.subplots()
    at = np.arange(1, len(residues) + 1)
    axes.plot(at, profile.against, color=style.REFERENCE, lw=1.6, marker="s", ms=3.5, label=against)
    if profile.values is not None:
        for x, bounds in zip(at, profile.intervals, strict=True):
            if bounds is not None:
                axes.plot([x, x], bounds, color=style.MODEL, lw=2.2, alpha=0.5)
        axes.plot(at, profile.values, "o", ms=5, color=style.MODEL, mec="white", mew=0.7, label=ours)
    if len(residues) <= 40:
        axes.set_xticks(at, [f"{name}\n{number}" for name, number in zip(residues, at, strict=True)], fontsize=7)
    else:
        axes.set_xlabel("residue")
    axes.set_ylabel(label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure
