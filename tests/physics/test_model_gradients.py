"""Forces are the derivative of the energy, and both are continuous where a neighbour leaves the cutoff."""

import jax
import jax.numpy as jnp
import numpy as np
from model_toys import CUTOFF, chain_positions, chain_topology, double, evaluate, toy_network, toy_potential

from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential

BEADS = 7


def test_forces_are_minus_the_numerical_gradient():
    """Central differences in double precision agree to 1e-6: catches a misplaced stop_gradient or custom derivative."""
    with jax.enable_x64(True):
        potential = double(toy_potential())
        R, topology = double(chain_positions(BEADS)), chain_topology(BEADS)
        forces = evaluate(potential, R, topology).forces
        h = 1e-4
        for bead, axis in ((0, 0), (3, 1), (6, 2)):
            ends = [evaluate(potential, R.at[bead, axis].add(s * h), topology).bead_energies.sum() for s in (1, -1)]
            numerical = -(ends[0] - ends[1]) / (2 * h)
            np.testing.assert_allclose(forces[bead, axis], numerical, rtol=1e-6, atol=1e-6)


def test_energy_and_force_are_continuous_at_the_cutoff():
    """A bead that leaves the cutoff: energy falls off with the third power, the force with the second, to zero.

    Catches features with a constant part (a bias) and a hard cutoff; the prior is left out because it ends earlier.
    """
    with jax.enable_x64(True):
        potential = double(Potential(None, toy_network(), CUTOFF, 8))
        flat = jnp.zeros(3, jnp.int32)
        topology = Topology(flat, flat, jnp.arange(3, dtype=jnp.int32), flat == 0)

        def at(distance: float):
            return evaluate(potential, jnp.asarray([[0.0, 0, 0], [-3.0, 2.0, 0], [distance, 0, 0]]), topology)

        outside = at(CUTOFF + 1e-9)
        energies, forces = [], []
        for gap in (0.02, 0.01):
            inside = at(CUTOFF - gap)
            energies.append(float(jnp.abs(inside.bead_energies[0] - outside.bead_energies[0])))
            forces.append(float(jnp.abs(inside.forces[0] - outside.forces[0]).max()))
        assert energies[0] > 0.0
        assert energies[0] / energies[1] > 6.5
        assert forces[0] / forces[1] > 3.3


def test_curvature_is_continuous_at_the_cutoff():
    """The energy's second derivative falls to zero with the square of what a bead lacks to the cutoff."""
    with jax.enable_x64(True):
        potential = double(Potential(None, toy_network(), CUTOFF, 8))
        flat = jnp.zeros(2, jnp.int32)
        topology = Topology(flat, flat, jnp.arange(2, dtype=jnp.int32), flat == 0)

        def energy(x):
            return potential.bead_energies(jnp.stack([jnp.zeros(3), jnp.stack([x, 0.0 * x, 0.0 * x])]), topology)[
                0
            ].sum()

        curvature = jax.jit(jax.grad(jax.grad(energy)))
        near, nearer, outside = (float(curvature(jnp.asarray(CUTOFF - gap))) for gap in (2e-4, 1e-4, -1e-4))
        assert outside == 0.0
        assert near != 0.0
        assert 3.8 < near / nearer < 4.2


def test_single_precision_is_as_good_as_it_can_be():
    """Forces in single and double precision agree to 1e-5 of the largest one: catches cancellation in geometry."""
    potential, R, topology = toy_potential(l_max=2), chain_positions(BEADS), chain_topology(BEADS)
    single = evaluate(potential, R, topology).forces
    with jax.enable_x64(True):
        forces = evaluate(double(potential), double(R), topology).forces
    np.testing.assert_allclose(single, forces, atol=1e-5 * float(np.abs(forces).max()))
