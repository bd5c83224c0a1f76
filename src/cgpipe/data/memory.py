"""How long a trajectory remembers its conformation, and how long blocks of time must be for that."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.data.conformations import conformations

BEADS = 8
"""Memory is that of the distances between so many beads, spread evenly over the list."""

MEMORIES = 5.0
"""A block holds so many memories; one is left out on both sides of a border."""

FEWEST = 5
"""Where trajectories are too short, the longest is cut into so many blocks all the same."""


class Lengths(NamedTuple):
    """Lengths of blocks and gaps [frames], the memory that asks for them, and whether they are as long as it asks."""

    memory: float
    block: int
    gap: int
    independent: bool


def conformation_memory(
    R: Float[np.ndarray, "frames beads 3"], trajectory: Int[np.ndarray, " frames"], frame: Int[np.ndarray, " frames"]
) -> float:
    """Integrated autocorrelation time of the distances between beads inside the trajectories [frames].

    Of all distances together: those that move most count most.
    """
    distances = conformations(R, BEADS)
    count, pairs = int(trajectory.max()) + 1, distances.shape[1]
    # every distance of every trajectory as a series of its own
    series = trajectory + count * np.arange(pairs)[:, None]
    return integrated_time(distances.T.ravel(), series.ravel(), np.tile(frame.astype(np.int64), pairs), within=True)


def block_lengths(memory: float, longest: int, block: int | None, gap: int | None) -> Lengths:
    """Lengths of blocks and gaps.

    Args:
        memory: of the conformations [frames].
        longest: frames of the longest trajectory.
        block: given by the user, or None to follow from the memory.
        gap: likewise.
    """
    wanted_gap = math.ceil(memory)
    if block is None:
        block = max(1, min(math.ceil(MEMORIES * memory), longest // FEWEST))
        block = block if gap is None else max(block, 2 * gap + 1)
    gap = min(wanted_gap, block // 4) if gap is None else gap
    return Lengths(memory, block, gap, independent=block >= MEMORIES * memory and gap >= memory)
