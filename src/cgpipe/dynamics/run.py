"""A whole run of all replicas of a molecule: from the first structures to the files of each, across interruptions."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from cgpipe.dynamics.batch import Dynamics, Replicas
from cgpipe.dynamics.ends import BondWatch, Outcome
from cgpipe.dynamics.field import ForceField
from cgpipe.dynamics.guard import death_of
from cgpipe.dynamics.parts import Parts, Progress, stacked
from cgpipe.dynamics.plans import Plan
from cgpipe.dynamics.results import write_results
from cgpipe.units import FORCE_TO_ACCELERATION

SAVE_SECONDS = 60.0
"""A run that is killed loses the work of so much time at most."""


def run_replicas(
    folders: Sequence[Path],
    plans: Sequence[Plan],
    R: Float64[np.ndarray, "replicas beads 3"],
    field: ForceField,
    slots: int,
    masses: Float64[np.ndarray, " beads"],
    bonds: BondWatch,
    parts: Parts,
) -> list[Outcome]:
    """Run all replicas and write ``traj.dcd`` and ``thermo.csv`` into the folder of each.

    Args:
        folders: one per replica.
        plans: likewise; they differ in title, temperature and seeds only.
        R: first positions of each [Å].
        field: energies and forces of all replicas.
        slots: neighbour slots per bead that it has.
        masses: of the beads [g/mol].
        bonds: means and tolerance of the bonds.
        parts: where to continue, and where to save.
    """
    dynamics = Dynamics(field, slots, plans, masses, bonds)
    progress = _run(dynamics, plans[0], R, parts, masses)
    deaths = [death_of(progress.replicas.fate, replica, bonds, slots) for replica in range(len(plans))]
    write_results(folders, plans, deaths, parts.kept(), masses)
    return [
        Outcome(death, plan.steps if death is None else death.step, progress.seconds, None, float(largest))
        for death, plan, largest in zip(deaths, plans, progress.replicas.fate.largest, strict=True)
    ]


def _run(
    dynamics: Dynamics,
    plan: Plan,
    R: Float64[np.ndarray, "replicas beads 3"],
    parts: Parts,
    masses: Float64[np.ndarray, " beads"],
) -> Progress:
    """Run to the end, or to the death of the last replica; everything is in the parts afterwards."""
    frames = []
    progress = parts.progress()
    if progress is None:
        progress = Progress(0, 0.0, dynamics.start(R))
        frames.append((0, progress.replicas, _kinetic(progress.replicas, plan, masses)))
    dynamics.advance(progress.replicas, progress.step, 0)  # compiles; no part of the time that is reported
    step, before, now = progress.step, progress.seconds, progress.replicas
    began = saved = time.perf_counter()
    while step < plan.steps and now.fate.alive.any():
        steps = min(plan.save_every, plan.steps - step)
        now = dynamics.advance(now, step, steps)
        step += steps
        if step % plan.save_every == 0:
            frames.append((step, now, _kinetic(now, plan, masses)))
        progress = Progress(step, before + time.perf_counter() - began, now)
        if time.perf_counter() - saved > SAVE_SECONDS:
            parts.add(stacked(frames), progress)
            frames, saved = [], time.perf_counter()
    if frames:
        parts.add(stacked(frames), progress)
    return progress


def _kinetic(replicas: Replicas, plan: Plan, masses: Float64[np.ndarray, " beads"]) -> Float64[np.ndarray, " replicas"]:
    """Kinetic energy [kcal/mol] of the velocities half a kick later, as LAMMPS prints it of half a step later."""
    motion = replicas.motion
    V = motion.V + 0.5 * plan.timestep * FORCE_TO_ACCELERATION * motion.F / masses[:, None]
    return 0.5 * np.sum(masses[:, None] * V**2, axis=(1, 2)) / FORCE_TO_ACCELERATION
