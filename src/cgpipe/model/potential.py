"""The one energy function: prior plus network. Training, export, parity checks and every MD evaluate this.

E = Σ_i E_i over real beads, E_i = prior_i + network_i; forces are −∂E/∂R and nothing else. The network sees only beads
whose distances are inside the range of the data (``physics.support``); on all others the prior acts alone.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro
from cgpipe.physics.neighbours import find_neighbours, joined
from cgpipe.physics.prior import Prior


class Evaluation(NamedTuple):
    """Energies [kcal/mol] and forces [kcal/mol/Å] of one structure or many, and the slots that each really needs."""

    bead_energies: Float[Array, "*frames beads"]
    forces: Float[Array, "*frames beads 3"]
    needed: Int[Array, "*frames"]


class Potential(eqx.Module):
    """Prior and network of one model; either may be absent.

    ``cutoff`` is in Å. ``neighbour_slots`` is the room for edges per bead, on average over the beads of a structure; a
    structure that needs more has a wrong result and ``needed`` says so: callers must compare.
    """

    prior: Prior | None
    network: Allegro | None
    cutoff: float = eqx.field(static=True)
    neighbour_slots: int = eqx.field(static=True)

    def bead_energies(
        self, R: Float[Array, "beads 3"], topology: Topology
    ) -> tuple[Float[Array, " beads"], Int[Array, ""]]:
        """Energy of each bead of one structure.

        Args:
            R: positions [Å]; of padded beads anything, NaN too.
            topology: of one structure.

        Returns:
            Energies [kcal/mol], zero for padded beads; and the slots per bead that the structure needs.
        """
        energies, needed = self._frame_energies(R[None], Topology(*(jnp.asarray(field)[None] for field in topology)))
        return energies[0], needed[0]

    def _frame_energies(
        self, R: Float[Array, "frames beads 3"], topology: Topology
    ) -> tuple[Float[Array, "frames beads"], Int[Array, " frames"]]:
        """Energies of many structures; the network sees all their edges as one list, so that its products are large."""
        frames, beads, _ = R.shape
        R = jnp.where(topology.mask[..., None], R, 0.0)
        topology = topology._replace(species=jnp.where(topology.mask, topology.species, 0))
        neighbours = jax.vmap(lambda x, t: find_neighbours(x, t, self.cutoff, self.neighbour_slots))(R, topology)
        energies = jnp.zeros((frames, beads), R.dtype)
        if self.prior is not None:
            energies += jax.vmap(self.prior.bead_energies)(R, topology, neighbours)
        if self.network is not None:
            flat = Topology(*(field.reshape(-1) for field in topology))
            presence = jax.vmap(self._presence)(R, topology).reshape(-1)
            network = self.network.bead_energies(R.reshape(-1, 3), flat, joined(neighbours), presence)
            energies += network.reshape(frames, beads)
        return jnp.where(topology.mask, energies, 0.0), neighbours.needed

    def _presence(self, R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, " beads"]:
        """How much of every bead the network sees: all of it where no prior says where the data end."""
        if self.prior is None or self.prior.support is None:
            return jnp.ones(R.shape[0], R.dtype)
        return self.prior.support.presence(R, topology)

    def evaluate(self, R: Float[Array, "beads 3"], topology: Topology) -> Evaluation:
        """Energies and forces of one structure."""
        one = self.evaluate_many(R[None], Topology(*(jnp.asarray(field)[None] for field in topology)))
        return Evaluation(one.bead_energies[0], one.forces[0], one.needed[0])

    def evaluate_many(self, R: Float[Array, "frames beads 3"], topology: Topology) -> Evaluation:
        """Energies and forces of many structures of one length, each with its own topology."""

        def total(R: Float[Array, "frames beads 3"]) -> tuple[Float[Array, ""], tuple[Array, Array]]:
            energies, needed = self._frame_energies(R, topology)
            return energies.sum(), (energies, needed)

        gradient, (energies, needed) = jax.grad(total, has_aux=True)(R)
        return Evaluation(energies, -gradient, needed)
