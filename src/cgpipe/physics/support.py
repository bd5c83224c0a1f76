"""Where the data end, and which beads of a structure are inside: a network is worth something only there.

With the shortest distance a_k seen in the data for each kind k of pair (|i−j| = 1 … 5, farther and between chains) and
the longest bond b, a pair at distance r and a bond of length r strain their beads by

    [max(0, a_k − r) / (m a_k)]³    and    [max(0, r − b) / (m b)]³    with the margin m = 0.1,

and a bead with the sum x of its strains has the presence t³(10 − 15t + 6t²), t = max(0, 1 − x). So presence is exactly
1 wherever all distances are inside the data, exactly 0 as soon as one of them is a tenth beyond, and twice continuously
differentiable in between.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cgpipe.data.topology import Topology
from cgpipe.physics.geometry import bond_lengths, length
from cgpipe.physics.switch import falling

MARGIN = 0.1
"""Presence vanishes at so much of a limit beyond it."""


class Support(NamedTuple):
    """Limits of the data.

    Attributes:
        shortest: distance [Å] by |i−j| = 1 … 5 in residue index, then of all other pairs.
        longest_bond: [Å].
    """

    shortest: tuple[float, ...]
    longest_bond: float

    def presence(self, R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, " beads"]:
        """1 for beads whose distances are all inside the data, 0 for those with one far outside.

        Args:
            R: positions [Å]; of padded beads anything finite.
            topology: of the same beads.
        """
        strain = self._crowding(R, topology)
        r, exists = bond_lengths(R, topology)
        excess = _strain(jnp.where(exists, r / self.longest_bond - 1, 0))
        strain += jnp.pad(excess, (0, 1)) + jnp.pad(excess, (1, 0))
        return falling(1 - strain)

    def _crowding(self, R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, " beads"]:
        """Sum over all other beads of the strain of being too close."""
        chain, residue, mask = (jnp.asarray(x) for x in (topology.chain, topology.residue, topology.mask))
        kinds = len(self.shortest)
        apart = jnp.minimum(jnp.abs(residue[:, None] - residue), kinds)
        apart = jnp.where(chain[:, None] == chain, apart, kinds)
        shortest = jnp.asarray(self.shortest, R.dtype)[jnp.maximum(apart, 1) - 1]
        pairs = mask[:, None] & mask & ~np.eye(len(R), dtype=bool)
        r = length(jnp.where(pairs[..., None], R[None, :] - R[:, None], shortest[..., None]))
        return jnp.sum(_strain(1 - r / shortest), axis=1)


def _strain(beyond: Float[Array, "..."]) -> Float[Array, "..."]:
    """Cube of how far beyond a limit, in margins; 0 inside."""
    return jnp.maximum(beyond / MARGIN, 0) ** 3
