"""Fit of the spline corrections: what the parametric terms leave of each distribution.

The likelihood is that of the parametric fit with the parametric energy held fixed, so the corrections are the most
likely ones. Rows of few samples are blended with the others as for the parametric terms.
"""

import dataclasses
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from cgpipe.physics.prior.inversion import by_distinct_row, most_likely
from cgpipe.physics.prior.prior import Prior
from cgpipe.physics.prior.splines import Splines, around, between
from cgpipe.physics.prior.tabulated import Table, tabulated

FUNCTIONS = {"bond": 8, "angle": 12, "dihedral": 18}
"""Splines in each row of a term."""

RIDGE = 1e-3
"""λ of ½ λ Σ c² [kT]: a function without samples stays flat."""


def with_splines(prior: Prior, densities: dict[str, Float[ndarray, "..."]], kT: float) -> Prior:
    """A parametric prior with the corrections that its training data call for.

    Args:
        prior: without splines.
        densities: blended distributions of ``bond``, ``angle`` and ``dihedral``, by species.
        kT: [kcal/mol].
    """
    tables = tabulated(prior)
    types = len(prior.types)

    def limited(grid: ndarray, lower: float, upper: float, functions: int) -> ndarray:
        q = jnp.asarray(grid, jnp.float32)
        return np.asarray(between(q, jnp.full_like(q, lower), jnp.full_like(q, upper), functions), np.float64)

    angles = tables["angle"].grid
    limits = zip(np.asarray(prior.angle_lower), np.asarray(prior.angle_upper), strict=True)
    bond = limited(tables["bond"].grid, *prior.bond_limits, FUNCTIONS["bond"])
    circle = np.asarray(around(jnp.asarray(tables["dihedral"].grid, jnp.float32), FUNCTIONS["dihedral"]), np.float64)
    bases = {
        "bond": np.broadcast_to(bond, (types, types, *bond.shape)),
        "angle": np.stack([limited(angles, float(low), float(high), FUNCTIONS["angle"]) for low, high in limits]),
        "dihedral": np.broadcast_to(circle, (types, types, *circle.shape)),
    }
    fit = partial(_corrections, kT=kT)
    splines = Splines(**{term: fit(densities[term], tables[term], basis) for term, basis in bases.items()})
    return dataclasses.replace(prior, splines=splines)


def _corrections(
    density: Float[ndarray, "*species grid"], table: Table, basis: Float[ndarray, "*species grid functions"], kT: float
) -> Float[Array, "*species functions"]:
    """Coefficients [kcal/mol] of every row."""
    grid = len(table.grid)
    p, energies = density.reshape(-1, grid), table.energies.reshape(-1, grid) / kT
    bases = basis.reshape(-1, *basis.shape[-2:])
    found = by_distinct_row(p, lambda row: most_likely(p[row], bases[row], table.log_jacobian - energies[row], RIDGE))
    return jnp.asarray(kT * found.reshape(*density.shape[:-1], -1), jnp.float32)
