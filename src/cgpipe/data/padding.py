"""Proteins of different lengths in arrays of few lengths: the choice of the lengths, and what fills the rest.

Padded beads are parked at one point far outside the protein, at 0.95 of the extent of a box that begins at the origin.
No result may depend on that: the mask decides, and padded beads have neither neighbours nor bonds by construction.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int32

PARKED_AT = 0.95
"""Share of the box extent where padded beads are parked, on all three axes."""


def choose_capacities(beads: Sequence[int], frames: Sequence[int], most: int) -> tuple[int, ...]:
    """The at most ``most`` padded lengths that waste the fewest slots.

    Dynamic programming over the distinct lengths in ascending order: a bucket takes a run of neighbouring lengths and
    has the capacity of the longest.

    Args:
        beads: length of each protein.
        frames: frames of each protein.
        most: largest number of buckets.
    """
    lengths = sorted(set(beads))
    weight = {n: sum(f for b, f in zip(beads, frames, strict=True) if b == n) for n in lengths}
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for _ in range(most):
        extended = dict(best)
        for start, (waste, capacities) in best.items():
            for stop in range(start + 1, len(lengths) + 1):
                top = lengths[stop - 1]
                total = waste + sum(weight[n] * (top - n) for n in lengths[start:stop])
                if stop not in extended or total < extended[stop][0]:
                    extended[stop] = (total, (*capacities, top))
        best = extended
    return best[len(lengths)][1]


def capacity_for(beads: int, capacities: Sequence[int]) -> int:
    """The smallest capacity that holds a protein."""
    return min(capacity for capacity in capacities if capacity >= beads)


def padding_waste(beads: Sequence[int], frames: Sequence[int], capacities: Sequence[int]) -> float:
    """Share of all slots that hold padding."""
    slots = [f * capacity_for(b, capacities) for b, f in zip(beads, frames, strict=True)]
    used = [f * b for b, f in zip(beads, frames, strict=True)]
    return (sum(slots) - sum(used)) / sum(slots)


def box_extent(largest: float, cutoff: float) -> float:
    """Extent [Å] of a box whose parking point is at least ``cutoff`` away from every coordinate up to ``largest``."""
    return (largest + cutoff) / PARKED_AT


def pad_frames(
    values: Float[np.ndarray, "frames beads 3"], capacity: int, fill: float
) -> Float32[np.ndarray, "frames capacity 3"]:
    """Vectors per bead, with ``fill`` in the added rows."""
    padded = np.full((len(values), capacity, 3), fill, dtype=np.float32)
    padded[:, : values.shape[1]] = values
    return padded


def pad_beads(values: np.ndarray, capacity: int, fill: int) -> Int32[np.ndarray, " capacity"]:
    """One integer per bead, with ``fill`` in the added rows."""
    padded = np.full(capacity, fill, dtype=np.int32)
    padded[: len(values)] = values
    return padded
