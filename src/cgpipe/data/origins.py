"""Which runs the configurations of mean forces come from, and whether these runs are trained on."""

from collections.abc import Set
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cgpipe.data.mean_forces import MeanForces, positions_in
from cgpipe.data.projection import Projection
from cgpipe.data.store import Dataset


class Origins(NamedTuple):
    """Which configurations are of runs that are trained on, which of others, and the names of these runs.

    Both are false where nobody knows: the file does not name the run, no frame is there, and not all are kept.
    """

    seen: Bool[np.ndarray, " configurations"]
    unseen: Bool[np.ndarray, " configurations"]
    seen_runs: list[str]
    unseen_runs: list[str]


def origins(labels: MeanForces, projection: Projection, dataset: Dataset) -> Origins:
    """Tell configurations of runs that are trained on from those of other runs.

    A configuration at a frame of the projection is of that frame's run; else of the run that the file names. Where the
    projection has every frame of its runs, one at none of them that the file does not name is of another run.

    Args:
        labels: mean forces of the protein.
        projection: its frames, those that are in no set included.
        dataset: says what is trained on.
    """
    trained = trained_runs(projection, dataset)
    runs = runs_at(labels.R, projection)
    if labels.trajectory is not None:
        runs = [found or named for found, named in zip(runs, labels.trajectory, strict=True)]
    elsewhere = _has_every_frame(projection)
    seen = np.array([run in trained for run in runs])
    unseen = np.array([elsewhere if run is None else run not in trained for run in runs])
    named = [{run or "elsewhere" for run, chosen in zip(runs, rows, strict=True) if chosen} for rows in (seen, unseen)]
    return Origins(seen, unseen, *(sorted(names) for names in named))


def trained_runs(projection: Projection, dataset: Dataset) -> Set[str]:
    """Runs of a protein that training frames, or mean forces to train on, come from."""
    frames = dataset.load_protein(projection.protein, "train")
    averaged = dataset.load_protein(projection.protein, "mean_force")
    direct = {projection.trajectories[number] for number in np.unique(frames.trajectory)}
    return direct | {run for run in runs_at(averaged.R, projection) if run is not None}


def runs_at(R: Float[np.ndarray, "configurations beads 3"], projection: Projection) -> list[str | None]:
    """The run that has a frame at each configuration, None where there is none."""
    found = positions_in(R, projection.R)
    return [None if row < 0 else projection.trajectories[projection.trajectory[row]] for row in found]


def _has_every_frame(projection: Projection) -> bool:
    """Whether the frames of each run are numbered from 0 without a gap."""
    runs = (projection.frame[projection.trajectory == number] for number in np.unique(projection.trajectory))
    return all(np.array_equal(np.sort(frames), np.arange(len(frames))) for frames in runs)
