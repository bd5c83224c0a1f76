"""The one energy function: prior plus network. Training, export, parity checks and every MD evaluate this.

E = Σ_i E_i over real beads, E_i = prior_i + network_i; forces are −∂E/∂R and nothing else. The network sees only beads
whose distances are inside the range of the data (``physics.support``); on all others the prior acts alone. From the
energy of a bead that the network sees, the highest one that its species has in the training data is taken off, so that
leaving the data costs energy whatever constant the network's energies contain.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro
from cgpipe.physics.neighbours import find_neighbours, joined
from cgpipe.physics.prior import Prior

BROKEN = 1.5
"""A bond this much longer than the longest one of the data is broken; beyond 1 + the margin of the support."""


class Evaluation(NamedTuple):
    """Energies [kcal/mol] and forces [kcal/mol/Å] of one structure or many, and the slots that each really needs."""

    bead_energies: Float[Array, "*frames beads"]
    forces: Float[Array, "*frames beads 3"]
    needed: Int[Array, "*frames"]


class Potential(eqx.Module):
    """Prior and network of one model; either may be absent.

    ``cutoff`` is in Å. ``neighbour_slots`` is the room for edges per bead, on average over the beads of a structure; a
    structure that needs more has a wrong result and ``needed`` says so: callers must compare. ``ceiling`` is the
    network's highest energy by species on training frames [kcal/mol]; models of older formats have none.
    """

    prior: Prior | None
    network: Allegro | None
    cutoff: float = eqx.field(static=True)
    neighbour_slots: int = eqx.field(static=True)
    ceiling: Float[Array, " types"] | None = None

    def bead_energies(
        self, R: Float[Array, "beads 3"], topology: Topology, owned: Bool[Array, " beads"] | None = None
    ) -> tuple[Float[Array, " beads"], Int[Array, ""]]:
        """Energy of each bead of one structure.

        Args:
            R: positions [Å]; of padded beads anything, NaN too.
            topology: of one structure.
            owned: beads whose energies are wanted, all by default; the others only surround them and get 0.

        Returns:
            Energies [kcal/mol], zero for padded beads; and the slots per bead that the structure needs.
        """
        topology = Topology(*(jnp.asarray(field)[None] for field in topology))
        energies, needed = self.frame_energies(R[None], topology, None if owned is None else owned[None])
        return energies[0], needed[0]

    def frame_energies(
        self, R: Float[Array, "frames beads 3"], topology: Topology, owned: Bool[Array, "frames beads"] | None = None
    ) -> tuple[Float[Array, "frames beads"], Int[Array, " frames"]]:
        """Energies of many structures; the network sees all their edges as one list, so that its products are large."""
        frames, beads, _ = R.shape
        R = jnp.where(topology.mask[..., None], R, 0.0)
        topology = topology._replace(species=jnp.where(topology.mask, topology.species, 0))
        wanted = topology.mask if owned is None else topology.mask & owned
        neighbours = jax.vmap(lambda x, t, own: find_neighbours(x, t, self.cutoff, self.neighbour_slots, own))(
            R, topology, wanted
        )
        energies = jnp.zeros((frames, beads), R.dtype)
        if self.prior is not None:
            energies += jax.vmap(self.prior.bead_energies)(R, topology, neighbours)
        if self.network is not None:
            flat = Topology(*(field.reshape(-1) for field in topology))
            presence = jax.vmap(self._presence)(R, topology).reshape(-1)
            network = self.network.bead_energies(R.reshape(-1, 3), flat, joined(neighbours), presence)
            if self.ceiling is not None:
                network -= self.ceiling.astype(R.dtype)[flat.species] * presence
            energies += network.reshape(frames, beads)
        return jnp.where(wanted, energies, 0.0), neighbours.needed

    @property
    def longest_bond(self) -> float | None:
        """Length [Å] beyond which a bond is broken beyond doubt; none where no prior knows of bonds."""
        if self.prior is None:
            return None
        return self.cutoff if self.prior.support is None else BROKEN * self.prior.support.longest_bond

    @property
    def reach(self) -> float:
        """How far from a bead anything can be that its energy depends on [Å], as long as no bond is broken.

        Neighbours are within the cutoff. Whether one of them is seen depends on the beads that crowd it and on those
        it is bonded to; and a dihedral reaches over two bonds.
        """
        bond = self.longest_bond
        if self.prior is None or bond is None:
            return self.cutoff
        crowd = () if self.prior.support is None else self.prior.support.shortest
        return max(self.cutoff + max(bond, *crowd, 0.0), 2 * bond)

    def _presence(self, R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, " beads"]:
        """How much of every bead the network sees: all of it where no prior says where the data end."""
        if self.prior is None or self.prior.support is None:
            return jnp.ones(R.shape[0], R.dtype)
        return self.prior.support.presence(R, topology)

    def evaluate(
        self, R: Float[Array, "beads 3"], topology: Topology, owned: Bool[Array, " beads"] | None = None
    ) -> Evaluation:
        """Energies of one structure, and the forces of their sum on all beads; ``owned`` as for ``bead_energies``."""
        topology = Topology(*(jnp.asarray(field)[None] for field in topology))
        one = self.evaluate_many(R[None], topology, None if owned is None else owned[None])
        return Evaluation(one.bead_energies[0], one.forces[0], one.needed[0])

    def evaluate_many(
        self, R: Float[Array, "frames beads 3"], topology: Topology, owned: Bool[Array, "frames beads"] | None = None
    ) -> Evaluation:
        """Energies and forces of many structures of one length, each with its own topology."""

        def total(R: Float[Array, "frames beads 3"]) -> tuple[Float[Array, ""], tuple[Array, Array]]:
            energies, needed = self.frame_energies(R, topology, owned)
            return energies.sum(), (energies, needed)

        gradient, (energies, needed) = jax.grad(total, has_aux=True)(R)
        return Evaluation(energies, -gradient, needed)
