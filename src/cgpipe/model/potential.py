"""The one energy function: prior plus network. Training, export, parity checks and every MD evaluate this.

E = Σ_i E_i over real beads, E_i = prior_i + network_i; forces are −∂E/∂R and nothing else.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro
from cgpipe.physics.neighbours import find_neighbours
from cgpipe.physics.prior import Prior


class Evaluation(NamedTuple):
    """Energies [kcal/mol] and forces [kcal/mol/Å] of one structure, and the neighbour slots it really needs."""

    bead_energies: Float[Array, " beads"]
    forces: Float[Array, "beads 3"]
    needed: Int[Array, ""]


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
        R = jnp.where(topology.mask[:, None], R, 0.0)
        species = jnp.where(topology.mask, topology.species, 0)
        topology = topology._replace(species=species)
        neighbours = find_neighbours(R, topology, self.cutoff, self.neighbour_slots)
        energies = jnp.zeros(R.shape[0], R.dtype)
        for part in (self.prior, self.network):
            if part is not None:
                energies += part.bead_energies(R, topology, neighbours)
        return jnp.where(topology.mask, energies, 0.0), neighbours.needed

    def evaluate(self, R: Float[Array, "beads 3"], topology: Topology) -> Evaluation:
        """Energies and forces of one structure; ``jax.vmap`` it for many."""

        def total(R: Float[Array, "beads 3"]) -> tuple[Float[Array, ""], tuple[Array, Array]]:
            energies, needed = self.bead_energies(R, topology)
            return energies.sum(), (energies, needed)

        gradient, (energies, needed) = jax.grad(total, has_aux=True)(R)
        return Evaluation(energies, -gradient, needed)
