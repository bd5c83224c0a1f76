"""Numbers over a whole dataset that models need: force scale and neighbour counts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

ROW = 4
"""Neighbours are kept in rows of so many slots; each bead begins a row of its own."""

COORDINATES = 2**16
"""Coordinates of about so many beads are in work at a time: what fits a core's cache."""


@dataclass
class Moments:
    """Streamed sum of squares of forces and of neighbour counts; all from real beads.

    ``max_slots`` is the largest number of slots per bead that a frame fills or begins, averaged over its beads.
    """

    force_square: float = 0.0
    components: int = 0
    neighbours: int = 0
    beads: int = 0
    max_neighbours: int = 0
    max_slots: int = 0

    def add(
        self,
        F: Float32[np.ndarray, "frames beads 3"],
        train: Bool[np.ndarray, " frames"],
        counts: Int32[np.ndarray, "frames beads"],
    ) -> None:
        """Take in the frames of one protein: means from the training frames, the largest counts from all frames.

        Args:
            F: forces [kcal/mol/Å].
            train: which frames train.
            counts: neighbours of each bead.
        """
        self.force_square += float((F[train].astype(np.float64) ** 2).sum())
        self.components += F[train].size
        self.neighbours += int(counts[train].sum())
        self.beads += counts[train].size
        self.max_neighbours = max(self.max_neighbours, int(counts.max(initial=0)))
        slots = ROW * (-(-counts // ROW)).sum(axis=1)
        self.max_slots = max(self.max_slots, -(-int(slots.max(initial=0)) // max(counts.shape[1], 1)))

    @property
    def force_rms(self) -> float:
        """RMS force per component over the training frames [kcal/mol/Å]."""
        return float(np.sqrt(self.force_square / max(self.components, 1)))

    @property
    def mean_neighbours(self) -> float:
        """Mean neighbours per bead over the training frames."""
        return self.neighbours / max(self.beads, 1)


def neighbour_counts(R: Float[np.ndarray, "frames beads 3"], cutoff: float) -> Int32[np.ndarray, "frames beads"]:
    """Other beads within the cutoff [Å] of each bead, in single precision as in the model.

    Pairs are taken by their separation along the chain, for many frames at once: each pair once, whole rows of frames
    in a vector, no list and no tree.
    """
    frames, beads, _ = R.shape
    counts = np.empty((frames, beads), dtype=np.int32)
    step = max(1, COORDINATES // max(beads, 1))
    limit = np.float32(cutoff) ** 2
    for start in range(0, frames, step):
        X = np.ascontiguousarray(R[start : start + step].astype(np.float32).transpose(2, 1, 0))  # 3 × beads × frames
        found = np.zeros(X.shape[1:], np.int32)
        for apart in range(1, beads):
            square = X[0, apart:] - X[0, :-apart]
            square *= square
            for x in X[1:]:
                along = x[apart:] - x[:-apart]
                along *= along
                square += along
            near = square < limit
            found[apart:] += near
            found[:-apart] += near
        counts[start : start + step] = found.T
    return counts
