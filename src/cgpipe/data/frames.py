"""Frames of an all-atom trajectory as they travel through the projection, and which of them can be used."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from cgpipe.errors import UserError


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


def usable_frames(chunk: Chunk, policy: str, where: str) -> Chunk:
    """The frames whose numbers are all finite and whose forces are not all zero.

    Args:
        policy: ``refuse`` raises on the first bad frame, ``drop`` leaves bad frames out.
        where: protein and trajectory, for the error message.

    Raises:
        UserError: a bad frame under ``refuse``.
    """
    finite_R = np.isfinite(chunk.R).all(axis=(1, 2))
    finite_F = np.isfinite(chunk.F).all(axis=(1, 2))
    some_force = chunk.F.any(axis=(1, 2))
    kept = finite_R & finite_F & some_force
    if policy == "refuse" and not kept.all():
        bad = int(np.argmin(kept))
        what = (
            "NaN or infinity in the coordinates"
            if not finite_R[bad]
            else "NaN or infinity in the forces"
            if not finite_F[bad]
            else "all forces are zero"
        )
        raise UserError(
            f"{where}, frame {chunk.frame[bad]}: {what}; repair the trajectory, "
            "or set project.non_finite: drop to leave such frames out"
        )
    return chunk if kept.all() else chunk.select(kept)
