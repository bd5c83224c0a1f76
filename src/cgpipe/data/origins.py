"""Which runs the configurations of mean forces come from, and whether these runs are trained on."""

from collections.abc import Set
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from cgpipe.data.mean_forces import MeanForces, positions_in
from cgpipe.data.projection import Projection
from cgpipe.data.store import Dataset
from cgpipe.errors import UserError


class Origins(NamedTuple):
    """Which configurations are of runs that are trained on, which of others, and the names of these runs.

    Both are false where nobody knows: no frame is there and the file names no run of the projection. None is of another
    run where nobody knows which runs some mean forces to train on come from.
    """

    seen: Bool[np.ndarray, " configurations"]
    unseen: Bool[np.ndarray, " configurations"]
    seen_runs: list[str]
    unseen_runs: list[str]


def origins(labels: MeanForces, projection: Projection, dataset: Dataset) -> Origins:
    """Tell configurations of runs that are trained on from those of other runs.

    Args:
        labels: mean forces of the protein.
        projection: its frames, those that are in no set included.
        dataset: says what is trained on.
    """
    trained = trained_runs(projection, dataset)
    runs = runs_of(labels, projection)
    every_run_known = not _averaged(projection, dataset)["of_unknown_runs"]
    seen = np.array([run in trained for run in runs])
    unseen = np.array([every_run_known and run is not None and run not in trained for run in runs])
    named = [{run for run, chosen in zip(runs, rows, strict=True) if run and chosen} for rows in (seen, unseen)]
    return Origins(seen, unseen, *(sorted(names) for names in named))


def trained_runs(projection: Projection, dataset: Dataset) -> Set[str]:
    """Runs of a protein that training frames, or mean forces to train on, come from."""
    frames = dataset.load_protein(projection.protein, "train")
    direct = {projection.trajectories[number] for number in np.unique(frames.trajectory)}
    return direct.union(_averaged(projection, dataset)["runs"])


def runs_of(labels: MeanForces, projection: Projection) -> list[str | None]:
    """The run of each configuration: that of the frame there, else the one that the file names, None if unknown.

    A name counts if it is one of the projection's, with or without the protein's name before it; what another name
    means nobody knows.
    """
    names = [name.removeprefix(f"{projection.protein}/") for name in labels.trajectory or [""] * len(labels.R)]
    known = [name if name in projection.trajectories else None for name in names]
    found = positions_in(labels.R, projection.R)
    return [
        projection.trajectories[projection.trajectory[row]] if row >= 0 else name
        for row, name in zip(found, known, strict=True)
    ]


def _averaged(projection: Projection, dataset: Dataset) -> dict[str, Any]:
    """What the dataset says of the protein's mean forces to train on.

    Raises:
        UserError: it says nothing, as those of older versions.
    """
    summary = dict(dataset.statistics["proteins"][projection.protein].get("mean_forces") or {})
    if "runs" not in summary:
        raise UserError(
            f"the dataset does not say of which runs the mean forces of {projection.protein} to train on are (an "
            "earlier cgpipe?); rerun the dataset stage"
        )
    return summary
