"""Energies of the bonded terms on the grids of the histograms, for every species or pair of species."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from cgpipe.physics.prior.inversion import centres
from cgpipe.physics.prior.observed import ANGLE_EDGES, BOND_EDGES, DIHEDRAL_EDGES
from cgpipe.physics.prior.prior import Prior


class Table(NamedTuple):
    """One coordinate: p(q) ∝ e^{log_jacobian − energies/kT} [kcal/mol] at ``grid`` (r [Å], θ or φ [rad])."""

    grid: Float[ndarray, " grid"]
    log_jacobian: Float[ndarray, " grid"]
    energies: Float[ndarray, "*species grid"]


def tabulated(prior: Prior) -> dict[str, Table]:
    """Tables of ``bond``, ``angle`` and ``dihedral``; their rows are those of the histograms in ``Observed``."""
    r, theta, phi = (centres(edges) for edges in (BOND_EDGES, ANGLE_EDGES, DIHEDRAL_EDGES))
    types = len(prior.types)

    def pairs(grid: ndarray) -> tuple[ndarray, ndarray, ndarray]:
        first, second, place = np.indices((types, types, len(grid)))
        return first, second, grid[place]

    first, second, lengths = pairs(r)
    bond = prior.bond_at(jnp.asarray(lengths, jnp.float32), (first, second))
    middle, place = np.indices((types, len(theta)))
    angle = prior.angle_at(jnp.asarray(np.cos(theta)[place], jnp.float32), middle)
    first, second, turns = pairs(phi)
    x, y = (jnp.asarray(f(turns), jnp.float32) for f in (np.cos, np.sin))
    dihedral = prior.dihedral_at(x, y, (first, second))
    return {
        "bond": Table(r, 2 * np.log(r), np.asarray(bond, np.float64)),
        "angle": Table(theta, np.log(np.sin(theta)), np.asarray(angle, np.float64)),
        "dihedral": Table(phi, 0 * phi, np.asarray(dihedral, np.float64)),
    }
