"""Figures of what a force field takes: survival over temperatures, temperatures and energies over time steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.plots import style


def survival_panels(temperatures: Sequence[Mapping[str, Any]], replicas: int) -> Figure:
    """A panel per temperature with the share of replicas alive (Kaplan–Meier), and shares of frames unlike the data.

    Args:
        temperatures: {"temperature", "survived", "curve": {"time", "alive"}, "uncertain", "outside"}, one each.
        replicas: per temperature.
    """
    count = len(temperatures)
    figure = Figure(figsize=(10.4, 2.5), layout="constrained")
    panels = figure.subplots(1, count + 1, width_ratios=[1.0] * count + [1.7])
    longest = max(one["curve"]["time"][-1] for one in temperatures) or 1.0
    for axes, one in zip(panels[:count], temperatures, strict=True):
        times, alive = one["curve"]["time"], one["curve"]["alive"]
        axes.step(times, alive, where="post", color=style.MODEL)
        axes.fill_between(times, 0, alive, step="post", color=style.MODEL, alpha=0.12, lw=0)
        axes.plot(times[-1], alive[-1], "o", ms=4, color=style.MODEL, clip_on=False)
        axes.set_title(f"{one['temperature']:g} K")
        style.note(axes, f"{one['survived']} of {replicas}", y=0.14)
        axes.set_xlim(0, 1.04 * longest)
        axes.set_ylim(0, 1.08)
        axes.set_yticks([0, 0.5, 1.0], [] if axes is not panels[0] else ["0", "", f"{replicas}"])
        axes.set_xlabel("time  [ps]")
    panels[0].set_ylabel("replicas alive")
    _shares(panels[-1], temperatures)
    return figure


def _shares(axes: Axes, temperatures: Sequence[Mapping[str, Any]]) -> None:
    """Bars beside each other: frames on which the members disagree, and frames beyond the data's distances."""
    places = np.arange(len(temperatures))
    highest = 1.0
    for name, colour, shift in (("uncertain", style.BLUE, -0.2), ("outside", style.ORANGE, 0.2)):
        known = [(x, 100 * one[name]) for x, one in zip(places, temperatures, strict=True) if one[name] is not None]
        if known:
            at, shares = np.array(known).T
            axes.bar(at + shift, shares, 0.36, color=colour, label=name)
            highest = max(highest, shares.max())
    axes.axhline(1.0, color=style.REFERENCE, lw=1.0, ls="--", label="test frames, uncertain")
    axes.set_ylim(0, 1.45 * highest)
    axes.set_xticks(places, [f"{one['temperature']:g}" for one in temperatures])
    axes.set_xlabel("temperature  [K]")
    axes.set_title("frames unlike the data  [%]")
    axes.grid(False, axis="x")
    axes.legend(loc="upper left", ncols=1 if highest > 60 else 2, columnspacing=1.0)


def timestep_panels(
    rungs: Sequence[Mapping[str, Any]],
    free: Sequence[Mapping[str, Any]],
    temperature: float,
    replicas: int,
    used: float,
) -> Figure:
    """Both temperatures over the time step, and the fluctuation of the energy without a thermostat.

    Args:
        rungs: {"timestep", "survived", "kinetic", "configurational", …"_interval", "beads"}, by time step.
        free: {"timestep", "fluctuation"}, by time step.
        temperature: of the thermostat [K].
        replicas: per time step.
        used: time step of the simulations [fs].
    """
    figure = Figure(figsize=(10.4, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.9, 1.0])
    places = np.arange(len(rungs))
    left.axhline(0.0, color=style.REFERENCE, lw=1.0)
    for name, label, colour, mark, shift in (
        ("kinetic", "kinetic", style.BLUE, "o", -0.12),
        ("configurational", "configurational", style.VERMILION, "D", 0.12),
    ):
        known = [(x, rung) for x, rung in zip(places, rungs, strict=True) if rung[name] is not None]
        if known:
            value = np.array([rung[name] for _, rung in known])
            bounds = np.array([rung[f"{name}_interval"] for _, rung in known]).T
            at = np.array([x for x, _ in known]) + shift
            scale = 100.0 / temperature
            reach = scale * np.abs(bounds - value)
            style_of = {"color": colour, "ms": 5, "lw": 1.6, "label": label}
            left.errorbar(at, scale * (value - temperature), yerr=reach, fmt=mark, **style_of)
    beads = [(x, bead) for x, rung in zip(places, rungs, strict=True) for bead in rung["beads"] or []]
    if beads:
        at, warm = np.array(beads).T
        left.scatter(at - 0.3, 100.0 * (warm / temperature - 1.0), s=7, color=style.FAINT, zorder=1, label="each bead")
    low, high = left.get_ylim()
    low, high = max(low, -40.0), min(max(high, 8.0), 60.0)
    left.set_ylim(low, high + 0.15 * (high - low))  # room for the legend
    names = [f"{rung['timestep']:g}{'*' if rung['timestep'] == used else ''}" for rung in rungs]
    left.set_xticks(
        places, [f"{name}\n{rung['survived']} of {replicas}" for name, rung in zip(names, rungs, strict=True)]
    )
    left.set_xlim(-0.6, len(rungs) - 0.4)
    left.set_xlabel("time step  [fs], and replicas that survive; * that of the simulations")
    left.set_ylabel("deviation  [%]")
    left.set_title(f"temperatures against the thermostat's {temperature:g} K")
    left.grid(False, axis="x")
    left.legend(loc="upper left", ncols=3)
    _fluctuations(right, free)
    return figure


def _fluctuations(axes: Axes, free: Sequence[Mapping[str, Any]]) -> None:
    """Fluctuation of the energy over the time step, with the second order beside it."""
    known = [(one["timestep"], one["fluctuation"]) for one in free if one["fluctuation"]]
    axes.set_title("energy without a thermostat")
    axes.set_xlabel("time step  [fs]")
    axes.set_ylabel("fluctuation  [kT]")
    if not known:
        style.note(axes, "no replica survived" if free else "not asked for", x=0.5, y=0.55, align="center")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    steps, values = np.array(known).T
    span = np.array([steps.min() / 1.15, steps.max() * 1.15])
    axes.loglog(span, values[0] * (span / steps[0]) ** 2, color=style.REFERENCE, lw=1.0, ls="--", label="∝ dt²")
    axes.loglog(steps, values, "o-", color=style.MODEL, ms=5, label="simulation")
    axes.set_xticks(steps, [f"{step:g}" for step in steps])
    axes.minorticks_off()
    axes.legend(loc="upper left")
