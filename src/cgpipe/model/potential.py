"""The one energy function: prior plus network. Training, export, parity checks and every MD evaluate this.

E = Σ_i E_i over real beads, E_i = prior_i + network_i; forces are −∂E/∂R and nothing else. The network sees only beads
whose distances are inside the range of the data (``physics.support``); on all others the prior acts alone. From the
energy of a bead that the network sees, the highest one that its species has in the training data is taken off, so that
leaving the data costs energy whatever constant the network's energies contain.

With temperature as an input (``Temperatures``) all energies are linear in T, E = U − T S: prior, network and ceiling
each have a part that is multiplied by (T − T₀)/T₀. ``cgpipe.model.temperature`` makes an ordinary potential of it.
"""

from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro
from cgpipe.physics.neighbours import Neighbours, find_neighbours, joined
from cgpipe.physics.prior import Prior, ThermalPrior

BROKEN = 1.5
"""A bond this much longer than the longest one of the data is broken; beyond 1 + the margin of the support."""


class Evaluation(NamedTuple):
    """Energies [kcal/mol] and forces [kcal/mol/Å] of one structure or many, and the slots that each really needs."""

    bead_energies: Float[Array, "*frames beads"]
    forces: Float[Array, "*frames beads 3"]
    needed: Int[Array, "*frames"]


Kelvin = TypeVar("Kelvin", float, Float[Array, "*frames"])


class Temperatures(NamedTuple):
    """Of the training frames [K]."""

    lowest: float
    mean: float
    highest: float

    def lean(self, temperature: Kelvin) -> Kelvin:
        """(T − T₀)/T₀: what all entropies count with."""
        return (temperature - self.mean) / self.mean


class Potential(eqx.Module):
    """Prior and network of one model; either may be absent.

    ``cutoff`` is in Å. ``neighbour_slots`` is the room for edges per bead, on average over the beads of a structure; a
    structure that needs more has a wrong result and ``needed`` says so: callers must compare. ``ceiling`` is the
    network's highest energy by species on training frames [kcal/mol]; models of older formats have none. With
    ``temperatures`` the model is a function of temperature; without, it holds at the one of its data.
    """

    prior: Prior | ThermalPrior | None
    network: Allegro | None
    cutoff: float = eqx.field(static=True)
    neighbour_slots: int = eqx.field(static=True)
    ceiling: Float[Array, "*readouts types"] | None = None
    temperatures: Temperatures | None = eqx.field(static=True, default=None)

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
        self,
        R: Float[Array, "frames beads 3"],
        topology: Topology,
        owned: Bool[Array, "frames beads"] | None = None,
        temperature: Float[Array, " frames"] | None = None,
    ) -> tuple[Float[Array, "frames beads"], Int[Array, " frames"]]:
        """Energies of many structures; the network sees all their edges as one list, so that its products are large.

        Args:
            R: positions [Å].
            topology: of each structure.
            owned: as for ``bead_energies``.
            temperature: of each structure [K]; looked at only where it is an input of the model, and needed there.
        """
        frames, beads, _ = R.shape
        if self.temperatures is None:
            temperature = lean = None
        elif temperature is None:
            raise ValueError("a model of many temperatures: give one, or take it at one (at_temperature)")
        else:
            lean = jnp.repeat(self.temperatures.lean(temperature).astype(R.dtype), beads)
        R = jnp.where(topology.mask[..., None], R, 0.0)
        topology = topology._replace(species=jnp.where(topology.mask, topology.species, 0))
        wanted = topology.mask if owned is None else topology.mask & owned
        neighbours = jax.vmap(lambda x, t, own: find_neighbours(x, t, self.cutoff, self.neighbour_slots, own))(
            R, topology, wanted
        )
        energies = jnp.zeros((frames, beads), R.dtype)
        if self.prior is not None:
            energies += _prior_energies(self.prior, R, topology, neighbours, temperature)
        if self.network is not None:
            flat = Topology(*(field.reshape(-1) for field in topology))
            presence = jax.vmap(self._presence)(R, topology).reshape(-1)
            network = self.network.bead_energies(R.reshape(-1, 3), flat, joined(neighbours), presence, lean)
            if self.ceiling is not None:
                ceiling = self.ceiling.astype(R.dtype)[..., flat.species]
                network -= (ceiling if lean is None else ceiling[0] + lean * ceiling[1]) * presence
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
        self,
        R: Float[Array, "frames beads 3"],
        topology: Topology,
        owned: Bool[Array, "frames beads"] | None = None,
        temperature: Float[Array, " frames"] | None = None,
    ) -> Evaluation:
        """Energies and forces of structures of one length, each with its own topology; as for ``frame_energies``."""

        def total(R: Float[Array, "frames beads 3"]) -> tuple[Float[Array, ""], tuple[Array, Array]]:
            energies, needed = self.frame_energies(R, topology, owned, temperature)
            return energies.sum(), (energies, needed)

        gradient, (energies, needed) = jax.grad(total, has_aux=True)(R)
        return Evaluation(energies, -gradient, needed)


def _prior_energies(
    prior: Prior | ThermalPrior,
    R: Float[Array, "frames beads 3"],
    topology: Topology,
    neighbours: Neighbours,
    temperature: Float[Array, " frames"] | None,
) -> Float[Array, "frames beads"]:
    if isinstance(prior, Prior):
        return jax.vmap(prior.bead_energies)(R, topology, neighbours)
    return jax.vmap(lambda x, t, n, kelvin: prior.at(kelvin).bead_energies(x, t, n))(
        R, topology, neighbours, temperature
    )
