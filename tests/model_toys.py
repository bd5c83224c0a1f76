"""Small networks, priors and chains of beads to try models on."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Evaluation, Potential
from cgpipe.model.presets import Sizes
from cgpipe.physics.prior import Prior, Weights

TYPES = 4
CUTOFF = 9.0
SIZES = Sizes(layers=2, radial=5, embed=(8, 12), mlp_width=10, mlp_depth=2, readout=6)


def toy_network(l_max: int = 1, seed: int = 0, sizes: Sizes = SIZES, **options) -> Allegro:
    """An untrained network whose energies are of the order of 1 kcal/mol, with different scales and shifts per type."""
    settings = AllegroSettings(sizes, l_max, 3, TYPES, CUTOFF, mean_neighbours=6.0, energy_scale=20.0, **options)
    network = eqx.filter_jit(Allegro)(settings, jax.random.key(seed))
    number = jnp.arange(TYPES, dtype=jnp.float32)
    scale, shift = 1.0 + 0.1 * number, 0.3 * number
    return eqx.tree_at(lambda n: (n.type_scale, n.type_shift), network, (scale, shift))


def toy_prior(types: int = TYPES) -> Prior:
    """A prior with different parameters for every type."""
    rng = np.random.default_rng(3)

    def around(value, *shape):
        return jnp.asarray(value * (1.0 + 0.1 * rng.uniform(-1.0, 1.0, shape)), jnp.float32)

    return Prior(
        bond_r0=around(3.85, types, types),
        bond_k=around(100.0, types, types),
        angle_coefficients=around(1.0, types, 6),
        angle_lower=around(1.4, types),
        angle_upper=around(2.4, types),
        angle_wall=around(50.0, types),
        dihedral_k=around(0.7, types, types, 2),
        dihedral_phase=around(1.5, types, types, 2),
        repulsion_epsilon=jnp.asarray(1.4, jnp.float32),
        repulsion_sigma=jnp.full((types, types), 4.5),
        excluded_epsilon=jnp.asarray(1.3, jnp.float32),
        excluded_sigma=jnp.full((4, types, types), 4.2),
        weights=Weights(),
        types=tuple("ABCDEFGH"[:types]),
        cutoff=CUTOFF,
        repulsion_range=2.0,
        excluded_range=1.3,
    )


def toy_potential(l_max: int = 1, slots: int = 64, prior: bool = True, seed: int = 0) -> Potential:
    """Prior and network together."""
    return Potential(toy_prior() if prior else None, toy_network(l_max, seed), CUTOFF, slots)


def chain_topology(beads: int, chain: int = 0, padding: int = 0) -> Topology:
    """One chain, types 0, 1, 2, 3, 0, …; padded rows hold the same kind of values."""
    rows = jnp.arange(beads + padding, dtype=jnp.int32)
    return Topology(rows % TYPES, jnp.full_like(rows, chain), rows, rows < beads)


def chain_positions(beads: int, seed: int = 0) -> jax.Array:
    """A random walk with steps of 3.8 Å and no two beads closer than 3.5 Å [Å]."""
    rng = np.random.default_rng(seed)
    placed = [np.zeros(3)]
    while len(placed) < beads:
        step = rng.normal(size=3)
        trial = placed[-1] + 3.8 * step / np.linalg.norm(step)
        if np.min(np.linalg.norm(np.array(placed) - trial, axis=1)) > 3.5:
            placed.append(trial)
    return jnp.asarray(np.array(placed), jnp.float32)


@eqx.filter_jit(compiler_options={"xla_backend_optimization_level": 0})
def evaluate(potential: Potential, R: jax.Array, topology: Topology) -> Evaluation:
    """Evaluation of one structure, compiled quickly rather than well."""
    return potential.evaluate(R, topology)


def double(tree):
    """The same tree in double precision."""
    return jax.tree.map(lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, tree)
