"""Which beads see each other: dense distances, a fixed number of slots per bead, and a count that exposes overflow.

Row i lists the real beads j ≠ i with |R_j − R_i| < cutoff, in row order. With one slot for every other bead the
pattern of indices is static and only the mask depends on the positions, which is the fastest choice for short
chains. A list that does not fit is never silent: ``needed`` then exceeds the number of slots, and whoever calls
must refuse the result.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology


class Neighbours(NamedTuple):
    """Neighbours of every bead in a fixed number of slots.

    Attributes:
        index: row of the neighbour; a masked slot holds some other row, whose position may be anything.
        mask: the slot holds a neighbour within the cutoff.
        needed: largest true count of neighbours; more than there are slots means that the list is incomplete.
    """

    index: Int[Array, "beads slots"]  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    mask: Bool[Array, "beads slots"]
    needed: Int[Array, ""]


def find_neighbours(R: Float[Array, "beads 3"], topology: Topology, cutoff: float, slots: int) -> Neighbours:
    """The neighbours of every real bead; padded beads have none and are nobody's.

    Args:
        R: positions [Å]; no gradient flows through the search.
        topology: of the same beads; only ``mask`` is used.
        cutoff: largest distance, exclusive [Å].
        slots: neighbours kept per bead, 1 … beads − 1 (0 for a single bead).

    Raises:
        ValueError: more slots than other beads.
    """
    beads = R.shape[0]
    if slots > beads - 1:
        raise ValueError(f"{slots} neighbour slots for {beads} beads: expected at most {beads - 1}")
    R = jax.lax.stop_gradient(R)
    real = jnp.asarray(topology.mask)
    squared = jnp.sum((R[None, :] - R[:, None]) ** 2, axis=-1)
    other = ~np.eye(beads, dtype=bool)
    within = (squared < cutoff**2) & real[:, None] & real[None, :] & other
    needed = jnp.max(jnp.sum(within, axis=1, dtype=jnp.int32), initial=0)
    if slots == beads - 1:
        index = np.nonzero(other)[1].reshape(beads, slots).astype(np.int32)
        return Neighbours(jnp.asarray(index), jnp.take_along_axis(within, index, axis=1), needed)
    row = np.arange(beads, dtype=np.int32)
    # one sort of integers: neighbours keep their row as key, the others come behind them (self last of all)
    key = jnp.where(within, row, row + beads)
    key = jnp.where(other, key, 2 * beads + row)
    first = jax.lax.sort(key, dimension=1)[:, :slots]
    return Neighbours(first % beads, first < beads, needed)
