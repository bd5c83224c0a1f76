"""Force fields in closed form for many replicas, with plans and bonds to go with them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.plans import Plan
from cgpipe.model.potential import Evaluation

BondEnergies = Callable[[jax.Array], jax.Array]
SLOTS = 3
MASSES = np.array([57.0, 110.0, 186.0, 71.0, 128.0])
BEADS = len(MASSES)
STIFFNESS = np.diag(np.linspace(5.0, 15.0, BEADS))
for bead in range(BEADS - 1):
    STIFFNESS[bead : bead + 2, bead : bead + 2] += 40.0 * np.array([[1.0, -1.0], [-1.0, 1.0]])
"""Hessian K of E = ½ Σ x K x over the axes: a chain whose beads also hang on the origin [kcal/mol/Å²]."""


def field(energies: BondEnergies):
    """The force field whose bead energies are a function of one replica's positions."""

    def evaluate(R: jax.Array) -> Evaluation:
        forces = -jax.grad(lambda R: jax.vmap(energies)(R).sum())(R)
        return Evaluation(jax.vmap(energies)(R), forces, jnp.zeros(len(R), jnp.int32))

    return evaluate


def harmonic(R: jax.Array) -> jax.Array:
    """½ x K x, per bead [kcal/mol]."""
    return 0.5 * jnp.sum(R * (jnp.asarray(STIFFNESS) @ R), axis=1)


def two_wells(R: jax.Array) -> jax.Array:
    """Two wells along x with a barrier of 1.2 kcal/mol, springs along y and z; every bead on its own [kcal/mol]."""
    x, y, z = R.T
    return 1.2 * (x**2 - 1.0) ** 2 + 2.0 * (y**2 + z**2)


def plan(replica: int = 0, steps: int = 400, **changes: float) -> Plan:
    """A short run at 300 K with seeds of the replica's own."""
    settings = {"temperature": 300.0, "timestep": 4.0, "save_every": 20, "damping": 0.05, **changes}
    return Plan(title="made", steps=steps, velocity_seed=1 + replica, noise_seed=1001 + replica, **settings)


def unbonded(beads: int = BEADS) -> BondWatch:
    """A watch over no bonds at all."""
    return BondWatch(np.zeros(beads - 1, bool), np.zeros(0), 1.0)
