"""How unlike conformations are: by the root mean square difference of their beads' distances (dRMS).

A conformation is the vector of distances between some beads, divided by the square root of their number, so that the
Euclidean distance of two vectors is the dRMS. It needs no superposition, and does not see mirror images.
"""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from cgpipe.data.splits import SPLITS, spread

MOST_BEADS = 32
"""Distances are taken between at most so many beads, spread evenly over the list."""

MOST_TEST, MOST_TRAINING = 500, 5000
"""Frames of each set that nearness is measured on, spread evenly."""


def conformations(
    R: Float[np.ndarray, "frames beads 3"], most_beads: int = MOST_BEADS
) -> Float64[np.ndarray, "frames pairs"]:
    """Scaled distances of frames [Å]."""
    beads = np.unique(np.linspace(0, R.shape[1] - 1, most_beads).round().astype(int))  # both ends among them
    chosen = R[:, beads].astype(np.float64)
    first, second = np.triu_indices(chosen.shape[1], 1)
    distances = np.linalg.norm(chosen[:, first] - chosen[:, second], axis=-1)
    return np.asarray(distances / np.sqrt(max(1, len(first))))


def unlikeness(
    some: Float64[np.ndarray, "some pairs"], others: Float64[np.ndarray, "others pairs"]
) -> Float64[np.ndarray, "some others"]:
    """dRMS between every two of them [Å]."""
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def nearness(
    R: Float[np.ndarray, "frames beads 3"], split: Int[np.ndarray, " frames"], trajectory: Int[np.ndarray, " frames"]
) -> dict[str, float | None]:
    """How near test frames are to training frames: medians over test frames of the dRMS to the nearest [Å].

    Returns:
        ``nearest`` of all training frames and ``nearest_of_other_runs``, which is of those from other trajectories:
        what there would be if no training frame shared a trajectory with the test frame. None where there are none.
    """
    test, training = (np.flatnonzero(split == SPLITS[name]) for name in ("test", "train"))
    test, training = test[spread(len(test), MOST_TEST)], training[spread(len(training), MOST_TRAINING)]
    if not (len(test) and len(training)):
        return {"nearest": None, "nearest_of_other_runs": None}
    apart = unlikeness(conformations(R[test]), conformations(R[training]))
    other = trajectory[test][:, None] != trajectory[training]
    elsewhere = np.where(other, apart, np.inf).min(axis=1)
    return {"nearest": float(np.median(apart.min(axis=1))), "nearest_of_other_runs": _median_of_finite(elsewhere)}


def _median_of_finite(values: Float64[np.ndarray, " frames"]) -> float | None:
    finite: Bool[np.ndarray, " frames"] = np.isfinite(values)
    return float(np.median(values[finite])) if finite.any() else None
