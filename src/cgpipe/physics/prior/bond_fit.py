"""Fit of the bonds: the moments of p(r)/r², and where cis bonds are in the data, those of either kind of bond.

Trans bonds are fitted as if there were no cis ones. A pair of species that was seen cis has a second minimum, whose
energy over the first one gives both the shares that they have in the frames:

    n_cis/n_trans = e^{−u/kT} ∫ r² e^{−½ k_cis (r − r_cis)²/kT} dr / ∫ r² e^{−U_trans(r)/kT} dr
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from cgpipe.physics.peptide_bonds import cis_bonds
from cgpipe.physics.prior.inversion import blend, centres
from cgpipe.physics.prior.observed import BOND_EDGES
from cgpipe.physics.prior.prior import Cis, Prior
from cgpipe.physics.prior.tabulated import tabulated

WIDTH_SAMPLES = 50
"""Samples of cis bonds at which their own variance weighs as much as that of trans bonds: a single one has none."""
PSEUDO_COUNT = 0.5
"""Added to the numbers of both kinds of bond of a pair: one that is always cis has a trans minimum too."""


def by_kind(
    counts: Int[ndarray, "types types bins"],
) -> tuple[Int[ndarray, "types types bins"], Int[ndarray, "types types bins"]]:
    """Histograms of trans and of cis bonds."""
    cis = cis_bonds(centres(BOND_EDGES), counts.sum((0, 1)))
    return np.where(cis, 0, counts), np.where(cis, counts, 0)


def fit_bonds(counts: ndarray, kT: float, shrinkage: float) -> tuple[ndarray, ndarray]:
    """r₀ [Å] and k [kcal/mol/Å²] of p(r) ∝ r² e^{−k(r−r₀)²/2kT}, for every row of a table of histograms."""
    r0, variance = _moments(counts, shrinkage)
    return r0, kT / variance


def with_cis(
    prior: Prior,
    trans: Int[ndarray, "types types bins"],
    cis: Int[ndarray, "types types bins"],
    kT: float,
    shrinkage: float,
) -> Prior:
    """A prior of trans bonds with the second minimum of those that were seen cis; the same one where none was.

    Args:
        prior: of trans bonds, its support with the gap between the two kinds.
        trans, cis: histograms (`by_kind`).
        kT: [kcal/mol].
        shrinkage: samples of all cis bonds that are added to those of each pair.
    """
    if not cis.any():
        return prior
    r0, variance = _moments(cis, shrinkage)
    usual = _moments(trans.sum((0, 1), keepdims=True), shrinkage)[1]
    variance = (cis.sum() * variance + WIDTH_SAMPLES * usual) / (cis.sum() + WIDTH_SAMPLES)
    r = centres(BOND_EDGES)
    of_trans = np.sum(r**2 * np.exp(-tabulated(prior)["bond"].energies / kT), axis=-1)
    of_cis = np.sum(r**2 * np.exp(-0.5 * (r - r0[..., None]) ** 2 / variance[..., None]), axis=-1)
    ratio = (trans.sum(-1) + PSEUDO_COUNT) / (cis.sum(-1) + PSEUDO_COUNT)
    tables = r0, kT / variance, kT * np.log(ratio * of_cis / of_trans)
    return dataclasses.replace(prior, cis=Cis(*(jnp.asarray(table, jnp.float32) for table in tables)))


def cis_shares(
    trans: Int[ndarray, "types types bins"], cis: Int[ndarray, "types types bins"], types: tuple[str, ...]
) -> dict[str, float]:
    """Share of cis bonds of every pair of species that was seen cis, e.g. ``ALA-PRO``."""
    seen = np.argwhere(cis.any(-1)).tolist()
    number, total = cis.sum(-1), (trans + cis).sum(-1)
    return {f"{types[i]}-{types[j]}": float(number[i, j] / total[i, j]) for i, j in seen}


def _moments(
    counts: Int[ndarray, "*rows bins"], shrinkage: float
) -> tuple[Float[ndarray, "*rows"], Float[ndarray, "*rows"]]:
    """Mean [Å] and variance [Å²] of p(r)/r² of every row."""
    r = centres(BOND_EDGES)
    weight = blend(counts, shrinkage) / r**2
    weight /= weight.sum(-1, keepdims=True)
    mean = weight @ r
    return mean, np.sum(weight * (r - mean[..., None]) ** 2, axis=-1)
