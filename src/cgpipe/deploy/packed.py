"""An exported program from positions in double precision to all its results in one array, compiled as a whole.

What Python and numpy do between two evaluations runs on caches that the program has just filled with its own data, and
costs ten times what it does alone. So the shift to the centre, the sums and the checks are compiled along with it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

GRID = 2.0**-14
"""Centres of structures lie on this grid [Å]; positions on it are exact in single precision, whatever the centre."""

FINITE, LOST, BROKEN = 0, 1, 2
"""Everything is finite; a position is not; the energy or a force is not."""

Packed = Callable[..., Float[np.ndarray, " numbers"]]
"""Positions [Å] (beads × 3) and the arrays of a topology → energy [kcal/mol], neighbour slots needed, one of
``FINITE``, ``LOST`` and ``BROKEN``, forces (beads × 3) [kcal/mol/Å], energies of the beads, and, of an ensemble, the
spread of its members' forces by bead."""


def packed(call: Callable[..., Any], dtype: str, members: int) -> Packed:
    """Wrap the call of an exported program.

    Positions are relative to their centre in double precision before they become the program's own type.

    Args:
        call: of the program.
        dtype: of the positions that it takes.
        members: of the ensemble that it computes; 1 for a single model.
    """

    def compute(R: jax.Array, *topology: jax.Array) -> jax.Array:
        mask = topology[-1][:, None]
        mean = jnp.sum(R * mask.astype(R.dtype), axis=0) / jnp.sum(mask).astype(R.dtype)
        centred = jnp.where(mask, R - jnp.round(mean / GRID) * GRID, 0.0)
        found = call(centred.astype(dtype), *topology, topology[-1])  # all real beads are our own
        bead_energies, forces = (found[index].astype(R.dtype) for index in (0, 1))
        energy = jnp.sum(bead_energies)
        # a sum is finite only if all its terms are; a bead that is nowhere has no neighbours, and finite forces
        broken = jnp.where(jnp.isfinite(energy + jnp.sum(forces)), FINITE, BROKEN)
        state = jnp.where(jnp.isfinite(jnp.sum(R)), broken, LOST)
        numbers = jnp.stack([energy, found[3].astype(R.dtype), state.astype(R.dtype)])
        spread = [found[4].astype(R.dtype)] if members > 1 else []
        return jnp.concatenate([numbers, forces.ravel(), bead_energies, *spread])

    compiled = jax.jit(compute)

    def evaluate(R: np.ndarray, *topology: Any) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(compiled(R, *topology))

    return evaluate
