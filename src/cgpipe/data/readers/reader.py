"""What every source of all-atom frames offers, and which of its frames are taken."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from cgpipe.data.atoms import Atoms
from cgpipe.data.frames import Chunk

CHUNK_BYTES = 32 * 2**20
"""About so much of positions and forces is in memory at a time."""


@runtime_checkable
class Reader(Protocol):
    """A protein's frames, trajectory by trajectory.

    Attributes:
        atoms: what the atoms are.
        trajectories: names ``temperature/replica``; chunks refer to them by index.
        frames: for each trajectory the source's numbers of the frames that are taken, in order of time.
        lengths: how many these are.
        notes: what the user should know, in words: what was asked for and is not there, what had to be guessed.
    """

    atoms: Atoms
    trajectories: tuple[str, ...]
    frames: tuple[Int64[np.ndarray, " _"], ...]
    lengths: tuple[int, ...]
    notes: tuple[str, ...]

    def where(self, trajectory: int) -> str:
        """File, temperature and replica of a trajectory, for messages."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """All frames in order, a bounded amount at a time."""
        ...


def take_frames(total: int, stride: int, max_frames: int) -> Int64[np.ndarray, " frames"]:
    """Numbers of the frames to take of a trajectory.

    Args:
        total: frames that it has.
        stride: take every n-th.
        max_frames: of these at most so many, evenly spread from the first to the last; 0 takes all.
    """
    return spread(np.arange(0, total, stride, dtype=np.int64), max_frames)


def spread(frames: Int64[np.ndarray, " frames"], at_most: int) -> Int64[np.ndarray, " taken"]:
    """At most so many frames, evenly spread from the first to the last (the middle one for one); 0 takes all."""
    last = len(frames) - 1
    if not 0 < at_most <= last:
        return frames
    if at_most == 1:
        return frames[[last // 2]]
    return frames[np.arange(at_most) * last // (at_most - 1)]


def portions(frames: Int64[np.ndarray, " frames"], atoms: int) -> Iterator[Int64[np.ndarray, " _"]]:
    """The frames cut into portions that are small enough to be in memory.

    Args:
        frames: numbers of the frames.
        atoms: atoms that are kept of each frame.
    """
    size = max(1, CHUNK_BYTES // (24 * atoms))
    for start in range(0, len(frames), size):
        yield frames[start : start + size]
