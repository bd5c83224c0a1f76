"""The curves of a fitted prior: distributions of each coordinate in the data, by the fit and under the prior alone,
and the energies behind them, by species.

Distributions are those of single coordinates: the fit's is J(q) e^{−U(q)/kT}, averaged over the species in the data.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from cgpipe.physics.prior.observed import Observed
from cgpipe.physics.prior.prior import SEPARATIONS, Prior
from cgpipe.physics.prior.tabulated import Table, tabulated
from cgpipe.physics.prior.terms import repulsion_energy
from cgpipe.units import thermal_energy


class Curves(NamedTuple):
    """One coordinate: densities integrate to 1 over ``grid``; energies are in kT with their minimum at 0.

    ``energies`` are those of each species (or pair of species) in the data, ``weights`` the share of each in the data.
    ``alone`` is None where nothing was simulated.
    """

    grid: Float[ndarray, " grid"]
    data: Float[ndarray, " grid"]
    fit: Float[ndarray, " grid"]
    alone: Float[ndarray, " grid"] | None
    energies: Float[ndarray, "kinds grid"]
    weights: Float[ndarray, " kinds"]


class PairCurve(NamedTuple):
    """One kind of pair: distances in the data and under the prior alone as densities, and the energy in kT."""

    label: str
    grid: Float[ndarray, " grid"]
    data: Float[ndarray, " grid"]
    alone: Float[ndarray, " grid"] | None
    energy: Float[ndarray, " grid"]


def bonded_curves(prior: Prior, data: Observed, alone: Sequence[tuple[Observed, Observed]]) -> dict[str, Curves]:
    """Curves of the bond [Å], the angle and the dihedral [degrees].

    Args:
        prior: fitted to ``data``.
        data: histograms of the training frames.
        alone: per protein, histograms of its data and of its run under the prior alone.
    """
    kT = thermal_energy(data.temperature)
    units = {"bond": 1.0, "angle": np.degrees(1), "dihedral": np.degrees(1)}
    return {term: _curves(term, table, kT, data, alone, units[term]) for term, table in tabulated(prior).items()}


def pair_curves(prior: Prior, data: Observed, alone: Sequence[tuple[Observed, Observed]]) -> list[PairCurve]:
    """Distances of pairs |i−j| = 2…5 and of all others up to the cutoff, with the mean σ's energy."""
    kT = thermal_energy(data.temperature)
    r = 0.5 * (data.pair_edges[1:] + data.pair_edges[:-1])
    near = [
        (f"|i−j| = {apart}", prior.excluded_sigma[nth], prior.excluded_epsilon, prior.excluded_range)
        for nth, apart in enumerate(SEPARATIONS)
    ]
    far = ("|i−j| ≥ 6", prior.repulsion_sigma, prior.repulsion_epsilon, prior.repulsion_range)
    found = []
    for kind, (label, sigmas, epsilon, reach) in enumerate([*near, far]):
        counts = data.pair[kind].sum((0, 1)).astype(np.float64)
        if counts.sum() == 0:
            continue
        seen = data.pair[kind].sum(-1)
        sigma = np.full_like(r, (np.asarray(sigmas) * seen).sum() / seen.sum())
        end = np.minimum(reach * sigma, prior.cutoff)
        energy = np.asarray(repulsion_energy(jnp.asarray(r), epsilon, jnp.asarray(sigma), jnp.asarray(end)))
        runs = _mixed([(a.pair[kind], b.pair[kind]) for a, b in alone], r)
        found.append(PairCurve(label, r, _density(counts, r), runs, energy / kT))
    return found


def _curves(
    term: str, table: Table, kT: float, data: Observed, alone: Sequence[tuple[Observed, Observed]], unit: float
) -> Curves:
    """Curves of one term from its energies and histograms by species; its grid is shown in another unit."""
    grid = table.grid
    counts = getattr(data, term).reshape(-1, len(grid)).astype(np.float64)
    share = counts.sum(-1) / counts.sum()
    seen = share > 0
    energies = table.energies.reshape(-1, len(grid))[seen] / kT
    energies -= energies.min(-1, keepdims=True)
    density = np.exp(table.log_jacobian - energies)
    density /= density.sum(-1, keepdims=True)
    shown = grid * unit
    runs = _mixed([(getattr(a, term), getattr(b, term)) for a, b in alone], shown)
    return Curves(
        shown, _density(counts.sum(0), shown), _density(share[seen] @ density, shown), runs, energies, share[seen]
    )


def _mixed(histograms: Sequence[tuple[ndarray, ndarray]], grid: ndarray) -> ndarray | None:
    """Density of the second histograms, each weighing as much as the first one has samples."""
    total = np.zeros(len(grid))
    for data, alone in histograms:
        counts = alone.reshape(-1, len(grid)).sum(0)
        total += data.sum() * counts / max(counts.sum(), 1)
    return _density(total, grid) if total.sum() else None


def _density(counts: ndarray, grid: ndarray) -> ndarray:
    return counts / (counts.sum() * (grid[1] - grid[0]))
