"""What leaving the data costs: the highest energy that the network gives a bead of each species on training frames.

Force matching leaves the network's energy free by a constant. Where the network is faded out (``physics.support``) its
energy goes to zero, so a network whose energies happen to be positive would pay a chain for leaving the data. With the
ceiling of its species taken off, the energy of every bead is negative on the training frames, and to lose it costs.

Where temperature is an input the ceiling is the straight line in T through those at the lowest and the highest
temperature. The highest of energies that are all linear in T is convex in T, so that it lies below this line between.
"""

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cgpipe.data.stored import Source
from cgpipe.model.potential import Potential
from cgpipe.model.temperature import at_temperature
from cgpipe.training.feed import Batch
from cgpipe.training.pretrain import chunked

FRAMES = 2048
"""At most so many frames, spread evenly, are looked at."""


def with_ceiling(potential: Potential, buckets: Sequence[Source]) -> Potential:
    """The same model with the ceiling of its network; forces on the training frames stay as they are.

    Args:
        potential: a trained model; one without a network is returned as it is.
        buckets: training frames by length.
    """
    if potential.network is None:
        return potential
    types, known = len(potential.network.type_shift), potential.temperatures
    # weights of a training on several nodes belong to all of them; this is worked out by one
    network = jax.tree.map(
        lambda leaf: jnp.asarray(np.asarray(leaf)) if eqx.is_array(leaf) else leaf,
        replace(potential, prior=None, ceiling=None),
    )
    frames = jax.tree.map(jnp.asarray, chunked(buckets, FRAMES))

    def at(one: Potential) -> Float[np.ndarray, " types"]:
        highest = np.asarray(_highest(one, frames, types))
        seen = np.isfinite(highest)
        return np.where(seen, highest, highest[seen].max())

    if known is None:
        ceiling = at(network)
    else:
        low, high = (at(at_temperature(network, end)) for end in (known.lowest, known.highest))
        begin, end = known.lean(known.lowest), known.lean(known.highest)
        slope = (high - low) / (end - begin)
        ceiling = np.stack([low - begin * slope, slope])
    return replace(potential, ceiling=jnp.asarray(ceiling, jnp.float32))


@eqx.filter_jit
def _highest(network: Potential, chunks: Batch, types: int) -> Float[Array, " types"]:
    """By species; −∞ for those that no frame has."""

    def of_chunk(batch: Batch) -> Float[Array, " types"]:
        topology = batch.topology
        energies = network.frame_energies(jnp.asarray(batch.R), topology)[0]
        use = topology.mask & (batch.weight > 0)[:, None]
        species = jnp.where(use, topology.species, 0).ravel()
        return jax.ops.segment_max(jnp.where(use, energies, -jnp.inf).ravel(), species, types)

    return jax.lax.map(of_chunk, chunks).max(axis=0)
