"""Cubic B-spline corrections to the parametric terms, for distributions that the closed forms cannot follow.

U(q) = U_parametric(q) + Σ_k c_k B((q − q₀)/h − k), with B the uniform cubic B-spline (de Boor, A Practical Guide to
Splines, 1978), four intervals wide. Between the ends of the data the functions are placed so that each lies inside with
all of its width: the correction and its first two derivatives vanish at both ends, and the confining tails are those
of the parametric form, whatever the coefficients. On the circle of a dihedral the functions wrap around.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

ORDER = 4
"""Intervals that one function covers."""


class Splines(eqx.Module):
    """Coefficients [kcal/mol] of the corrections.

    Attributes:
        bond: by the species of the lower and the upper bead; from the shortest to the longest bond of the data.
        angle: by the species of the middle bead; from θ_lo to θ_hi.
        dihedral: by the species of both middle beads; around the circle.
    """

    bond: Float[Array, "types types bond_knots"]
    angle: Float[Array, "types angle_knots"]
    dihedral: Float[Array, "types types dihedral_knots"]


def between(
    q: Float[Array, "*n"], lower: Float[Array, "*n"], upper: Float[Array, "*n"], functions: int
) -> Float[Array, "*n {functions}"]:
    """Every function at q; all zero outside ``lower`` … ``upper``."""
    place = (q - lower) / (upper - lower) * (functions + ORDER - 1)
    return _bump(place[..., None] - jnp.arange(functions) - ORDER / 2)


def around(phi: Float[Array, "*n"], functions: int) -> Float[Array, "*n {functions}"]:
    """Every periodic function at φ [rad]; they add up to 1 everywhere."""
    place = phi[..., None] * (functions / (2 * jnp.pi)) - jnp.arange(functions)
    return _bump(place - functions * jnp.round(place / functions))


def _bump(u: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The cubic B-spline centred at 0, zero for |u| ≥ 2."""
    u = jnp.abs(u)
    return (jnp.maximum(2 - u, 0) ** 3 - 4 * jnp.maximum(1 - u, 0) ** 3) / 6
