"""Boltzmann inversion of one histogram, and what stands in for species with few samples.

An energy that is linear in its coefficients makes the density p(q) ∝ e^{f(q) − Σ c B(q)} an exponential family, whose
likelihood is concave: Newton's method finds the one maximum.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Num
from numpy import ndarray

RIDGE = 1e-6
"""λ of ½ λ Σ c² [kT], subtracted from the mean log-likelihood: the basis is nearly degenerate on a short range."""


def blend(counts: Num[ndarray, "*rows bins"], shrinkage: float, pseudo_count: float = 0.0) -> ndarray:
    """Distribution of every row, blended with that of all rows together; each sums to 1."""
    counts = counts.astype(np.float64)
    total = counts.reshape(-1, counts.shape[-1]).sum(0) + pseudo_count
    mixed = counts + pseudo_count + shrinkage * total / total.sum()
    return mixed / mixed.sum(-1, keepdims=True)


def blend_pairs(counts: Num[ndarray, "types types bins"], shrinkage: float, pseudo_count: float) -> ndarray:
    """Distribution of every pair, blended with that of all pairs of its first species, and that with all together's."""
    first = blend(counts.sum(1), shrinkage, pseudo_count)
    mixed = counts + shrinkage * first[:, None]
    return np.asarray(mixed / mixed.sum(-1, keepdims=True))


def by_distinct_row(rows: Num[ndarray, "*rows bins"], fit: Callable[[int], ndarray]) -> ndarray:
    """A fit to every row, called with its number; equal rows, as those of species never seen, are fitted once."""
    flat = rows.reshape(-1, rows.shape[-1])
    _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    found = np.stack([fit(int(row)) for row in first])[which.ravel()]
    return found.reshape(*rows.shape[:-1], -1)


def most_likely(share: ndarray, basis: ndarray, fixed: ndarray, ridge: float = RIDGE) -> ndarray:
    """Coefficients c of p ∝ exp(fixed − basis · c) with the largest likelihood under a ridge.

    Damped Newton steps on a strictly concave function.
    """
    observed = share @ basis
    c = np.zeros(basis.shape[1])

    def loss(c: ndarray) -> tuple[float, ndarray]:
        exponent = fixed - basis @ c
        shift = exponent.max()
        weight = np.exp(exponent - shift)
        return observed @ c + shift + np.log(weight.sum()) + 0.5 * ridge * c @ c, weight / weight.sum()

    value, p = loss(c)
    for _ in range(200):
        mean = p @ basis
        gradient = observed - mean + ridge * c
        centred = basis - mean
        hessian = (centred * p[:, None]).T @ centred + ridge * np.eye(len(c))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-8 and loss(c - size * step)[0] > value - 1e-4 * size * gradient @ step:
            size /= 2
        c = c - size * step
        value, p = loss(c)
        if gradient @ step < 1e-12:
            return c
    raise RuntimeError(f"a fit of {len(c)} coefficients to a histogram did not converge")


def centres(edges: ndarray) -> ndarray:
    return 0.5 * (edges[1:] + edges[:-1])
