"""Slow coordinates of a reference ensemble, and free energies along them.

Time-lagged independent component analysis (Molgedey & Schuster, Phys. Rev. Lett. 72, 3634, 1994; Pérez-Hernández et
al., J. Chem. Phys. 139, 015102, 2013): C(τ) v = λ C(0) v with C(0) and C(τ) symmetrised over both ends of the pairs of
frames (x_t, x_{t+τ}) of each trajectory. Features are the distances of beads with |i−j| > 2. Directions in which the
features hardly vary are left out before inverting C(0). Fitted to the reference alone: a simulation is projected,
never fitted, so it cannot choose coordinates in which it looks good.

Of two ensembles in the plane of the first two coordinates: Jensen–Shannon divergence and the mean absolute difference
of F = −kT ln p over states that both visit, after the constant that makes it smallest (the median), in states that the
reference fills equally; and coverage, the share of the reference's frames in small bins that the simulation visits, and
of the simulation's in bins that the reference visits.

Equally filled states: slabs between quantiles of the first coordinate, each cut at its own quantiles of the second, and
one more for all that lies outside the reference's range. There are so many that each holds ten independent frames of
the reference: a grid with most of its bins nearly empty makes any two samples of one ensemble look different.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

SEPARATION = 2
"""Distances of beads closer along the chain say little about the fold."""
MOST_FEATURES = 500
"""Of a long chain so many distances are taken, spread evenly over all pairs."""
SMALLEST_SHARE = 1e-4
"""Directions with a smaller share of the largest variance are left out."""
BINS = 20
"""Of each coordinate, for pictures and coverage."""
MARGIN = 0.05
"""Bins and states reach this share of the reference's range beyond it."""
FRAMES_PER_STATE = 10.0
"""Independent frames of the reference in a state, at least."""
FEWEST_STATES, MOST_STATES = 4, 25


class Tica(NamedTuple):
    """A fitted projection: pairs of beads, means of their distances [Å], directions, and the eigenvalues λ."""

    first: np.ndarray
    second: np.ndarray
    mean: Float[np.ndarray, " features"]
    directions: Float[np.ndarray, "features components"]
    eigenvalues: Float[np.ndarray, " components"]

    def project(self, R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "frames components"]:
        """Slow coordinates of frames; of the fitted ensemble they have mean 0 and variance 1."""
        distances = np.linalg.norm(R[:, self.first].astype(np.float64) - R[:, self.second], axis=-1)
        return (distances - self.mean) @ self.directions


class Landscape(NamedTuple):
    """Bins over the first two coordinates; all that lies beyond falls in the outermost ones."""

    edges: tuple[Float[np.ndarray, " edges"], Float[np.ndarray, " edges"]]

    def counts(self, points: Float[np.ndarray, "frames components"]) -> Float[np.ndarray, "bins bins"]:
        """Frames per bin."""
        inside = [np.clip(points[:, axis], edge[0], edge[-1]) for axis, edge in enumerate(self.edges)]
        return np.histogram2d(inside[0], inside[1], bins=list(self.edges))[0]


class States(NamedTuple):
    """Equally filled states: borders of the slabs, borders within each slab, and the range of the reference."""

    slabs: Float[np.ndarray, " slabs-1"]
    cells: Float[np.ndarray, "slabs cells-1"]
    low: Float[np.ndarray, "2"]
    high: Float[np.ndarray, "2"]

    @property
    def number(self) -> int:
        """Of all states, the one outside the range included, which is the last."""
        return len(self.cells) * (self.cells.shape[1] + 1) + 1

    def of(self, points: Float[np.ndarray, "frames components"]) -> Int[np.ndarray, " frames"]:
        """Number of each frame's state."""
        slab = np.searchsorted(self.slabs, points[:, 0], side="right")
        cell = np.sum(points[:, 1, None] >= self.cells[slab], axis=1)
        inside = np.all((points[:, :2] >= self.low) & (points[:, :2] <= self.high), axis=1)
        return np.where(inside, slab * (self.cells.shape[1] + 1) + cell, self.number - 1)


def fit_tica(runs: Sequence[Float[np.ndarray, "_ beads 3"]], lag: int, components: int = 2) -> Tica | None:
    """Fit to trajectories; None where the chain has too few pairs of beads or no trajectory is longer than the lag.

    Args:
        runs: frames of each trajectory [Å], equally spaced in time.
        lag: τ in frames.
        components: coordinates to keep.
    """
    beads = runs[0].shape[1]
    first, second = np.triu_indices(beads, SEPARATION + 1)
    runs = [run for run in runs if len(run) > lag]
    if len(first) < components or not runs:
        return None
    some = np.unique(np.linspace(0, len(first) - 1, min(len(first), MOST_FEATURES)).astype(int))
    first, second = first[some], second[some]
    features = [np.linalg.norm(run[:, first].astype(np.float64) - run[:, second], axis=-1) for run in runs]
    early = np.concatenate([x[:-lag] for x in features])
    late = np.concatenate([x[lag:] for x in features])
    mean = (early.mean(axis=0) + late.mean(axis=0)) / 2
    early, late = early - mean, late - mean
    instant = (early.T @ early + late.T @ late) / (2 * len(early))
    lagged = (early.T @ late + late.T @ early) / (2 * len(early))
    variances, axes = np.linalg.eigh(instant)
    kept = variances > SMALLEST_SHARE * variances[-1]
    if np.sum(kept) < components:
        return None
    whiten = axes[:, kept] / np.sqrt(variances[kept])
    eigenvalues, rotations = np.linalg.eigh(whiten.T @ lagged @ whiten)
    directions = whiten @ rotations[:, ::-1][:, :components]
    # a sign that does not depend on the linear algebra library
    directions *= np.sign(directions[np.argmax(np.abs(directions), axis=0), np.arange(components)])
    return Tica(first, second, mean, directions, eigenvalues[::-1][:components])


def landscape(points: Float[np.ndarray, "frames components"]) -> Landscape:
    """Bins that hold the reference."""
    edges = []
    for axis in (0, 1):
        low, high = np.min(points[:, axis]), np.max(points[:, axis])
        margin = MARGIN * (high - low)
        edges.append(np.linspace(low - margin, high + margin, BINS + 1))
    return Landscape((edges[0], edges[1]))


def equal_states(points: Float[np.ndarray, "frames components"], independent: float) -> States:
    """States that a reference fills equally.

    Args:
        points: slow coordinates of the reference.
        independent: how many independent frames it is worth.
    """
    number = np.clip(independent / FRAMES_PER_STATE, FEWEST_STATES, MOST_STATES)
    slabs = round(float(np.sqrt(number)))
    cells = int(number / slabs)
    borders = np.quantile(points[:, 0], np.arange(1, slabs) / slabs)
    slab = np.searchsorted(borders, points[:, 0], side="right")
    shares = np.arange(1, cells) / cells
    within = np.array([np.quantile(points[slab == one, 1], shares) for one in range(slabs)])
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    margin = MARGIN * (high - low)
    return States(borders, within, low - margin, high + margin)


def free_energy_difference(p: Float[np.ndarray, " states"], q: Float[np.ndarray, " states"], kT: float) -> float | None:
    """Shift-minimised mean absolute difference of −kT ln p [kcal/mol] over states that both visit; None without any."""
    both = (p > 0) & (q > 0)
    if not np.any(both):
        return None
    difference = kT * np.log(q[both] / p[both])
    return float(np.mean(np.abs(difference - np.median(difference))))


def coverage(p: Float[np.ndarray, "bins bins"], q: Float[np.ndarray, "bins bins"]) -> float | None:
    """Share of the frames of p in bins that q visits; None where p has no frames."""
    total = np.sum(p)
    return float(np.sum(p[q > 0]) / total) if total else None
