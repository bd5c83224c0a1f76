"""A prior with different parameters for every species, and chains to try it on."""

import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.physics.neighbours import find_neighbours
from cgpipe.physics.prior import Prior, Weights

TYPES = ("A", "B", "C")
CUTOFF = 12.0


def toy_prior() -> Prior:
    """Tables drawn once, all entries different; weights all different."""
    rng = np.random.default_rng(7)
    n = len(TYPES)

    def around(value, *shape):
        return value * (1 + 0.1 * rng.uniform(-1, 1, shape))

    def symmetric(value, *shape):
        table = around(value, *shape)
        return 0.5 * (table + np.swapaxes(table, -1, -2))

    tables = {
        "bond_r0": around(3.87, n, n),
        "bond_k": around(190.0, n, n),
        "angle_coefficients": rng.normal(size=(n, 6)),
        "angle_lower": np.radians(around(80.0, n)),
        "angle_upper": np.radians(around(140.0, n)),
        "angle_wall": around(70.0, n),
        "dihedral_k": around(0.7, n, n, 2),
        "dihedral_phase": rng.normal(size=(n, n, 2)),
        "repulsion_epsilon": np.float64(1.4),
        "repulsion_sigma": symmetric(4.5, n, n),
        "excluded_epsilon": np.float64(1.3),
        "excluded_sigma": symmetric(4.2, 4, n, n),
    }
    return Prior(
        **{name: jnp.asarray(table) for name, table in tables.items()},
        weights=Weights(1.0, 0.9, 0.8, 1.1, 1.2),
        types=TYPES,
        cutoff=CUTOFF,
        repulsion_range=2.0,
        excluded_range=1.3,
    )


def topology(beads: int, chain=0, residue=None, mask=None) -> Topology:
    """Topology of a chain of species A, B, C, A, …"""
    return Topology(
        jnp.arange(beads, dtype=jnp.int32) % len(TYPES),
        jnp.broadcast_to(jnp.asarray(chain, jnp.int32), (beads,)),
        jnp.arange(beads, dtype=jnp.int32) if residue is None else jnp.asarray(residue, jnp.int32),
        jnp.ones(beads, bool) if mask is None else jnp.asarray(mask),
    )


def walk(beads: int, seed: int) -> np.ndarray:
    """A random chain with bonds near 3.8 Å and angles mostly away from 0 and π."""
    rng = np.random.default_rng(seed)
    steps = np.zeros((beads, 3))
    direction = np.array([1.0, 0.0, 0.0])
    for i in range(1, beads):
        direction = direction + rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        steps[i] = rng.uniform(3.6, 4.1) * direction
    return np.cumsum(steps, axis=0)


@jax.jit
def energies(prior: Prior, R, chain: Topology):
    """Bead energies with the complete list of neighbours."""
    return prior.bead_energies(R, chain, find_neighbours(R, chain, prior.cutoff, len(R) - 1))


@jax.jit
def terms_of(prior: Prior, R, chain: Topology):
    """Bead energies by term."""
    return prior.term_energies(R, chain, find_neighbours(R, chain, prior.cutoff, len(R) - 1))


@jax.jit
def forces(prior: Prior, R, chain: Topology):
    """−∂E/∂R."""
    return -jax.grad(lambda R: energies(prior, R, chain).sum())(R)
