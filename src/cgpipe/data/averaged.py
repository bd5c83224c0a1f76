"""Mean forces as frames to train on: checked against the frames of their protein, centred, weighted by their errors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32

from cgpipe.data.mean_forces import MeanForces, check_labels, training_weights
from cgpipe.data.projection import Projection
from cgpipe.errors import UserError


class Averaged(NamedTuple):
    """Frames whose labels are mean forces: positions [Å], forces [kcal/mol/Å], weight and temperature [K] of each."""

    R: Float32[np.ndarray, "frames beads 3"]
    F: Float32[np.ndarray, "frames beads 3"]
    weight: Float32[np.ndarray, " frames"]
    temperature: Float32[np.ndarray, " frames"]

    def summary(self) -> dict[str, int | float]:
        """How many there are, and how many single frames they are worth in all."""
        return {"configurations": len(self.R), "single_frames": float(self.weight.sum(dtype=np.float64))}


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
        nothing = np.zeros((0, projection.beads, 3), np.float32)
        return Averaged(nothing, nothing, *[np.zeros(0, np.float32)] * 2)
    where = f"mean_force_train of {projection.protein}"
    if not trains.any():
        raise UserError(
            f"{where}: the protein is kept out of training, and its mean forces would bring it in; remove the key, or "
            "choose other proteins to test on (dataset.held_out, dataset.split_seed)"
        )
    check_labels(labels, projection, projection.temperature[trains], where)
    weight = training_weights(labels, where).astype(np.float32)
    temperature = np.full(len(weight), labels.temperature, np.float32)
    return Averaged(centred(labels.R), labels.F.astype(np.float32), weight, temperature)


def centred(R: Float[np.ndarray, "frames beads 3"]) -> Float32[np.ndarray, "frames beads 3"]:
    """Positions [Å] relative to the mean of each frame's beads."""
    return (R - R.mean(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
