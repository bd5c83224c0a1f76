"""Radial basis of an edge: Bessel functions times a polynomial cutoff.

b_n(r) = n·sinc(n x)·f(x) with x = r/r_max and n = 1…count, where n·sinc(n x) = sin(nπx)/(πx) (Gasteiger et al.,
arXiv:2003.03123, eq. 7, up to a constant), and f(x) = 1 − (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) − p(p+1)/2 x^(p+2), p = 6,
which is zero with two zero derivatives at x = 1 (eq. 8).
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

CUTOFF_POWER = 6


def polynomial_cutoff(x: Float[Array, "*edges"]) -> Float[Array, "*edges"]:
    """The envelope f(x): 1 at 0, and 0 with zero first and second derivative from x = 1 on."""
    p = CUTOFF_POWER
    inside = jnp.minimum(x, 1.0)
    rest = 1.0 + p * (1.0 - inside) + 0.5 * p * (p + 1) * (1.0 - inside) ** 2
    return 1.0 - inside**p * rest


def bessel_basis(r: Float[Array, "*edges"], cutoff: float, count: int) -> Float[Array, "*edges {count}"]:
    """Values of the radial basis.

    Args:
        r: distances [Å], greater than zero.
        cutoff: r_max [Å].
        count: number of basis functions.

    Returns:
        b_1…b_count per edge, of order one, all vanishing smoothly at the cutoff.
    """
    angle = jnp.minimum(r * (math.pi / cutoff), math.pi)
    envelope = polynomial_cutoff(r / cutoff) / angle
    twice_cosine = 2.0 * jnp.cos(angle)
    waves = [jnp.zeros_like(r), jnp.sin(angle) * envelope]
    for _ in range(count - 1):  # sin((n+1)θ) = 2 cos θ sin(nθ) − sin((n−1)θ): two transcendental calls, not count
        waves.append(twice_cosine * waves[-1] - waves[-2])
    return jnp.stack(waves[1:], axis=-1)
