"""The look of every figure: one palette, one set of sizes, one way to save.

Importing this module sets matplotlib's parameters. Line colours are those of Okabe & Ito, "Color universal design"
(2008), told apart with every common colour vision deficiency; colour maps are perceptually uniform. Figures are
`matplotlib.figure.Figure` objects drawn without a display, and saved without dates, so the same arrays give the same
bytes.
"""

import io
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, MUTED, FAINT, GRID, PAPER = "#22272e", "#69727d", "#b9c1cb", "#e6e9ed", "#ffffff"

MODEL = BLUE
"""What a trained model or a simulation with it says."""
PRIOR = ORANGE
"""What the prior alone says."""
REFERENCE, BAND = "#4d5763", "#dde2e8"
"""Line and fill of what the all-atom data say."""
BAD = VERMILION
"""Values beyond what is tolerated."""

REPLICAS = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE)
SEQUENTIAL, CONTACTS, DIVERGING, SEQUENCE = "viridis", "Blues", "RdBu_r", "plasma"

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=REPLICAS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "figure.facecolor": PAPER,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "image.interpolation": "nearest",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "cgpipe",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}

matplotlib.rcParams.update(RC)


def bare(axes: Axes, side: str = "left") -> None:
    """Take the ticks, labels and spine off one side of a panel whose values mean nothing by themselves."""
    axes.spines[side].set_visible(False)
    axes.tick_params(axis="y" if side == "left" else "x", length=0, labelleft=side != "left")
    axes.grid(False, axis="y" if side == "left" else "x")


def note(axes: Axes, text: str, x: float = 0.98, y: float = 0.97, align: str = "right") -> None:
    """Small text inside a panel, hung from a point in fractions of its width and height."""
    axes.text(
        x, y, text, transform=axes.transAxes, ha=align, va="top", fontsize=8, color=MUTED, linespacing=1.5, zorder=5
    )


def svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element, to stand inside an HTML page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the suffix (``.png`` or ``.svg``)."""
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
