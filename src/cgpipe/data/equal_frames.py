"""Equal frames, wherever they lie, however they are turned, and to whatever precision they were stored.

Two frames of the same beads are equal when the distances between beads agree: within `TYPICAL` in the root mean square
and within `LARGEST` each. So a trajectory is found again in another format (XTC rounds to 0.01 Å), centred, rotated,
reordered or thinned; frames of a simulation 0.1 ps apart differ by ten times as much. A few distances are searched in
a tree, many are compared for what it finds. Fewer than `FEWEST` beads have too few distances to tell frames apart:
there only the same coordinates, to the last bit, are equal.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from cgpipe.data.projection import Projection

TYPICAL, LARGEST = 0.01, 0.04
"""Differences of distances between equal frames: root mean square, and largest [Å]."""
FEWEST = 6
SEARCHED, COMPARED = 8, (40, 500)
"""Distances that are searched by, and that are compared, the second time for frames that agree in the first."""
NEAREST = 8
"""Frames that are looked at for each."""
PIECE = 1000
"""Pairs of frames at a time."""


def fingerprints(R: Float32[np.ndarray, "frames beads 3"]) -> Float64[np.ndarray, "frames searched"]:
    """A few distances, in which equal frames agree; the coordinates themselves where there are few beads [Å]."""
    if R.shape[1] < FEWEST:
        return R.reshape(len(R), -1).astype(np.float64)
    return _distances(R, *_pairs(R.shape[1], 2, SEARCHED))


def may_be_equal(
    own: Float64[np.ndarray, "frames searched"], others: Float64[np.ndarray, "others searched"]
) -> Int64[np.ndarray, "pairs 2"]:
    """Rows of two sets of fingerprints that are as close as those of equal frames."""
    nearest = range(1, min(NEAREST, len(others)) + 1)
    distance, index = cKDTree(others).query(own, k=[*nearest], p=np.inf, distance_upper_bound=LARGEST)
    rows, columns = np.nonzero(np.isfinite(distance))
    return np.stack([rows, index[rows, columns]], axis=1).astype(np.int64)


def are_equal(
    R: Float32[np.ndarray, "frames beads 3"],
    others: Float32[np.ndarray, "others beads 3"],
    pairs: Int64[np.ndarray, "pairs 2"],
) -> Bool[np.ndarray, " pairs"]:
    """Whether frames of two lists are equal, for pairs of their rows."""
    if R.shape[1] < FEWEST:
        return (R[pairs[:, 0]] == others[pairs[:, 1]]).all(axis=(1, 2))
    found = np.ones(len(pairs), bool)
    for compared in (_pairs(R.shape[1], 1, at_most) for at_most in COMPARED):
        left = np.flatnonzero(found)
        for rows in (left[start : start + PIECE] for start in range(0, len(left), PIECE)):
            own, other = pairs[rows].T
            off = np.abs(_distances(R[own], *compared) - _distances(others[other], *compared))
            found[rows] = (off.max(axis=1) < LARGEST) & (np.sqrt((off**2).mean(axis=1)) < TYPICAL)
    return found


def without_copies(projection: Projection) -> Projection:
    """A projection without the frames that an earlier one of its trajectories has too, and a note of each such pair."""
    R, trajectory = projection.R, projection.trajectory
    if len(projection.trajectories) < 2:
        return projection
    marks = fingerprints(R)
    pairs = may_be_equal(marks, marks)
    pairs = pairs[trajectory[pairs[:, 0]] != trajectory[pairs[:, 1]]]
    pairs = pairs[are_equal(R, R, pairs)]
    if not len(pairs):
        return projection
    first = _first_of_equals(len(R), pairs)
    copies = np.flatnonzero(trajectory != trajectory[first])
    between, counts = np.unique(trajectory[np.stack([copies, first[copies]])], axis=1, return_counts=True)
    names = projection.trajectories
    notes = [
        f"{count} frames of {names[later]} are equal to frames of {names[earlier]}, but for their place, direction or "
        "precision; left out of the later one"
        for (later, earlier), count in zip(between.T.tolist(), counts.tolist(), strict=True)
    ]
    quality = dict(projection.quality)
    quality["frames"] -= len(copies)
    quality["frames_dropped"] += len(copies)
    counted = quality["left_out"]
    told = "also in an earlier trajectory"
    quality["left_out"] = counted | {told: counted.get(told, 0) + len(copies)}
    quality["notes"] = [*quality["notes"], *notes]
    return replace(projection.take(np.setdiff1d(np.arange(len(R)), copies)), quality=quality)


def _first_of_equals(frames: int, pairs: Int64[np.ndarray, "pairs 2"]) -> Int64[np.ndarray, " frames"]:
    """The first of the frames that each is equal to; itself where it is equal to none."""
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(frames, frames))
    group = connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(group, return_index=True)[1][group], dtype=np.int64)


def _pairs(beads: int, apart: int, at_most: int) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Pairs of beads that are at least so far apart along the chain, the same ones for every chain of a length."""
    first, second = np.triu_indices(beads, apart)
    chosen = np.random.default_rng(0).permutation(len(first))[:at_most]
    return first[chosen], second[chosen]


def _distances(
    R: Float[np.ndarray, "frames beads 3"], first: Int[np.ndarray, " pairs"], second: Int[np.ndarray, " pairs"]
) -> Float64[np.ndarray, "frames pairs"]:
    apart = R[:, first].astype(np.float64) - R[:, second]
    return np.sqrt(np.einsum("fpi,fpi->fp", apart, apart))
