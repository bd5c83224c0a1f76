"""How much of a single-frame label no function of the beads can predict, estimated from pairs of similar frames.

Two frames in the same configuration have the same mean force and independent noise, so half the mean square difference
of their labels is the variance of the noise. Frames are never in the same configuration; with distance d between them
the difference of the mean forces adds, to leading order, a term in d²: γ(d) = σ² + c d² (the variogram of
geostatistics, Matheron, Econ. Geol. 58, 1246, 1963; as an estimator of noise: Gasser, Sroka, Jennen-Steinmetz,
Biometrika 73, 625, 1986). σ² is the intercept of a least-squares line over the nearest neighbours of every frame, bead
by bead.

The forces of harmonic bonds are taken off first. They are a function of the beads, so the noise stays the same, but
they vary most, over distances that no neighbour is near enough to resolve. The distance is the RMSD of a window of the
chain around the bead, after superposition by a proper rotation that also turns the label.

R²_max = 1 − σ²/⟨F²⟩ per component. Where there are labels of held beads, σ² is their variance and needs no neighbours.

What the window does not hold, and structure finer than the distance of neighbours, counts as noise: with few frames or
long chains the estimate from neighbours is too low.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.topology import Topology
from cgpipe.physics.bond_springs import fit_bond_springs
from cgpipe.physics.statistics import interval

WINDOW = 5
"""Beads on each side of a bead that make up its surroundings."""

NEIGHBOURS = 4
"""Nearest frames that each frame is paired with."""

SHORTLIST = 3
"""So many times more are looked at: candidates come from distances within the window, which mirror images share."""

LAG = 20
"""Frames of one trajectory that are closer in time than this are no pair: their noise may be correlated."""

FEWEST = 200
"""With fewer frames nothing is estimated."""

MOST = 1500
"""With more frames, so many of them, spread evenly."""


class PairSums(NamedTuple):
    """Per bead and block, sums over pairs of 1, d², d⁴, γ and γ d², and over frames of components and F²."""

    fit: Float[np.ndarray, "beads blocks 5"]
    labels: Float[np.ndarray, "blocks 2"]


def noise_ceiling(
    R: Float[np.ndarray, "frames beads 3"],
    F: Float[np.ndarray, "frames beads 3"],
    topology: Topology,
    trajectory: Int[np.ndarray, " frames"],
    frame: Int[np.ndarray, " frames"],
    blocks: Int[np.ndarray, " frames"],
) -> PairSums | None:
    """Sums from which :func:`ceiling_metrics` computes the ceiling; None with too few frames.

    Args:
        R: positions [Å].
        F: labels [kcal/mol/Å].
        topology: of one protein, all beads real, [beads].
        trajectory: of each frame.
        frame: its number in the trajectory.
        blocks: block of time of each frame, for the bootstrap.
    """
    if len(R) < FEWEST:
        return None
    rows = np.arange(len(R)) if len(R) <= MOST else np.linspace(0, len(R) - 1, MOST).astype(int)
    count = int(blocks.max()) + 1
    R, F, trajectory, frame, blocks = (array[rows] for array in (R, F, trajectory, frame, blocks))
    R, F = R.astype(np.float64), F.astype(np.float64)
    rest = F - fit_bond_springs(R, F, topology).forces(R, topology)
    apart = (trajectory[:, None] != trajectory[None, :]) | (np.abs(frame[:, None] - frame[None, :]) >= LAG)
    sums = []
    for bead in range(R.shape[1]):
        window = slice(max(0, bead - WINDOW), bead + WINDOW + 1)
        first, second, distance2, rotation = _pairs(R[:, window], apart)
        difference = np.einsum("pi,pij->pj", rest[second, bead], rotation) - rest[first, bead]
        gamma = 0.5 * np.mean(difference**2, axis=1)
        columns = (np.ones_like(gamma), distance2, distance2**2, gamma, gamma * distance2)
        sums.append([np.bincount(blocks[first], column, count) for column in columns])
    squares = np.bincount(blocks, np.sum(F**2, axis=(1, 2)), count)
    components = np.bincount(blocks, minlength=count) * float(F[0].size)
    return PairSums(np.moveaxis(np.array(sums), 1, 2), np.stack([components, squares], axis=1))


def ceiling_metrics(sums: PairSums, weights: Int[np.ndarray, "samples blocks"]) -> tuple[dict[str, Any], np.ndarray]:
    """R²_max and the RMS noise per component [kcal/mol/Å] with bootstrap intervals, and the draws of R²_max."""
    noise2, ceiling = _ceiling(sums, np.ones_like(weights[:1]))
    noise2_drawn, drawn = _ceiling(sums, weights)
    return _flat(noise2, noise2_drawn, ceiling, drawn, weights.shape[1]), drawn


def held_ceiling(
    noise2: Float[np.ndarray, " configurations"],
    squares: Float[np.ndarray, " frames"],
    blocks: Int[np.ndarray, " frames"],
    drawn_noise: Int[np.ndarray, "samples configurations"],
    weights: Int[np.ndarray, "samples blocks"],
) -> tuple[dict[str, Any], np.ndarray]:
    """The same from labels of held beads, whose scatter is the noise itself.

    Args:
        noise2: variance of single labels at each configuration, per component [(kcal/mol/Å)²].
        squares: of the labels of the frames, per component [(kcal/mol/Å)²].
        blocks: block of time of each frame.
        drawn_noise, weights: how often each bootstrap sample draws each configuration and block.
    """
    sums, frames = np.bincount(blocks, squares), np.bincount(blocks)

    def ratio(drawn: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = (drawn @ noise2) / drawn.sum(axis=1)
        return noise, 1.0 - noise * (chosen @ frames) / (chosen @ sums)

    found, many = ratio(np.ones_like(drawn_noise[:1]), np.ones_like(weights[:1])), ratio(drawn_noise, weights)
    units = min(drawn_noise.shape[1], weights.shape[1])
    return _flat(found[0], many[0], found[1], many[1], units), many[1]


def _flat(
    noise2: np.ndarray, noise2_drawn: np.ndarray, ceiling: np.ndarray, drawn: np.ndarray, units: int
) -> dict[str, Any]:
    noise = float(np.sqrt(noise2[0]))
    return {
        "label_noise": noise,
        "label_noise_interval": interval(noise, np.sqrt(noise2_drawn), units),
        "force_r2_max": float(ceiling[0]),
        "force_r2_max_interval": interval(float(ceiling[0]), drawn, units),
    }


def share_of_ceiling(
    r2: float,
    drawn_r2: Float[np.ndarray, " samples"],
    ceiling: float,
    drawn_ceiling: Float[np.ndarray, " samples"],
    units: int,
) -> tuple[float, tuple[float, float] | None]:
    """R² as a share of its ceiling, and its interval.

    Args:
        r2, drawn_r2: of a model, from all blocks and from every bootstrap sample.
        ceiling, drawn_ceiling: the ceiling likewise.
        units: the smaller number of blocks that either was drawn from.
    """
    return r2 / ceiling, interval(r2 / ceiling, drawn_r2 / drawn_ceiling, units)


def _ceiling(
    sums: PairSums, weights: Int[np.ndarray, "samples blocks"]
) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
    """Noise variance per component, mean over the beads, and R²_max."""
    pairs, d2, d4, gamma, gamma_d2 = np.moveaxis(np.einsum("sb,ibk->sik", weights, sums.fit), -1, 0)
    spread = pairs * d4 - d2**2
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(spread > 0, (pairs * gamma_d2 - d2 * gamma) / spread, 0.0)
        # a structure function cannot fall with distance: a negative slope is scatter
        noise2 = np.mean((gamma - np.maximum(slope, 0.0) * d2) / pairs, axis=1)
        components, squares = np.moveaxis(weights @ sums.labels, -1, 0)
        return noise2, 1.0 - noise2 / (squares / components)


def _pairs(
    X: Float[np.ndarray, "frames window 3"], apart: np.ndarray
) -> tuple[
    Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Float[np.ndarray, " pairs"], Float[np.ndarray, "pairs 3 3"]
]:
    """Every frame with its nearest others: both numbers, d² [Å²], and the rotation of the second onto the first."""
    X = X - X.mean(axis=1, keepdims=True)
    first, second = np.triu_indices(X.shape[1], 1)
    within = np.linalg.norm(X[:, first] - X[:, second], axis=-1)
    square = np.sum(within**2, axis=1)
    unlike = np.where(apart, square[:, None] + square[None, :] - 2.0 * within @ within.T, np.inf)
    looked_at = min(SHORTLIST * NEIGHBOURS, len(X) - 1)
    near = np.argpartition(unlike, looked_at, axis=1)[:, :looked_at]
    i, j = np.repeat(np.arange(len(X)), looked_at), near.ravel()
    left, _, right = np.linalg.svd(np.einsum("pbi,pbj->pij", X[j], X[i]))
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    rotation = left @ right
    distance2 = np.mean(np.sum((X[j] @ rotation - X[i]) ** 2, axis=2), axis=1)
    distance2[np.isinf(unlike[i, j])] = np.inf
    chosen = np.argsort(distance2.reshape(len(X), -1), axis=1)[:, :NEIGHBOURS] + looked_at * np.arange(len(X))[:, None]
    kept = chosen.ravel()[np.isfinite(distance2[chosen.ravel()])]
    return i[kept], j[kept], distance2[kept], rotation[kept]
