"""Figure of a fitted prior: distributions, energies, distances and forces."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from cgpipe.plots import style

AXES = {
    "bond": ("bond length [Å]", 5, None),
    "angle": ("angle θ [°]", 2, 30),
    "dihedral": ("dihedral φ [°]", 2, 90),
}
"""Label of each coordinate, bins drawn as one, and distance of its ticks."""

TERMS = {
    "bond": style.BLUE,
    "angle": style.GREEN,
    "dihedral": style.PURPLE,
    "repulsion": style.VERMILION,
    "excluded": style.SKY,
}
ENERGY = 9.0
"""Energies are shown up to so many kT."""


@runtime_checkable
class Coordinate(Protocol):
    """Curves of a coordinate: densities on a grid, and energies [kT] of each kind with its share of the data."""

    grid: ndarray
    data: ndarray
    fit: ndarray
    alone: ndarray | None
    energies: ndarray
    weights: ndarray


@runtime_checkable
class Pairs(Protocol):
    """Curves of one kind of pair."""

    label: str
    grid: ndarray
    data: ndarray
    alone: ndarray | None
    energy: ndarray


def prior_figure(
    coordinates: Mapping[str, Coordinate], pairs: Sequence[Pairs], numbers: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """What the prior was fitted to, what a chain does under it alone, and how much of the forces it explains.

    Args:
        coordinates: "bond", "angle", "dihedral".
        pairs: by |i−j|.
        numbers: protein → quality: R² of forces, all and by term, and divergences by term.
    """
    figure = Figure(figsize=(11.5, 6.6), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.07)
    axes = figure.subplots(2, 4, width_ratios=(1, 1, 1, 1.25))
    for column, (term, curves) in enumerate(coordinates.items()):
        label, together, ticks = AXES[term]
        shown = _range(curves, term)
        _distribution(axes[0, column], curves, together)
        _energies(axes[1, column], curves, TERMS[term])
        axes[0, column].set_title(term)
        divergences = [n[f"js_{term}"] for n in numbers.values() if n.get(f"js_{term}") is not None]
        if divergences:
            style.note(axes[0, column], f"JS of the MD ≤ {max(divergences):.2g}")
        for row in (0, 1):
            axes[row, column].set_xlim(shown)
            if ticks:
                axes[row, column].set_xticks(np.arange(np.ceil(shown[0] / ticks), shown[1] / ticks + 1e-6) * ticks)
        axes[1, column].set_xlabel(label)
        axes[1, column].set_title("energy, and by residue type", weight="normal", fontsize=8.5)
    axes[0, 0].set_ylabel("density")
    axes[1, 0].set_ylabel("energy [kT]")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=9)
    _pairs(axes[1, 3], pairs)
    _forces(axes[0, 3], numbers)
    return figure


def _range(curves: Coordinate, term: str) -> tuple[float, float]:
    """Where there are data, with a margin; the whole circle for the dihedral."""
    if term == "dihedral":
        return -180.0, 180.0
    below = np.cumsum(curves.data) / np.sum(curves.data)
    low, high = curves.grid[np.searchsorted(below, (0.0005, 0.9995))]
    return low - 0.2 * (high - low), high + 0.2 * (high - low)


def _distribution(axes: Axes, curves: Coordinate, together: int) -> None:
    grid, data = _coarse(curves.grid, together), _coarse(curves.data, together)
    axes.fill_between(grid, data, step="mid", color=style.BAND, lw=0, label="all-atom data")
    axes.step(grid, data, where="mid", color=style.REFERENCE, lw=1.0)
    axes.plot(curves.grid, curves.fit, color=style.PRIOR, lw=2.2, label="fit of this term")
    if curves.alone is not None:
        alone = _coarse(curves.alone, together)
        axes.plot(grid, alone, ls="none", marker="o", ms=2.6, color=style.MODEL, label="MD under the prior alone")
    axes.set_ylim(0, 1.3 * max(data.max(), curves.fit.max()))
    style.bare(axes)


def _energies(axes: Axes, curves: Coordinate, colour: str) -> None:
    """Every kind as a faint line, the more of it in the data the stronger, and the mean of all."""
    for energy, weight in zip(curves.energies, curves.weights, strict=True):
        axes.plot(curves.grid, energy, color=colour, lw=0.9, alpha=0.15 + 0.6 * float(weight / curves.weights.max()))
    mean = curves.weights @ curves.energies
    axes.plot(curves.grid, mean - mean.min(), color=style.INK, lw=1.6)
    axes.set_ylim(0, ENERGY if mean.max() - mean.min() > 4 else 1.25 * float(curves.energies.max()))


def _pairs(axes: Axes, pairs: Sequence[Pairs]) -> None:
    """Ridges of distance distributions, one per kind, with the repulsive energy over each."""
    height = 1.0
    for row, pair in enumerate(reversed(pairs)):
        scale = 0.85 * height / _coarse(pair.data, 5).max()
        grid, data = _coarse(pair.grid, 5), scale * _coarse(pair.data, 5)
        axes.fill_between(grid, row, row + data, color=style.BAND, lw=0, zorder=2)
        axes.plot(grid, row + data, color=style.REFERENCE, lw=1.0, zorder=3)
        if pair.alone is not None:
            axes.plot(grid, row + scale * _coarse(pair.alone, 5), color=style.MODEL, lw=1.2, zorder=4)
        energy = 0.2 * height * pair.energy
        low = (energy < 0.95) & (energy > 1e-4)
        axes.plot(pair.grid[low], row + energy[low], color=style.BAD, lw=1.8, zorder=5)
    axes.plot([], [], color=style.BAD, label="energy, 5 kT per row")
    axes.set_title("distances and repulsion")
    axes.set_xlim(2.5, pairs[0].grid[-1] if pairs else None)
    axes.set_ylim(0, len(pairs) + 0.55)
    axes.set_xlabel("distance [Å]")
    axes.legend(loc="upper left", fontsize=7.5)
    axes.set_yticks(np.arange(len(pairs)), [pair.label for pair in reversed(pairs)], va="bottom")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")


def _forces(axes: Axes, numbers: Mapping[str, Mapping[str, Any]]) -> None:
    """R² of the forces per protein on held-out frames: all terms, and what each adds to the others."""
    scored = {name: n for name, n in numbers.items() if n["force_r2"] is not None}
    for row, n in enumerate(scored.values()):
        axes.barh(row, n["force_r2"], height=0.5, color=style.PRIOR)
        axes.annotate(f"{n['force_r2']:.3f}", (n["force_r2"], row), (4, 0), textcoords="offset points", va="center")
        axes.plot([n["force_r2_of_term"]["bond"]] * 2, [row - 0.32, row + 0.32], color=style.INK, lw=1.4)
    axes.plot([], [], color=style.INK, lw=1.4, label="bonds alone")
    axes.set_title("force R², held-out frames")
    axes.set_xlim(0, 1)
    axes.set_yticks(range(len(scored)), list(scored))
    axes.set_ylim(max(len(scored), 3) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.legend(loc="lower right")


def _coarse(values: ndarray, together: int) -> ndarray:
    """Means over so many neighbouring values."""
    usable = len(values) // together * together
    return values[:usable].reshape(-1, together).mean(1)
