"""Where the data end, and which beads of a structure are inside: a network is worth something only there.

With the shortest distance a_k seen in the data for each kind k of pair (|i−j| = 1 … 5, farther and between chains) and
the longest bond b, a pair at distance r and a bond of length r strain their beads by

    [max(0, a_k − r) / (m a_k)]³    and    [max(0, r − b) / (m b)]³    with the margin m = 0.1,

and a bead with the sum x of its strains has the presence t³(10 − 15t + 6t²), t = max(0, 1 − x). So presence is exactly
1 wherever all distances are inside the data, exactly 0 as soon as one of them is a tenth beyond, and twice continuously
differentiable in between.

Where the data hold cis bonds (``physics.peptide_bonds``), bonds have two ranges with a gap between the longest cis
bond b' and the shortest trans bond a'. A bond of species that were seen cis is strained in the gap by
[9/2 (r − b') (a' − r) / (a' − b')²]³, so that its beads are absent in the middle third; any other bond is strained
below a' as below its shortest distance.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.physics.geometry import bond_lengths, length
from cgpipe.physics.switch import falling

MARGIN = 0.1
"""Presence vanishes at so much of a limit beyond it."""
NARROW = 0.2
"""A gap narrower than this is treated as a part of one so wide [Å]: presence never vanishes abruptly."""


Species = Int[Array | np.ndarray, "*n"]


class Gap(NamedTuple):
    """Where no bonds are, between the cis and the trans ones.

    Attributes:
        lower: longest cis bond [Å].
        upper: shortest trans bond [Å].
        pairs: species of lower and upper bead of the bonds that were seen cis.
    """

    lower: float
    upper: float
    pairs: tuple[tuple[int, int], ...]

    def has_both(self, first: Species, second: Species) -> Bool[Array, "*n"]:
        """Whether bonds between the species of lower and upper bead were seen cis."""
        of_first, of_second = np.asarray(self.pairs, first.dtype).T
        return jnp.any((first[..., None] == of_first) & (second[..., None] == of_second), axis=-1)

    def strain(self, r: Float[Array, "*n"], first: Species, second: Species) -> Float[Array, "*n"]:
        """Strain of bonds of length r [Å] between these species, of being in the gap or below it."""
        width = max(self.upper - self.lower, NARROW)
        inside = 4.5 * jnp.maximum(r - self.lower, 0) * jnp.maximum(self.upper - r, 0) / width**2
        return jnp.where(self.has_both(first, second), inside**3, _strain(1 - r / self.upper))


class Support(NamedTuple):
    """Limits of the data.

    Attributes:
        shortest: distance [Å] by |i−j| = 1 … 5 in residue index, then of all other pairs.
        longest_bond: [Å].
        gap: between cis and trans bonds; none where all bonds are of one kind.
    """

    shortest: tuple[float, ...]
    longest_bond: float
    gap: Gap | None = None

    def presence(self, R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, " beads"]:
        """1 for beads whose distances are all inside the data, 0 for those with one far outside.

        Args:
            R: positions [Å]; of padded beads anything finite.
            topology: of the same beads.
        """
        strain = self._crowding(R, topology)
        r, exists = bond_lengths(R, topology)
        excess = _strain(jnp.where(exists, r / self.longest_bond - 1, 0))
        if self.gap is not None:
            species = jnp.asarray(topology.species)
            excess += jnp.where(exists, self.gap.strain(r, species[:-1], species[1:]), 0)
        strain += jnp.pad(excess, (0, 1)) + jnp.pad(excess, (1, 0))
        return falling(1 - strain)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Support":
        """The limits that ``_asdict`` wrote to a file; older files know of no gap."""
        gap = content.get("gap")
        if gap is not None:
            lower, upper, pairs = gap
            gap = Gap(lower, upper, tuple((first, second) for first, second in pairs))
        return cls(tuple(content["shortest"]), content["longest_bond"], gap)

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
