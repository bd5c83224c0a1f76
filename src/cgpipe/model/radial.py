"""Radial basis of an edge: Bessel functions times a polynomial cutoff.

b_n(r) = n·sinc(n x)·f(x) with x = r/r_max and n = 1…count, where n·sinc(n x) = sin(nπx)/(πx) (Gasteiger et al.,
arXiv:2003.03123, eq. 7, up to a constant), and f(x) = 1 − (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) − p(p+1)/2 x^(p+2), p = 6,
which is zero with two zero derivatives at x = 1 (eq. 8).

Sines and cosines are series here: compilers for CPUs evaluate theirs one number at a time, sixteen times as slowly.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

CUTOFF_POWER = 6

TERMS = 11
"""Of the Taylor series of sin(πy) and cos(πy) after the first one: exact in double precision for |y| ≤ 1/2."""


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
    x = jnp.minimum(r / cutoff, 1.0)
    envelope = polynomial_cutoff(x) / (math.pi * x)
    number = np.arange(1, count + 1, dtype=r.dtype).reshape((1,) * r.ndim + (count,))
    return _sine(x[..., None] * number) * envelope[..., None]


def _wave(y: Float[Array, "*edges"], first: int) -> Float[Array, "*edges"]:
    """sin(πy) (``first`` 1) or cos(πy) (0), by the Taylor series in what y is off the nearest integer."""
    whole = jnp.round(y)
    off = y - whole
    square, series = off * off, jnp.zeros_like(y)
    for power in range(first + 2 * TERMS, -1, -2):
        series = series * square + (-1) ** (power // 2) * math.pi**power / math.factorial(power)
    sign = 1.0 - 2.0 * (whole - 2.0 * jnp.floor(0.5 * whole))
    return sign * (series * off if first else series)


@jax.custom_jvp
def _sine(y: Float[Array, "*edges"]) -> Float[Array, "*edges"]:
    """sin(πy)."""
    return _wave(y, 1)


@jax.custom_jvp
def _cosine(y: Float[Array, "*edges"]) -> Float[Array, "*edges"]:
    """cos(πy)."""
    return _wave(y, 0)


_sine.defjvps(lambda tangent, _, y: math.pi * _cosine(y) * tangent)
_cosine.defjvps(lambda tangent, _, y: -math.pi * _sine(y) * tangent)
