"""Figure of the data: which blocks of time of which trajectory are in which set."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cgpipe.plots import style

COLOURS = {"train": "#c9d6e2", "val": style.ORANGE, "test": style.BLUE, "gap": style.PAPER}
NAMES = {"train": "training", "val": "validation", "test": "test"}

Block = tuple[int, int, str]


def split_strips(trajectories: Mapping[str, Sequence[Block]]) -> Figure:
    """A strip per trajectory, its blocks of time coloured by their set.

    Args:
        trajectories: name → (first frame, last frame, set).
    """
    figure = Figure(figsize=(5.1, 0.95 + 0.24 * len(trajectories)), layout="constrained")
    axes = figure.subplots()
    for row, blocks in enumerate(trajectories.values()):
        for split, colour in COLOURS.items():
            spans = [(first, last - first + 1) for first, last, own in blocks if own == split]
            axes.broken_barh(spans, (row - 0.36, 0.72), facecolors=colour, edgecolor=style.PAPER, linewidth=0.5)
    axes.set_yticks(range(len(trajectories)), list(trajectories))
    axes.set_ylim(len(trajectories) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("frame")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    handles = [Patch(color=COLOURS[split], label=label) for split, label in NAMES.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure
