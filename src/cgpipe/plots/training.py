"""Figures of the training: loss curves of all members, and the agreement of exported with trained model."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from cgpipe.plots import style

Curve = Mapping[str, Sequence[float]]


def training_curves(members: Mapping[str, Curve], best: str, prior_rmse: float | None) -> Figure:
    """Validation and training RMSE of every member over epochs.

    Args:
        members: name → {"epoch", "train_rmse", "val_rmse", "lr"}.
        best: the member that is exported; drawn in colour.
        prior_rmse: error of the prior alone on held-out frames [kcal/mol/Å].
    """
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    (axes, rate) = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    for name, curve in members.items():
        chosen = name == best
        colour, order = (style.MODEL, 3) if chosen else (style.FAINT, 2)
        axes.plot(curve["epoch"], curve["val_rmse"], color=colour, lw=1.8 if chosen else 1.0, zorder=order)
        axes.plot(curve["epoch"], curve["train_rmse"], color=colour, lw=1.0, ls=(0, (2, 1.5)), zorder=order)
        if chosen:
            rate.plot(curve["epoch"], curve["lr"], color=style.INK, lw=1.0)
            low = int(np.argmin(curve["val_rmse"]))
            axes.plot(curve["epoch"][low], curve["val_rmse"][low], "o", ms=5, color=colour, mec="white", zorder=4)
    axes.plot([], [], color=style.MODEL, lw=1.8, label=f"validation, {best} (best)")
    axes.plot([], [], color=style.MODEL, lw=1.0, ls=(0, (2, 1.5)), label=f"training, {best}")
    if len(members) > 1:
        axes.plot([], [], color=style.FAINT, lw=1.2, label="other members")
    if prior_rmse is not None:
        axes.axhline(prior_rmse, color=style.PRIOR, lw=1.0)
        axes.annotate(
            "prior alone, test frames",
            (1.0, prior_rmse),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            color=style.PRIOR,
            fontsize=8,
        )
    axes.margins(y=0.12)
    axes.set_ylabel("force RMSE  [kcal/mol/Å]")
    axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.14))
    rate.set_yscale("log")
    rate.set_ylabel("learning rate")
    rate.set_xlabel("epoch")
    figure.align_ylabels()
    return figure


def parity_bars(errors: Mapping[str, float], tolerance: float) -> Figure:
    """Relative force error of each way of running the exported model against the trained one, on a logarithmic axis.

    Args:
        errors: what was compared → largest relative error.
        tolerance: the largest error allowed.
    """
    figure = Figure(figsize=(7.0, 0.8 + 0.3 * max(len(errors), 1)), layout="constrained")
    axes = figure.subplots()
    floor = 1e-9
    for row, error in enumerate(errors.values()):
        shown = max(error, floor)
        axes.plot([floor, shown], [row, row], color=style.MODEL if error <= tolerance else style.BAD, lw=1.4)
        axes.plot(shown, row, "o", ms=6, color=style.MODEL if error <= tolerance else style.BAD)
        axes.annotate(f"{error:.1e}", (shown, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
    axes.axvline(tolerance, color=style.INK, lw=0.9, ls=":")
    axes.annotate(
        "tolerance",
        (tolerance, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, -2),
        textcoords="offset points",
        rotation=90,
        va="top",
        ha="right",
        fontsize=8,
    )
    axes.set_xscale("log")
    axes.set_xlim(floor, max(10 * tolerance, 30 * max([floor, *errors.values()])))
    axes.set_yticks(range(len(errors)), list(errors))
    axes.set_ylim(len(errors) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("largest relative force error")
    return figure


def parity_points(points: Mapping[str, Float[np.ndarray, "_ 2"]]) -> Figure:
    """Difference of the exported program's force from the trained model's over the size of that force, bead by bead.

    Args:
        points: protein → force and difference [kcal/mol/Å], one row per bead.
    """
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    axes = figure.subplots()
    several = 1 < len(points) <= len(style.REPLICAS)
    floor, everything = 1e-9, np.concatenate(list(points.values()))
    for number, (name, rows) in enumerate(points.items()):
        colour = style.REPLICAS[number] if several else style.MODEL
        shown = np.maximum(rows, floor)
        axes.plot(*shown.T, "o", ms=4, mew=0, alpha=0.6, color=colour, label=name if several else None)
    sizes = np.maximum(np.array([everything[:, 0].min(), everything[:, 0].max()]), floor)
    axes.plot(sizes, sizes * 2.0**-23, color=style.REFERENCE, lw=1.0, ls=(0, (4, 2)), label="resolution of float32")
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel("force of the trained model  [kcal/mol/Å]")
    axes.set_ylabel("difference  [kcal/mol/Å]")
    axes.legend(loc="upper left", markerscale=1.5)
    return figure
