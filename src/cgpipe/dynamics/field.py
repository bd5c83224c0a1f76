"""Forces on all replicas of a molecule: the potential in single precision, in batches that fit the processor's cache.

Positions are centred in double precision before they become single precision, as an exported program is fed.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64

from cgpipe.data.statistics import ROW
from cgpipe.data.topology import Topology
from cgpipe.model.potential import Evaluation, Potential
from cgpipe.physics.neighbours import row_count

SLOTS_PER_CALL = 3000
"""Neighbour slots evaluated at once: fewer leave the processor waiting for instructions, more for memory."""

ForceField = Callable[[Float64[Array, "replicas beads 3"]], Evaluation]
"""Positions [Å] of every replica → energies and forces; a replica's result depends on its own positions only."""


def force_field(potential: Potential, topology: Topology) -> ForceField:
    """The force field of one molecule.

    Args:
        potential: its energy function.
        topology: of one replica, without padding.
    """
    beads = len(topology.species)
    slots = min(potential.neighbour_slots, beads - 1)
    width = beads - 1 if slots == beads - 1 else ROW
    most = max(1, SLOTS_PER_CALL // max(1, row_count(beads, slots) * width))

    def evaluate(R: Float64[Array, "replicas beads 3"]) -> Evaluation:
        size = largest_divisor(len(R), most)
        topologies = Topology(*(jnp.asarray(np.broadcast_to(field, (size, beads))) for field in topology))
        centred = (R - R.mean(axis=1, keepdims=True)).astype(jnp.float32)
        parts = centred.reshape(-1, size, beads, 3)
        found = jax.lax.map(lambda part: potential.evaluate_many(part, topologies), parts)
        return jax.tree.map(lambda values: values.reshape(len(R), *values.shape[2:]), found)

    return evaluate


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of a number that is not above a limit."""
    return max(divisor for divisor in range(1, min(number, limit) + 1) if number % divisor == 0)
