"""Cα traces: one structure, and superposed frames of reference and simulation around it."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from cgpipe.plots import style


def overlays(
    onto: Float[np.ndarray, "beads 3"],
    reference: Float[np.ndarray, "frames beads 3"],
    simulated: Float[np.ndarray, "others beads 3"] | None,
    bonded: list[bool],
) -> Figure:
    """Superposed Cα traces seen along the direction in which the structure they lie on is flattest.

    Args:
        onto: that structure, centred [Å].
        reference: frames superposed on it [Å].
        simulated: the same of the simulation.
        bonded: whether beads i and i+1 are bonded.
    """
    shown = {"reference": reference} | ({} if simulated is None else {"simulation": simulated})
    _, _, axes_of_inertia = np.linalg.svd(onto - onto.mean(axis=0))
    view = axes_of_inertia * np.sign(np.linalg.det(axes_of_inertia))
    figure = Figure(figsize=(5.2 * len(shown), 3.9), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False, sharex=True, sharey=True)
    colours = {"reference": style.REFERENCE, "simulation": style.MODEL}
    for axes, (name, frames) in zip(panels.flat, shown.items(), strict=True):
        for frame in frames:
            _trace(axes, frame @ view.T, bonded, colours[name], 0.9, 0.3)
        flat = onto @ view.T
        _trace(axes, flat, bonded, style.INK, 2.2, 1.0)
        axes.scatter(
            flat[:, 0], flat[:, 1], s=26, c=np.arange(len(flat)), cmap=style.SEQUENCE, zorder=3, ec="white", lw=0.7
        )
        axes.set_title(f"{name}, {len(frames)} frames", loc="left", fontsize=8)
        axes.set_aspect("equal")
        axes.axis("off")
    everything = np.concatenate([onto[None], *shown.values()]) @ view.T
    extent = np.abs(onto @ view.T).max(axis=0)
    reach = 1.06 * np.maximum(np.quantile(np.abs(everything), 0.99, axis=(0, 1)), extent)
    panels[0, 0].set_xlim(-reach[0], reach[0])
    panels[0, 0].set_ylim(-reach[1], reach[1])
    _scale_bar(panels[0, 0])
    return figure


def _trace(
    axes: Axes, points: Float[np.ndarray, "beads 3"], bonded: list[bool], colour: str, width: float, alpha: float
) -> None:
    segments = [points[i : i + 2, :2] for i, together in enumerate(bonded) if together]
    axes.add_collection(LineCollection(segments, colors=colour, linewidths=width, alpha=alpha, capstyle="round"))


def _scale_bar(axes: Axes, length: float = 5.0) -> None:
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left, left + length], [bottom, bottom], color=style.INK, lw=1.6, solid_capstyle="butt", clip_on=False)
    axes.annotate(
        f"{length:g} Å", (left + length / 2, bottom), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=7
    )
