"""What is exported: one model, or all members of an ensemble as one energy function that knows how far they differ.

Energies and forces of an ensemble are the means over its members, so its forces are the gradient of its energy. The
spread of a bead is the root of the mean squared distance of the members' forces from their mean,

    σ_i = √⟨|F_i − ⟨F_i⟩|²⟩

(Zhang et al., Comput. Phys. Commun. 2020, 253, 107206, eq. 2). It measures what the data leave undecided between
members that differ in their seed; it says nothing about errors that all members share.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.potential import Potential

Model = Potential | Ensemble


class Consensus(NamedTuple):
    """Energies [kcal/mol], forces and their spread [kcal/mol/Å] of one structure, and the slots per bead it needs."""

    bead_energies: Float[Array, " beads"]
    forces: Float[Array, "beads 3"]
    needed: Int[Array, ""]
    spread: Float[Array, " beads"]


def members_of(model: Model) -> int:
    """How many potentials a model consists of."""
    return len(jax.tree.leaves(eqx.filter(model, eqx.is_array))[0]) if isinstance(model, Ensemble) else 1


def pattern_of(model: Model) -> Potential:
    """The potential whose cutoff, room for neighbours and reach are those of all members."""
    return model.members if isinstance(model, Ensemble) else model


def evaluate(
    model: Model, R: Float[Array, "beads 3"], topology: Topology, owned: Bool[Array, " beads"] | None = None
) -> Consensus:
    """Mean energies and forces of the members, and the spread of their forces; that of a single model is 0.

    Args:
        model: one potential or several.
        R: positions [Å].
        topology: of one structure.
        owned: beads whose energies count, all by default.
    """
    if isinstance(model, Potential):
        one = model.evaluate(R, topology, owned)
        return Consensus(*one, jnp.zeros_like(one.bead_energies))
    found = eqx.filter_vmap(lambda member: member.evaluate(R, topology, owned))(model.members)
    forces = found.forces.mean(0)
    spread = jnp.sqrt(((found.forces - forces) ** 2).sum(-1).mean(0))
    return Consensus(found.bead_energies.mean(0), forces, found.needed.max(), spread)
