"""Figures of the force projection: how noisy each map leaves the forces, and which atoms a bead's force comes from."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from cgpipe.plots import style

MAPS = ("slice", "uniform", "optimal", "window")
CLIP = 1.0


def map_height(beads: int) -> float:
    """Height of the figure of a force map [inch]."""
    return 1.0 + min(4.0, max(1.6, 0.17 * beads))


def noise_bars(rms: Mapping[str, float], rms_heldout: Mapping[str, float], used: str, height: float) -> Figure:
    """RMS force per component of each map, in sample and held out.

    Args:
        rms: map → RMS on the frames it was fitted to [kcal/mol/Å].
        rms_heldout: map → RMS on frames it was not fitted to [kcal/mol/Å]; maps without one show none.
        used: the map that was used; its bar stands out.
        height: of the figure [inch].
    """
    figure = Figure(figsize=(3.7, height), layout="constrained")
    axes = figure.subplots()
    names = [name for name in MAPS if rms.get(name) is not None or rms_heldout.get(name) is not None]
    for row, name in enumerate(names):
        inside, outside = rms.get(name), rms_heldout.get(name)
        colour = style.MODEL if name == used else style.FAINT
        shown = outside if outside is not None else inside
        axes.barh(row, shown, height=0.56, color=colour)
        axes.text(shown, row, f"  {shown:.1f}", va="center", ha="left", color=style.INK)
        if inside is not None and outside is not None:
            axes.plot([inside, inside], [row - 0.38, row + 0.38], color=style.INK, lw=1.2)
    axes.plot([], [], color=style.INK, lw=1.2, label="on the frames it was fitted to")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_xlim(left=0)
    axes.set_xlabel("RMS force per component, held out  [kcal/mol/Å]")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), handlelength=0.8)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def force_map(
    W: Float[np.ndarray, "beads atoms"], residue_names: tuple[str, ...], atom_residues: tuple[str, ...]
) -> Figure:
    """Heat map of the force map: weight of each atom in the force of each bead.

    Args:
        W: the map.
        residue_names: of the beads, for the rows.
        atom_residues: residue of each atom; borders between residues are marked.
    """
    beads, atoms = W.shape
    figure = Figure(figsize=(6.9, map_height(beads)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(W, aspect="auto", cmap=style.DIVERGING, vmin=-CLIP, vmax=CLIP, interpolation="nearest")
    starts = [0, *(i for i in range(1, atoms) if atom_residues[i] != atom_residues[i - 1])]
    for start in starts[1:]:
        axes.axvline(start - 0.5, color=style.BAND, lw=0.4)
    stride = max(1, beads // 30)
    axes.set_yticks(
        range(0, beads, stride), [f"{residue_names[i]} {i + 1}" for i in range(0, beads, stride)], fontsize=6
    )
    centres = [(a + b - 1) / 2 for a, b in zip(starts, [*starts[1:], atoms], strict=True)]
    step = max(1, len(starts) // 30)
    axes.set_xticks(centres[::step], [str(i + 1) for i in range(0, len(starts), step)], fontsize=8)
    axes.tick_params(length=0)
    axes.set_xlabel("atoms, by residue")
    axes.grid(False)
    bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=18, extend="both" if np.abs(W).max() > CLIP else "neither")
    bar.set_label("weight")
    bar.outline.set_visible(False)
    return figure
