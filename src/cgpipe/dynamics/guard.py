"""When a replica ceases to be a molecule: a broken bond, too many neighbours, or forces that are no numbers.

The same ends, in the same order and with the same words, as those of a run in LAMMPS (``lammps.driver``).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float64, Int32, Int64

from cgpipe.dynamics.ends import BondWatch, Death
from cgpipe.model.potential import Evaluation

ALIVE, BROKEN_BOND, OVERFLOW, NOT_FINITE = range(4)


class Fate(NamedTuple):
    """What became of every replica.

    Attributes:
        cause: ``ALIVE``, or why it died.
        step: at which it died; the last one that was checked as long as it lives.
        bond: the bond that deviates most from its mean.
        deviation: of that bond [Å].
        needed: neighbour slots per bead.
        largest: deviation of any bond so far [Å].
    """

    cause: Int32[Array, " replicas"]
    step: Int64[Array, " replicas"]
    bond: Int32[Array, " replicas"]
    deviation: Float64[Array, " replicas"]
    needed: Int32[Array, " replicas"]
    largest: Float64[Array, " replicas"]

    @property
    def alive(self) -> Bool[Array | np.ndarray, " replicas"]:
        """Which replicas live."""
        return self.cause == ALIVE


def newborn(replicas: int) -> Fate:
    """All alive, nothing seen yet."""
    zero = jnp.zeros(replicas)
    none = zero.astype(jnp.int32)
    return Fate(none, zero.astype(jnp.int64), none, zero, none, zero)


def examined(
    fate: Fate,
    step: Int64[Array, ""],
    R: Float64[Array, "replicas beads 3"],
    found: Evaluation,
    bonds: BondWatch,
    slots: int,
) -> Fate:
    """Fates after a look at one step; the dead are not looked at again.

    Args:
        fate: so far.
        step: its number.
        R: positions [Å].
        found: energies and forces at R.
        bonds: means and tolerance.
        slots: neighbour slots per bead that the model has.
    """
    bond, deviation = _worst_bond(R, bonds)
    finite = jnp.isfinite(found.bead_energies).all(1) & jnp.isfinite(found.forces).all((1, 2))
    finite &= jnp.isfinite(R).all((1, 2))
    cause = jnp.where(finite, ALIVE, NOT_FINITE)
    cause = jnp.where(found.needed > slots, OVERFLOW, cause)
    cause = jnp.where(deviation <= bonds.tolerance, cause, BROKEN_BOND).astype(jnp.int32)
    steps = jnp.full_like(fate.step, step)
    now = Fate(cause, steps, bond, deviation, found.needed, jnp.maximum(fate.largest, deviation))
    return Fate(*(jnp.where(fate.alive, new, old) for new, old in zip(now, fate, strict=True)))


def _worst_bond(
    R: Float64[Array, "replicas beads 3"], bonds: BondWatch
) -> tuple[Int32[Array, " replicas"], Float64[Array, " replicas"]]:
    """Number and deviation of the bond farthest from its mean."""
    if not len(bonds.rows):
        return jnp.zeros(len(R), jnp.int32), jnp.zeros(len(R))
    lengths = jnp.linalg.norm(R[:, bonds.rows + 1] - R[:, bonds.rows], axis=-1)
    deviations = jnp.abs(lengths[:, None] - bonds.means).min(axis=1)
    worst = jnp.argmax(deviations, axis=1)
    return worst.astype(jnp.int32), jnp.take_along_axis(deviations, worst[:, None], axis=1)[:, 0]


def death_of(fate: Fate, replica: int, bonds: BondWatch, slots: int) -> Death | None:
    """How a replica died, in words; None if it lives."""
    cause, step, bond, deviation, needed, _ = (np.asarray(values)[replica] for values in fate)
    if cause == ALIVE:
        return None
    reasons = {
        BROKEN_BOND: lambda: bonds.broken(int(bond), float(deviation)),
        OVERFLOW: lambda: (
            f"{needed} neighbour slots per bead are needed but the model has {slots}; "
            "raise dataset.capacity_margin and retrain, or look for a collapsed structure"
        ),
        NOT_FINITE: lambda: "a position, the energy or a force is not finite",
    }
    return Death(int(step), reasons[int(cause)]())
