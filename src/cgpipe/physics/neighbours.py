"""Which beads see each other: edges i→j in rows of a few slots, one or more rows per bead, with a static capacity.

A row belongs to one bead, its centre, and lists some of the beads j ≠ i with |R_j − R_i| < cutoff, in row order of the
beads; a bead with many neighbours has several rows, one after the other. Beads differ threefold in how many neighbours
they have, so rows of ``ROW`` slots waste less than a matrix with as many columns as the most crowded bead needs, and
what is computed once per centre is shared by the slots of a row. Where there is room for every pair, row i simply
lists all other beads: then the indices are static and only the mask depends on the positions.

A list that does not fit is never silent: ``needed`` then exceeds ``slots``, and whoever calls must refuse the result.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from cgpipe.data.statistics import ROW
from cgpipe.data.topology import Topology


class Neighbours(eqx.Module):
    """Edges of one structure.

    Attributes:
        index: bead at the other end; an empty slot holds some other bead, whose position may be anything.
        mask: the slot holds an edge within the cutoff.
        centre: bead that a row belongs to, ascending; rows that are not in use belong to any.
        needed: slots per bead that the structure needs; more than it was given means that edges are missing.
        beads: number of beads.
        all_pairs: row i is bead i and lists every other bead.
    """

    index: Int[Array, "*frames rows width"]
    mask: Bool[Array, "*frames rows width"]
    centre: Int[Array, "*frames rows"]
    needed: Int[Array, "*frames"]
    beads: int = eqx.field(static=True)
    all_pairs: bool = eqx.field(static=True)

    def to_rows(self, values: Shaped[Array, "beads ..."]) -> Shaped[Array, "rows ..."]:
        """What a row's bead has."""
        return values if self.all_pairs else values[self.centre]

    def to_beads(self, values: Float[Array, "rows ..."]) -> Float[Array, "beads ..."]:
        """Sum over the rows of each bead."""
        if self.all_pairs:
            return values
        return jax.ops.segment_sum(values, self.centre, self.beads, indices_are_sorted=True)

    def vectors(self, R: Float[Array, "beads 3"], empty: float) -> Float[Array, "rows width 3"]:
        """R_j − R_i of every edge [Å]; ``empty`` along every axis in empty slots, whatever is there."""
        difference = R[self.index] - self.to_rows(R)[:, None]
        return jnp.where(self.mask[..., None], difference, empty)


def joined(batch: Neighbours) -> Neighbours:
    """The edges of many structures, found by ``jax.vmap``, as those of one structure of all their beads."""
    frames, rows, width = batch.index.shape
    first = batch.beads * jnp.arange(frames, dtype=jnp.int32)
    return Neighbours(
        (batch.index + first[:, None, None]).reshape(frames * rows, width),
        batch.mask.reshape(frames * rows, width),
        (batch.centre + first[:, None]).reshape(-1),
        jnp.max(batch.needed, initial=0),
        frames * batch.beads,
        batch.all_pairs,
    )


def lists_all_pairs(beads: int, slots: int) -> bool:
    """Whether ``slots`` per bead have room for every pair of beads."""
    return beads - 1 <= slots


def row_count(beads: int, slots: int) -> int:
    """Rows of a list that offers ``slots`` per bead, on average over the beads."""
    return beads if lists_all_pairs(beads, slots) else max(1, beads * slots // ROW)


def find_neighbours(
    R: Float[Array, "beads 3"],
    topology: Topology,
    cutoff: float,
    slots: int,
    centres: Bool[Array, " beads"] | None = None,
) -> Neighbours:
    """The edges of every real bead; padded beads have none and are nobody's neighbour.

    Args:
        R: positions [Å]; no gradient flows through the search.
        topology: of the same beads; only ``mask`` is used.
        cutoff: largest distance, exclusive [Å].
        slots: room per bead, on average over the beads, empty slots of started rows included.
        centres: beads whose edges are wanted, all by default; the others have none but are still neighbours.
    """
    beads = R.shape[0]
    R = jax.lax.stop_gradient(R)
    real = jnp.asarray(topology.mask)
    squared = jnp.sum((R[None, :] - R[:, None]) ** 2, axis=-1)
    other = ~np.eye(beads, dtype=bool)
    within = (squared < cutoff**2) & real[:, None] & real[None, :] & other
    within = within if centres is None else within & centres[:, None]
    count = jnp.sum(within, axis=1, dtype=jnp.int32)
    if lists_all_pairs(beads, slots):
        others = np.nonzero(other)[1].reshape(beads, beads - 1).astype(np.int32)
        mask = jnp.take_along_axis(within, others, axis=1)
        return Neighbours(jnp.asarray(others), mask, jnp.arange(beads), jnp.max(count, initial=0), beads, True)
    rows_of = -(-count // ROW)
    last = jnp.cumsum(rows_of)
    row = jnp.arange(row_count(beads, slots), dtype=jnp.int32)
    centre = jnp.minimum(jnp.searchsorted(last, row, side="right"), beads - 1).astype(jnp.int32)
    nth = (row - (last - rows_of)[centre])[:, None] * ROW + np.arange(1, ROW + 1, dtype=np.int32)[None]
    mask = (nth <= count[centre][:, None]) & (row < last[-1])[:, None]
    rank = jnp.cumsum(within, axis=1, dtype=jnp.int32)
    index = jax.vmap(jnp.searchsorted)(rank[centre], jnp.where(mask, nth, 1))
    needed = -(-ROW * last[-1] // beads)
    return Neighbours(jnp.minimum(index, beads - 1).astype(jnp.int32), mask, centre, needed, beads, False)
