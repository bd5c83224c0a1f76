"""How much a force field takes: survival over temperatures, a ladder of time steps, and energy without a thermostat.

A time step is called stable if every replica survives and both temperatures (``dynamics.trials``) agree with the
thermostat's. A temperature agrees if the thermostat's lies in its interval: Student's t over the means of the replicas,
at a confidence so high that none of a dozen such comparisons should fail by chance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from cgpipe.dynamics.trials import Condition, Trial, Trials
from cgpipe.physics.survival import death_rate_bound, survival_curve
from cgpipe.units import KB, thermal_energy

CONFIDENCE = 0.999
"""Of the intervals of temperatures."""

SETTLE = 0.2
"""Share of a run on the ladder that is not looked at: a step has an equilibrium of its own."""

LADDER_DAMPING = 0.1
"""Longest damping on the ladder [ps]: the stronger the bath, the more independent samples of the temperatures."""

EQUILIBRATION, EQUILIBRATION_DAMPING = 3.0, 0.2
"""How replicas are brought to their temperature [ps]."""

FRAME_INTERVAL, ENERGY_INTERVAL = 500.0, 100.0
"""Time between samples [fs]: where structures are looked at, and where energies and temperatures are."""


def survival(trials: Trials, R: Float[np.ndarray, "replicas beads 3"], how: Condition, picoseconds: float) -> Trial:
    """A run from structures [Å] at a temperature, as a simulation would begin."""
    return trials.run(trials.start(R, how), how, picoseconds, FRAME_INTERVAL)


def survival_numbers(trial: Trial) -> dict[str, Any]:
    """Who lived how long: Kaplan–Meier curve, bound on the rate of deaths [1/ps], and every death with its reason."""
    died = ~trial.survived
    times, alive = survival_curve(trial.ends, died)
    return {
        "temperature": trial.condition.temperature,
        "survived": int(np.sum(~died)),
        "simulated_ps": float(trial.ends.sum()),
        "death_rate_bound": death_rate_bound(int(died.sum()), float(trial.ends.sum())),
        "curve": {"time": times.tolist(), "alive": alive.tolist()},
        "deaths": _deaths(trial),
    }


def equilibrated(
    trials: Trials, R: Float[np.ndarray, "replicas beads 3"], temperature: float, timestep: float
) -> Trial:
    """Replicas brought to a temperature by some ps in a strong bath."""
    condition = Condition("equilibration", temperature, timestep, EQUILIBRATION_DAMPING)
    return trials.run(trials.start(R, condition), condition, EQUILIBRATION, FRAME_INTERVAL)


def ladder(
    trials: Trials, begin: Trial, timesteps: Sequence[float], damping: float, picoseconds: float
) -> list[dict[str, Any]]:
    """Survival and both temperatures at every time step [fs], from the same equilibrated states.

    Args:
        trials: of the molecule.
        begin: the equilibrated replicas.
        timesteps: [fs].
        damping: of the thermostat [ps]; `LADDER_DAMPING` at most is used.
        picoseconds: of each run [ps].
    """
    rungs = []
    for timestep in timesteps:
        temperature = begin.condition.temperature
        condition = Condition(f"ladder/{timestep:g}", temperature, timestep, min(damping, LADDER_DAMPING))
        rungs.append(rung_numbers(trials.run(begin.now, condition, picoseconds, ENERGY_INTERVAL, probed=True)))
    return rungs


def rung_numbers(trial: Trial) -> dict[str, Any]:
    """Survivors and temperatures [K] of one run; of the temperatures nothing where fewer than two replicas live."""
    alive = trial.survived
    numbers: dict[str, Any] = {
        "timestep": trial.condition.timestep,
        "survived": int(alive.sum()),
        "deaths": _deaths(trial),
        **dict.fromkeys(("kinetic", "kinetic_interval", "configurational", "configurational_interval", "beads")),
        "equipartition": None,
    }
    if alive.sum() > 1:
        later = slice(int(SETTLE * len(trial.time)), None)
        of_beads = 2.0 / 3.0 / KB * trial.kinetic[later, alive].mean(axis=0)
        ratio = trial.squared_force[later, alive].mean(axis=0) / trial.laplacian[later, alive].mean(axis=0) / KB
        for name, values in (("kinetic", of_beads.mean(axis=1)), ("configurational", ratio)):
            numbers[name], numbers[f"{name}_interval"] = float(values.mean()), _interval(values)
        numbers["beads"] = of_beads.mean(axis=0).round(2).tolist()
        intervals = (numbers["kinetic_interval"], numbers["configurational_interval"])
        numbers["equipartition"] = all(low <= trial.condition.temperature <= high for low, high in intervals)
    return numbers


def longest_stable(rungs: Sequence[dict[str, Any]], replicas: int) -> float | None:
    """The longest time step [fs] at which all replicas survive and equipartition holds; None if there is none."""
    stable = [rung["timestep"] for rung in rungs if rung["survived"] == replicas and rung["equipartition"]]
    return max(stable, default=None)


def free_runs(
    trials: Trials, begin: Trial, timesteps: Sequence[float], picoseconds: float
) -> tuple[list[dict[str, Any]], float | None]:
    """Energy without a thermostat at every time step [fs], and the order in which its fluctuation grows with them.

    The order is the slope of log fluctuation over log time step: 2 for velocity Verlet on a smooth potential.

    Args:
        trials: of the molecule.
        begin: the equilibrated replicas.
        timesteps: [fs].
        picoseconds: of each run [ps].
    """
    found = []
    for timestep in timesteps:
        condition = Condition(f"free/{timestep:g}", begin.condition.temperature, timestep, np.inf)
        found.append(conservation(trials.run(begin.now, condition, picoseconds, ENERGY_INTERVAL)))
    known = [(one["timestep"], one["fluctuation"]) for one in found if one["fluctuation"]]
    if len(known) < 2:
        return found, None
    steps, fluctuations = np.log(known).T
    return found, float(np.polyfit(steps, fluctuations, 1)[0])


def conservation(trial: Trial) -> dict[str, Any]:
    """Fluctuation of the total energy [kT] and its drift [kT per degree of freedom and ns], with its standard error.

    Drift: slope of a straight line over the run of each replica; fluctuation: what is left, over all replicas that
    live. Too short a run, or too few replicas, for a line or an error gives None.
    """
    alive = trial.survived
    numbers: dict[str, Any] = {"timestep": trial.condition.timestep, "survived": int(alive.sum())}
    numbers |= dict.fromkeys(("fluctuation", "drift", "drift_error"))
    if alive.any() and len(trial.time) > 2:
        kT, freedom = thermal_energy(trial.condition.temperature), 3 * trial.R.shape[2]
        time = trial.time / 1000.0  # ns
        slopes, offsets = np.polyfit(time, trial.total[:, alive], 1)
        numbers["fluctuation"] = float(np.std(trial.total[:, alive] - time[:, None] * slopes - offsets) / kT)
        drifts = slopes / freedom / kT
        numbers["drift"] = float(drifts.mean())
        if len(drifts) > 1:
            numbers["drift_error"] = float(np.std(drifts, ddof=1) / np.sqrt(len(drifts)))
    return numbers


def living_frames(trial: Trial, replicas: slice = slice(None)) -> Float[np.ndarray, "frames beads 3"]:
    """Structures of living replicas [Å], of all or some, in the order of time."""
    return trial.R[:, replicas][trial.alive[:, replicas]]


def _deaths(trial: Trial) -> list[dict[str, Any]]:
    return [
        {"replica": number, "picoseconds": float(end), "reason": reason}
        for number, (end, reason) in enumerate(zip(trial.ends, trial.reasons, strict=True))
        if reason is not None
    ]


def _interval(values: Float[np.ndarray, " replicas"]) -> tuple[float, float]:
    reach = student.ppf(0.5 + 0.5 * CONFIDENCE, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)
