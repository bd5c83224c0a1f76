"""Frames of an all-atom trajectory as they travel through the projection."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int


@dataclass(frozen=True)
class Chunk:
    """Consecutive frames of one trajectory: positions R [Å], forces F [kcal/mol/Å], source frame numbers.

    ``trajectory`` indexes the reader's list of trajectories; ``temperature`` is in K.
    """

    trajectory: int
    temperature: float
    frame: Int[np.ndarray, " frames"]
    R: Float32[np.ndarray, "frames atoms 3"]
    F: Float32[np.ndarray, "frames atoms 3"]

    def select(self, kept: Bool[np.ndarray, " frames"]) -> "Chunk":
        """The frames where ``kept`` is true."""
        return Chunk(self.trajectory, self.temperature, self.frame[kept], self.R[kept], self.F[kept])
