"""Numbers over a whole dataset that models need: force scale and neighbour counts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

PAIRS = 2**22
"""About so many distances are in memory at a time."""


@dataclass
class Moments:
    """Streamed sum of squares of forces and of neighbour counts; all from real beads."""

    force_square: float = 0.0
    components: int = 0
    neighbours: int = 0
    beads: int = 0
    max_neighbours: int = 0

    def add(
        self,
        R: Float32[np.ndarray, "frames beads 3"],
        F: Float32[np.ndarray, "frames beads 3"],
        train: Bool[np.ndarray, " frames"],
        cutoff: float,
    ) -> None:
        """Take in the frames of one protein: means from the training frames, the largest count from all frames."""
        counts = neighbour_counts(R, cutoff)
        self.force_square += float((F[train].astype(np.float64) ** 2).sum())
        self.components += F[train].size
        self.neighbours += int(counts[train].sum())
        self.beads += counts[train].size
        self.max_neighbours = max(self.max_neighbours, int(counts.max(initial=0)))

    @property
    def force_rms(self) -> float:
        """RMS force per component over the training frames [kcal/mol/Å]."""
        return float(np.sqrt(self.force_square / max(self.components, 1)))

    @property
    def mean_neighbours(self) -> float:
        """Mean neighbours per bead over the training frames."""
        return self.neighbours / max(self.beads, 1)


def neighbour_counts(R: Float[np.ndarray, "frames beads 3"], cutoff: float) -> np.ndarray:
    """Other beads within the cutoff [Å] of each bead: int [frames, beads]."""
    frames, beads, _ = R.shape
    counts = np.zeros((frames, beads), dtype=np.int64)
    step = max(1, PAIRS // max(beads * beads, 1))
    for start in range(0, frames, step):
        block = R[start : start + step].astype(np.float64)
        square = ((block[:, :, None] - block[:, None]) ** 2).sum(axis=-1)
        counts[start : start + step] = (square < cutoff**2).sum(axis=-1) - 1
    return counts
