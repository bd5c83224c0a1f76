"""Frames as different from each other as there are: farthest-point sampling (Gonzalez, Theor. Comput. Sci. 38, 293)."""

import numpy as np
from jaxtyping import Float, Int

BEADS = 50
"""At most so many beads of a chain, spread evenly, decide how different frames are."""


def spread_out(
    R: Float[np.ndarray, "frames beads 3"],
    taken_from: Int[np.ndarray, " frames"],
    time: Int[np.ndarray, " frames"],
    count: int,
    apart: int,
) -> list[int]:
    """Frames that differ: the one nearest to the mean of all, then always the one farthest from those chosen.

    Differences are of the distances between beads.

    Args:
        R: positions of the beads [Å].
        taken_from: trajectory of each frame.
        time: its number in there.
        count: how many are wanted; fewer come back where there are no more.
        apart: frames of one trajectory nearer in time than this are not both taken.
    """
    beads = np.unique(np.linspace(0, R.shape[1] - 1, BEADS).astype(int))
    first, second = np.triu_indices(len(beads), 1)
    near = R[:, beads].astype(np.float32)
    distances = np.linalg.norm(near[:, first] - near[:, second], axis=-1)
    free = np.ones(len(R), bool)
    nearest = np.full(len(R), np.inf)
    best = int(np.square(distances - distances.mean(axis=0)).sum(axis=1).argmin())
    chosen: list[int] = []
    while len(chosen) < count:
        chosen.append(best)
        nearest = np.minimum(nearest, np.square(distances - distances[best]).sum(axis=1))
        free &= (taken_from != taken_from[best]) | (np.abs(time - time[best]) >= apart)
        if not free.any():
            break
        best = int(np.where(free, nearest, -1.0).argmax())
    return chosen
