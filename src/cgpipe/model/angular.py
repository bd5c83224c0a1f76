"""Real spherical harmonics of an edge direction, l ≤ 3, component normalised: Σ_m Y_lm(u)² = 2l + 1.

Homogeneous polynomials in (x, y, z), m = −l…l (e.g. Görller-Walrand & Binnemans, 1996, table 1, rescaled). A zero
vector gives zeros for l > 0, and finite derivatives, so a missing direction needs no special case.
"""

import math

from jaxtyping import Array, Float
from numpy import ndarray

MAX_ORDER = 3


def spherical_harmonics(u: Float[Array | ndarray, "*edges 3"], l_max: int) -> list[Float[Array | ndarray, "*edges"]]:
    """All components up to order ``l_max``.

    Args:
        u: unit vectors (or zero vectors), of JAX or numpy.
        l_max: highest order, 0…3.

    Returns:
        One array per component, (l_max+1)² of them, ordered by l, then m = −l…l.
    """
    if not 0 <= l_max <= MAX_ORDER:
        raise ValueError(f"l_max {l_max}: expected 0…{MAX_ORDER}")
    x, y, z = u[..., 0], u[..., 1], u[..., 2]
    components = [x.__array_namespace__().ones_like(x)]
    if l_max >= 1:
        components += [math.sqrt(3.0) * a for a in (y, z, x)]
    if l_max >= 2:
        xx, yy, zz = x * x, y * y, z * z
        c = math.sqrt(15.0)
        components += [
            c * x * y,
            c * y * z,
            0.5 * math.sqrt(5.0) * (2.0 * zz - xx - yy),
            c * x * z,
            0.5 * c * (xx - yy),
        ]
    if l_max >= 3:
        a, b, c = math.sqrt(35.0 / 8.0), math.sqrt(105.0), math.sqrt(21.0 / 8.0)
        components += [
            a * y * (3.0 * xx - yy),
            b * x * y * z,
            c * y * (4.0 * zz - xx - yy),
            0.5 * math.sqrt(7.0) * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
            c * x * (4.0 * zz - xx - yy),
            0.5 * b * z * (xx - yy),
            a * x * (xx - 3.0 * yy),
        ]
    return components
