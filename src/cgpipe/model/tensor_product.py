"""Tensor products of real spherical tensors, channel by channel, unrolled over the non-zero coefficients.

An irrep is (l, p): order and parity. Two irreps couple to a third where |l1 − l2| ≤ l3 ≤ l1 + l2 and p1·p2 = p3, with
the Wigner 3j symbols in the real basis of ``cgpipe.model.angular``. They are found numerically, as the one tensor that
no rotation changes, so they cannot disagree with the harmonics. Coefficients are scaled so that inputs of unit variance
per component give outputs of unit variance, and every path has its own weight per channel (Musaelian et al.,
arXiv:2204.05249).
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from cgpipe.model.angular import spherical_harmonics

Irrep = tuple[int, int]
Symmetry = Literal["o3", "so3"]


class Coupling(NamedTuple):
    """One non-zero coefficient: component of the left factor × component of the right one → component of the result."""

    path: int
    left: int
    right: int
    out: int
    value: float


class Couplings(NamedTuple):
    """All non-zero coefficients of a product, and how many weighted paths they belong to."""

    paths: int
    terms: tuple[Coupling, ...]


def harmonic_irreps(l_max: int, symmetry: Symmetry = "o3") -> tuple[Irrep, ...]:
    """The irreps of the spherical harmonics up to ``l_max``: of parity (−1)^l, or of one parity for ``so3``."""
    return tuple((order, (-1) ** order if symmetry == "o3" else 1) for order in range(l_max + 1))


def allowed_paths(left: Sequence[Irrep], right: Sequence[Irrep], out: Sequence[Irrep]) -> list[tuple[int, int, int]]:
    """Positions in the three lists of every left, right and result that couple; by result, then left, then right."""
    return [
        (a, b, c)
        for c, (l3, p3) in enumerate(out)
        for a, (l1, p1) in enumerate(left)
        for b, (l2, p2) in enumerate(right)
        if p1 * p2 == p3 and abs(l1 - l2) <= l3 <= l1 + l2
    ]


@cache
def couplings(left: tuple[Irrep, ...], right: tuple[Irrep, ...], out: tuple[Irrep, ...]) -> Couplings:
    """Every allowed path of ``left`` ⊗ ``right`` → ``out`` with its coefficients.

    Components are numbered through each list: irrep by irrep, m = −l…l within.
    """
    paths = allowed_paths(left, right, out)
    into = [sum(path[2] == c for path in paths) for c in range(len(out))]
    offsets = [np.cumsum([0] + [2 * order + 1 for order, _ in irreps]) for irreps in (left, right, out)]
    terms = []
    for number, (a, b, c) in enumerate(paths):
        tensor = wigner_3j(left[a][0], right[b][0], out[c][0])
        tensor = tensor * np.sqrt((2 * out[c][0] + 1) / into[c])
        for i, j, k in np.argwhere(tensor):
            where = (int(offsets[0][a] + i), int(offsets[1][b] + j), int(offsets[2][c] + k))
            terms.append(Coupling(number, *where, float(tensor[i, j, k])))
    return Couplings(len(paths), tuple(terms))


def tensor_product(
    terms: Couplings,
    weights: Float[Array, "paths channels"],
    left: Sequence[Float[Array, "beads slots channels"]],
    right: Sequence[Float[Array, "beads channels"]],
) -> list[Float[Array, "beads slots channels"]]:
    """Σ over paths of weight × (left ⊗ right); the right factor is shared by all slots of a bead.

    Weights, coefficients and right factor are contracted first, once per bead, so that the work per edge is one
    multiplication per pair of components that couple at all.

    Args:
        terms: from :func:`couplings`.
        weights: one per path and channel.
        left: one array per component.
        right: one array per component.

    Returns:
        One array per component of the result.
    """
    # spread over the beads by a product: its gradient is one more, not a slow sum over the beads for every coefficient;
    # "highest", because a GPU would round the weights
    spread = jnp.matmul(jnp.ones((len(right[0]), 1), weights.dtype), weights.reshape(1, -1), precision="highest")
    by_path = jnp.split(spread, len(weights), axis=-1)
    weighted = {(path, j): by_path[path] * right[j] for path, j in sorted({(t.path, t.right) for t in terms.terms})}
    matrix = defaultdict(list)
    for path, i, j, k, value in terms.terms:
        matrix[k, i].append(value * weighted[path, j])
    results: dict[int, Array] = {}
    for (k, i), parts in sorted(matrix.items()):
        product = left[i] * sum(parts[1:], parts[0])[:, None, :]
        results[k] = results[k] + product if k in results else product
    return list(results.values())


@cache
def wigner_3j(l1: int, l2: int, l3: int) -> Float[ndarray, "d1 d2 d3"]:
    """The tensor that is the same after any rotation of its three indices: unit norm, first non-zero entry positive."""
    shape = (2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1)
    size = int(np.prod(shape))
    turned = [
        np.einsum("ai,bj,ck->abcijk", *(_wigner_d(order, rotation) for order in (l1, l2, l3))).reshape(size, size)
        for rotation in ((0.9, -0.4, 1.3), (-1.1, 0.7, 0.5))
    ]
    *_, kernel = np.linalg.svd(np.concatenate([matrix - np.eye(size) for matrix in turned]))
    tensor = np.round(kernel[-1], 12)
    return (tensor * np.sign(tensor[np.argmax(tensor != 0.0)])).reshape(shape)


def _wigner_d(order: int, rotation: tuple[float, float, float]) -> Float[ndarray, "dim dim"]:
    """Matrix D with Y(R u) = D Y(u) for the rotation vector ``rotation`` [rad], fitted on points of the sphere."""
    points = np.random.default_rng(0).normal(size=(64, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    before, after = (
        np.stack(spherical_harmonics(p, order)[order**2 :], axis=-1)
        for p in (points, Rotation.from_rotvec(rotation).apply(points))
    )
    return np.linalg.lstsq(before, after, rcond=None)[0].T
