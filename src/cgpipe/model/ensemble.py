"""Several models of the same shape as one: all members in one vectorised call, mean forces and their spread.

The spread between models that differ only in their seed measures what the data leave undecided; it says nothing about
errors that all members share.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential


class Agreement(NamedTuple):
    """Mean forces of all members and their standard deviation per component [kcal/mol/Å], and the slots needed."""

    forces: Float[Array, "beads 3"]
    spread: Float[Array, "beads 3"]
    needed: Int[Array, ""]


class Ensemble(eqx.Module):
    """Members whose arrays have one more axis in front."""

    members: Potential

    @classmethod
    def of(cls, members: Sequence[Potential]) -> "Ensemble":
        """Stack models.

        Raises:
            UserError: they differ in more than their numbers.
        """
        arrays, statics = zip(*(eqx.partition(member, eqx.is_array) for member in members), strict=True)
        shapes = [(jax.tree.structure(a), [leaf.shape for leaf in jax.tree.leaves(a)]) for a in arrays]
        if any(shape != shapes[0] for shape in shapes[1:]):
            raise UserError(
                "the models of an ensemble have different networks or priors; train all with one configuration"
            )
        return cls(eqx.combine(jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays), statics[0]))

    def evaluate(self, R: Float[Array, "beads 3"], topology: Topology) -> Agreement:
        """Mean and spread of the members' forces on one structure; ``jax.vmap`` it for many.

        Args:
            R: positions [Å].
            topology: of one structure.
        """
        found = eqx.filter_vmap(lambda member: member.evaluate(R, topology))(self.members)
        return Agreement(found.forces.mean(0), found.forces.std(0), found.needed.max())
