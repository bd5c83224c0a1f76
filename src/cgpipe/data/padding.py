"""Proteins of different lengths in arrays of few lengths: the choice of the lengths, and what fills the rest.

Padded beads are parked at one point far outside the protein, at 0.95 of the extent of a box that begins at the origin.
No result may depend on that: the mask decides, and padded beads have neither neighbours nor bonds by construction.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int32

PARKED_AT = 0.95
"""Share of the box extent where padded beads are parked, on all three axes."""


def choose_capacities(
    beads: Sequence[int], frames: Sequence[int], most: int, tolerated: float = 0.0
) -> tuple[int, ...]:
    """The padded lengths that waste the fewest slots: at most ``most``, and no more than a tolerated waste asks for.

    Dynamic programming over the distinct lengths in ascending order: a bucket takes a run of neighbouring lengths and
    has the capacity of the longest. Each length costs a compilation in training, so of the choices whose share of
    padding is tolerable the one with the fewest lengths is taken.

    Args:
        beads: length of each protein.
        frames: frames of each protein.
        most: largest number of buckets.
        tolerated: share of padding at which one more length is not worth its compilation.
    """
    lengths, position = np.unique(np.asarray(beads, np.int64), return_inverse=True)
    weight = np.bincount(position, np.asarray(frames, np.float64))
    count = np.concatenate([[0.0], np.cumsum(weight)])
    used = np.concatenate([[0.0], np.cumsum(weight * lengths)])
    # slots[start, stop - 1] of a bucket over lengths[start:stop]; waste is slots less what is used
    waste = lengths[None, :] * (count[None, 1:] - count[:-1, None]) - (used[None, 1:] - used[:-1, None])
    waste[np.tril_indices(len(lengths), -1)] = np.inf
    best, starts = waste[0], [np.zeros(len(lengths), np.int64)]
    while len(starts) < min(most, len(lengths)) and best[-1] > tolerated * (best[-1] + used[-1]):
        totals = np.concatenate([[0.0], best[:-1]])[:, None] + waste
        starts.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    capacities: list[int] = []
    last = len(lengths) - 1
    for start in reversed(starts):
        if last >= 0:
            capacities.insert(0, int(lengths[last]))
            last = int(start[last]) - 1
    return tuple(capacities)


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
