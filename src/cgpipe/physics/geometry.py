"""Bond lengths, angles and dihedrals of chains of beads, by shifts of the rows.

Rows i and i+1 are bonded when both are real, share the chain and have consecutive residue indices; no list of bonds
exists. With bond vectors b_i = R_{i+1} − R_i and unit vectors u = b/|b|,

    cos θ = −u_i · u_{i+1}
    sin θ₁ sin θ₂ e^{iφ} = (u₁×u₂)·(u₂×u₃) + i u₁·(u₂×u₃)

(IUPAC sign: φ > 0 turns clockwise looking along the middle bond; Blondel & Karplus, J. Comput. Chem. 17, 1132
(1996)). The complex number on the left is a polynomial of the unit vectors, so it has finite gradients for collinear
beads too, where φ itself has none. Unit vectors are b / max(|b|, 0.1 Å): exact for every bond that exists in nature,
finite with finite gradients for coincident beads. Padded positions are replaced by zeros before anything is computed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from cgpipe.data.topology import Topology

SHORTEST = 0.1
"""Length below which a bond vector is no longer normalised [Å]."""


class Turns(NamedTuple):
    """sin θ₁ sin θ₂ e^{iφ} of every four consecutive beads, as real and imaginary part, and which ones exist."""

    real: Float[Array, " dihedrals"]
    imaginary: Float[Array, " dihedrals"]
    exists: Bool[Array, " dihedrals"]


def real_positions(R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, "beads 3"]:
    """Positions with padded rows at the origin, whatever they held."""
    return jnp.where(jnp.asarray(topology.mask)[:, None], R, 0)


def bonded(topology: Topology) -> Bool[Array, " bonds"]:
    """For every row i but the last: are i and i+1 bonded?"""
    chain, residue, mask = (jnp.asarray(x) for x in (topology.chain, topology.residue, topology.mask))
    return mask[:-1] & mask[1:] & (chain[:-1] == chain[1:]) & (residue[1:] - residue[:-1] == 1)


def length(vector: Float[Array, "*rows 3"]) -> Float[Array, "*rows"]:
    """|v| with the gradient 0 where v = 0 [Å]."""
    squared = jnp.sum(vector**2, axis=-1)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


def bond_lengths(
    R: Float[Array, "beads 3"], topology: Topology
) -> tuple[Float[Array, " bonds"], Bool[Array, " bonds"]]:
    """Length of every bond i, i+1 [Å], and which of them exist."""
    R = real_positions(R, topology)
    return length(R[1:] - R[:-1]), bonded(topology)


def bond_directions(R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, "bonds 3"]:
    """Unit vectors i → i+1 (shorter than 1 for bonds below ``SHORTEST``)."""
    R = real_positions(R, topology)
    vector = R[1:] - R[:-1]
    squared = jnp.sum(vector**2, axis=-1, keepdims=True)
    return vector * jax.lax.rsqrt(jnp.maximum(squared, SHORTEST**2))


def angle_cosines(
    R: Float[Array, "beads 3"], topology: Topology
) -> tuple[Float[Array, " angles"], Bool[Array, " angles"]]:
    """cos θ at the middle one of every three consecutive beads, and which of the angles exist."""
    u = bond_directions(R, topology)
    exists = bonded(topology)
    return -jnp.sum(u[:-1] * u[1:], axis=-1), exists[:-1] & exists[1:]


def turns(R: Float[Array, "beads 3"], topology: Topology) -> Turns:
    """sin θ₁ sin θ₂ e^{iφ} of every four consecutive beads (see the module's formula)."""
    u = bond_directions(R, topology)
    exists = bonded(topology)
    first, middle, last = u[:-2], u[1:-1], u[2:]
    across = jnp.cross(middle, last)
    real = jnp.sum(jnp.cross(first, middle) * across, axis=-1)
    imaginary = jnp.sum(first * across, axis=-1)
    return Turns(real, imaginary, exists[:-2] & exists[1:-1] & exists[2:])


def angles(R: Float[Array, "beads 3"], topology: Topology) -> tuple[Float[Array, " angles"], Bool[Array, " angles"]]:
    """θ [rad] of every three consecutive beads, for histograms; energies use ``angle_cosines``."""
    cosine, exists = angle_cosines(R, topology)
    inside = jnp.abs(cosine) < 1
    return jnp.where(inside, jnp.arccos(jnp.where(inside, cosine, 0)), jnp.where(cosine > 0, 0, jnp.pi)), exists


def dihedrals(
    R: Float[Array, "beads 3"], topology: Topology
) -> tuple[Float[Array, " dihedrals"], Bool[Array, " dihedrals"]]:
    """φ [rad] in (−π, π] of every four consecutive beads, for histograms; energies use ``turns``."""
    turn = turns(R, topology)
    defined = turn.real**2 + turn.imaginary**2 > 0
    phi = jnp.arctan2(jnp.where(defined, turn.imaginary, 0), jnp.where(defined, turn.real, 1))
    return phi, turn.exists
