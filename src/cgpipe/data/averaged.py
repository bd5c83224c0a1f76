"""Mean forces as frames to train on: checked against the frames of their protein, centred, weighted by their errors.

Those of a run without any training frame are left out: such a run is to judge the model.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32

from cgpipe.data.mean_forces import MeanForces, check_labels, training_weights
from cgpipe.data.origins import runs_of
from cgpipe.data.projection import Projection
from cgpipe.errors import UserError


class Averaged(NamedTuple):
    """Frames whose labels are mean forces, and where they come from.

    Attributes:
        R: positions [Å].
        F: forces [kcal/mol/Å].
        weight: how many single frames each is worth.
        temperature: [K].
        runs: names of the runs that they come from, where these are known.
        of_unknown_runs: how many come from nobody knows which run.
        left_out: run → how many are left out, because the run has no training frame.
    """

    R: Float32[np.ndarray, "frames beads 3"]
    F: Float32[np.ndarray, "frames beads 3"]
    weight: Float32[np.ndarray, " frames"]
    temperature: Float32[np.ndarray, " frames"]
    runs: list[str]
    of_unknown_runs: int
    left_out: dict[str, int]

    def summary(self) -> dict[str, Any]:
        """How many there are, how many single frames they are worth in all, and their runs."""
        return {
            "configurations": len(self.R),
            "single_frames": float(self.weight.sum(dtype=np.float64)),
            "runs": self.runs,
            "of_unknown_runs": self.of_unknown_runs,
            "left_out": self.left_out,
        }


def averaged_frames(labels: MeanForces | None, projection: Projection, trains: Bool[np.ndarray, " frames"]) -> Averaged:
    """A protein's mean forces as frames to train on; none where it has none.

    Args:
        labels: what the protein gives as ``mean_force_train``.
        projection: its frames.
        trains: which of these are for training.

    Raises:
        UserError: labels of another protein, without a usable error, at a temperature that no training frame has, or of
            a protein that is kept out of training.
    """
    if labels is None:
        nothing, none = np.zeros((0, projection.beads, 3), np.float32), np.zeros(0, np.float32)
        return Averaged(nothing, nothing, none, none, runs=[], of_unknown_runs=0, left_out={})
    where = f"mean_force_train of {projection.protein}"
    if not trains.any():
        raise UserError(
            f"{where}: the protein is kept out of training, and its mean forces would bring it in; remove the key, or "
            "choose other proteins to test on (dataset.held_out, dataset.split_seed)"
        )
    check_labels(labels, projection, projection.temperature[trains], where)
    trained = {projection.trajectories[number] for number in np.unique(projection.trajectory[trains])}
    runs = runs_of(labels, projection)
    kept = [row for row, run in enumerate(runs) if run is None or run in trained]
    weight = training_weights(labels, where)[kept].astype(np.float32)
    return Averaged(
        R=centred(labels.R[kept]),
        F=labels.F[kept].astype(np.float32),
        weight=weight,
        temperature=np.full(len(kept), labels.temperature, np.float32),
        runs=sorted(trained.intersection(run for run in runs if run)),
        of_unknown_runs=runs.count(None),
        left_out={run: runs.count(run) for run in sorted({run for run in runs if run} - trained)},
    )


def notes(protein: str, summary: Mapping[str, Any], division: Mapping[str, Any]) -> list[str]:
    """What the user should know about a protein's mean forces to train on.

    Args:
        protein: its name.
        summary: as `Averaged.summary` gives it.
        division: the record of how it was divided.
    """
    said = []
    if lost := summary["left_out"]:
        said.append(
            f"note: {protein}: {sum(lost.values())} mean forces to train on are left out, because no frame of their "
            f"runs ({', '.join(lost)}) is for training"
        )
    if summary["of_unknown_runs"] and (division["validation_runs"] or division["test_runs"]):
        said.append(
            f"warning: {protein}: nobody knows of which runs {summary['of_unknown_runs']} mean forces to train on "
            "are, so runs that are left out may be trained on; name the runs in the file's array 'trajectory'"
        )
    return said


def centred(R: Float[np.ndarray, "frames beads 3"]) -> Float32[np.ndarray, "frames beads 3"]:
    """Positions [Å] relative to the mean of each frame's beads."""
    return (R - R.mean(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
