"""The files of a finished replica, as a run in LAMMPS leaves them: ``traj.dcd`` and ``thermo.csv``."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from MDAnalysis.lib.formats.libdcd import DCDFile

from cgpipe.dynamics.ends import Death
from cgpipe.dynamics.parts import Kept
from cgpipe.dynamics.plans import TABLE, Plan
from cgpipe.units import FS_PER_PS, KB


def write_results(
    folders: Sequence[Path],
    plans: Sequence[Plan],
    deaths: Sequence[Death | None],
    parts: Iterable[Kept],
    masses: Float64[np.ndarray, " beads"],
) -> None:
    """Write trajectory and thermodynamics of every replica; of one that died, the frames before its death.

    Args:
        folders: one per replica.
        plans: likewise.
        deaths: likewise; None for those that live.
        parts: all frames of all replicas, the first at step 0.
        masses: of the beads [g/mol].
    """
    with ExitStack() as stack:
        trajectories = [stack.enter_context(DCDFile(str(folder / "traj.dcd"), "w")) for folder in folders]
        tables = [stack.enter_context((folder / "thermo.csv").open("w")) for folder in folders]
        for trajectory, table, plan in zip(trajectories, tables, plans, strict=True):
            trajectory.write_header(plan.title, len(masses), 0, plan.save_every, plan.timestep, 0)
            table.write(",".join(TABLE) + "\n")
        for kept in parts:
            for replica, (plan, death) in enumerate(zip(plans, deaths, strict=True)):
                # what was there at its start is kept in any case: nobody reads a trajectory without frames
                last = plan.steps if death is None else max(death.step - 1, 0)
                for frame in np.flatnonzero(kept.step <= last):
                    trajectories[replica].write(kept.R[frame, replica])
                    tables[replica].write(_row(kept, int(frame), replica, plan, masses))


def _row(kept: Kept, frame: int, replica: int, plan: Plan, masses: Float64[np.ndarray, " beads"]) -> str:
    step, U, K = int(kept.step[frame]), kept.potential[frame, replica], kept.kinetic[frame, replica]
    R = kept.R[frame, replica].astype(np.float64)
    centre = np.average(R, axis=0, weights=masses)
    gyration = np.sqrt(np.average(((R - centre) ** 2).sum(axis=1), weights=masses))
    temperature = K / (1.5 * len(masses) * KB)
    values = (step * plan.timestep / FS_PER_PS, temperature, K, U, U + K, gyration)
    return f"{step}," + ",".join(f"{value:.12g}" for value in values) + "\n"
