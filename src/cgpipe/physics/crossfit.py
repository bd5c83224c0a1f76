"""How good a fitted force map is on frames it has not seen, and when it has too many coefficients to be trusted.

With p free coefficients per bead and n = 3 × frames rows, the variance of the mapped forces falls as 1 − p/n on the
frames of the fit, and rises as 1/(1 − p/n) on others. So the honest number comes from k fits that each leave one fold
out, and it needs no further pass over the data: with the Gram matrix P_k of fold k and the map w_k fitted to the other
folds it is w_k P_k w_kᵀ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from cgpipe.physics.forcemap import Groups, optimal_coefficients
from cgpipe.physics.gram import Gram

LARGEST_SHARE = 2 / 3
"""Trajectories are the folds unless one of them holds more than this share of the frames."""

BLOCK = 10
"""Frames in a row that share a fold where trajectories are divided; the noise of forces is forgotten sooner."""


@dataclass(frozen=True)
class Folds:
    """Which fold a frame belongs to: that of its trajectory, or of its block of time where trajectories will not do.

    Blocks take turns, so that the fold of a frame depends on those before it only, and labels are what they would be
    in a trajectory that ends earlier. ``blocks`` are their lengths, by trajectory.
    """

    count: int
    blocks: tuple[int, ...]
    of_trajectory: tuple[int, ...] | None

    def of(self, trajectory: int, position: Int[np.ndarray, " frames"]) -> Int[np.ndarray, " frames"]:
        """Folds of frames, given by their positions among the usable ones of one trajectory."""
        if self.of_trajectory is not None:
            return np.full(len(position), self.of_trajectory[trajectory], dtype=np.int64)
        return position // self.blocks[trajectory] % self.count


def make_folds(lengths: Sequence[int], count: int) -> Folds:
    """At most ``count`` folds of about equal numbers of frames.

    Args:
        lengths: frames of each trajectory.
        count: folds wanted, at least 2.
    """
    if len(lengths) < 2 or max(lengths) > LARGEST_SHARE * sum(lengths):
        return Folds(count, tuple(max(1, min(BLOCK, length // (2 * count))) for length in lengths), None)
    count = min(count, len(lengths))
    frames = np.zeros(count, dtype=np.int64)
    of_trajectory = np.zeros(len(lengths), dtype=np.int64)
    for trajectory in sorted(range(len(lengths)), key=lambda t: -lengths[t]):
        fold = int(np.argmin(frames))
        of_trajectory[trajectory] = fold
        frames[fold] += lengths[trajectory]
    return Folds(count, (), tuple(of_trajectory.tolist()))


def overfit_ratio(free: int, frames: int) -> float:
    """p/n: free coefficients per bead over 3 × frames."""
    return free / (3 * max(frames, 1))


def crossfit_coefficients(
    gram: Gram, groups: Groups, ridge: float, where: str
) -> Float64[np.ndarray, "folds beads groups"]:
    """For each fold the optimal coefficients fitted to all other folds."""
    return np.stack([optimal_coefficients(gram.mean(without=fold), groups, ridge, where) for fold in range(gram.folds)])


def heldout_rms(coefficients: Float64[np.ndarray, "folds beads groups"], gram: Gram) -> float:
    """RMS per component [kcal/mol/Å] over all frames, each mapped by the fit that has not seen it."""
    squares = sum(float(np.vdot(own @ total, own)) for own, total in zip(coefficients, gram.total, strict=True))
    return float(np.sqrt(squares / (gram.rows.sum() * coefficients.shape[1])))
