"""Figures of force agreement: what each model explains, and what the network adds to the prior."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from cgpipe.plots import style

Estimate = tuple[float, Sequence[float] | None]


def explained_variance(models: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    """R² of full model and prior per protein, each with its interval, on an axis from 0 to 1.

    Args:
        models: protein → {"model": (R², interval), "prior": (R², interval)}.
    """
    figure = Figure(figsize=(10.4, 1.2 + 0.55 * len(models)), layout="constrained")
    axes = figure.subplots()
    looks = {"prior": (style.PRIOR, -0.14, "prior alone"), "model": (style.MODEL, 0.14, "prior + network")}
    for row, estimates in enumerate(models.values()):
        for kind, (colour, shift, _) in looks.items():
            value, bounds = estimates[kind]
            if bounds is not None:
                axes.plot(bounds, [row + shift] * 2, color=colour, lw=2.2, solid_capstyle="round", alpha=0.55)
            axes.plot(value, row + shift, "o", ms=6, color=colour, mec="white", mew=0.8)
            right = max(value, bounds[1]) if bounds is not None else value
            axes.annotate(
                f"{value:.3f}",
                (right, row + shift),
                xytext=(7, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=colour,
            )
    for colour, _, label in looks.values():
        axes.plot([], [], "o", color=colour, label=label)
    axes.axvline(0, color=style.INK, lw=0.9)
    lowest = min((v for e in models.values() for v, _ in e.values()), default=0.0)
    axes.set_xlim(min(-0.02, lowest - 0.1), 1.0)
    axes.set_yticks(range(len(models)), list(models))
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("R² against single-frame labels (0: no force; the ceiling set by their noise is well below 1)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


def stage_times(seconds: Mapping[str, Sequence[float]]) -> Figure:
    """Wall time of every stage: the sum of its jobs as a bar, the single jobs as ticks."""
    figure = Figure(figsize=(10.4, 0.8 + 0.3 * max(len(seconds), 1)), layout="constrained")
    axes = figure.subplots()
    for row, jobs in enumerate(seconds.values()):
        total = sum(jobs)
        axes.barh(row, total, height=0.58, color=style.MODEL, alpha=0.85)
        number = f"{total:.0f} s" if total >= 10 else f"{total:.1f} s"
        text = number + (f"  in {len(jobs)} jobs" if len(jobs) > 1 else "")
        axes.annotate(text, (total, row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
        done = 0.0
        for job in jobs[:-1]:
            done += job
            axes.plot([done, done], [row - 0.29, row + 0.29], color="white", lw=0.8)
    axes.set_yticks(range(len(seconds)), list(seconds))
    axes.set_ylim(len(seconds) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    axes.set_xlabel("wall time  [s]")
    return figure
