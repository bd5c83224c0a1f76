"""Steepest descent of all replicas at once, to take the strain of an all-atom frame out of a structure.

Each replica has a step length of its own, by which its fastest bead moves: a fifth longer after a step that lowers the
energy, half as long after one that does not, which is taken back. No structure leaves worse than it came.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64

from cgpipe.dynamics.field import ForceField
from cgpipe.model.potential import Evaluation

STEPS = 200
FIRST, LONGEST = 0.02, 0.1
"""First and longest step [Å]."""


class Descent(NamedTuple):
    """Where the replicas are, what was found there, and how far the next step goes [Å]."""

    R: Float64[Array, "replicas beads 3"]
    found: Evaluation
    length: Float64[Array, " replicas"]


def minimised(
    field: ForceField, R: Float64[Array, "replicas beads 3"], slots: int
) -> tuple[Float64[Array, "replicas beads 3"], Evaluation]:
    """Positions [Å] of lower energy, and what was found there.

    Args:
        field: energies and forces.
        R: where to begin [Å].
        slots: neighbour slots per bead that the model has; what needs more is no better.
    """

    def step(number: Array, now: Descent) -> Descent:
        F = now.found.forces.astype(R.dtype)
        fastest = jnp.linalg.norm(F, axis=-1).max(1)
        trial = now.R + (now.length / jnp.maximum(fastest, 1e-12))[:, None, None] * F
        tried = field(trial)
        better = (total_energy(tried) < total_energy(now.found)) & (tried.needed <= slots)
        better |= number == 0  # without forces yet, that trial is the beginning itself
        length = jnp.where(better, jnp.minimum(1.2 * now.length, LONGEST), 0.5 * now.length)
        return Descent(
            chosen(better, trial, now.R), jax.tree.map(lambda *x: chosen(better, *x), tried, now.found), length
        )

    nothing = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), jax.eval_shape(field, R))
    last = jax.lax.fori_loop(0, STEPS + 1, step, Descent(R, nothing, jnp.full(len(R), FIRST)))
    return last.R, last.found


def total_energy(found: Evaluation) -> Float64[Array, " replicas"]:
    """Energy of every replica [kcal/mol]."""
    return found.bead_energies.astype(jnp.float64).sum(axis=1)


def chosen(first: Array | np.ndarray, yes: Array, no: Array) -> Array:
    """Values of ``yes`` for the replicas where ``first`` holds, of ``no`` for the others."""
    return jnp.where(first.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)
