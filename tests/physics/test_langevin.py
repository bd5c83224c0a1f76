"""The Langevin integrator against statistical mechanics in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.physics.langevin import langevin, start
from cgpipe.units import FORCE_TO_ACCELERATION, thermal_energy

T, K = 320.0, 150.0
MASSES = jnp.asarray([57.0, 110.0, 186.0], jnp.float32)


def _forces(R):
    return -K * R


@jax.jit
def _run(keys):
    def one(key):
        first, second = jax.random.split(key)
        state = start(_forces, jnp.zeros((3, 3), jnp.float32), MASSES, T, first)
        return langevin(_forces, state, MASSES, T, 8.0, 0.2, frames=150, every=20, key=second)

    return jax.vmap(one)(keys)


def test_harmonic_variance_and_equipartition():
    """Detects wrong units, masses, noise or splitting: ⟨x²⟩ = kT/k for every mass, kinetic temperature = T.

    BAOAB is exact in ⟨x²⟩ for a harmonic well at any stable step; the kinetic temperature errs by (ω dt)²/4, below 2 %
    here. Cannot detect a wrong rate of damping.
    """
    _, R, kinetic = _run(jax.random.split(jax.random.key(0), 64))
    R = np.asarray(R)[:, 25:]
    variance = (R**2).mean(axis=(0, 1, 3))
    np.testing.assert_allclose(variance, thermal_energy(T) / K, rtol=0.04)
    assert float(np.asarray(kinetic)[:, 25:].mean()) == pytest.approx(T, rel=0.03)


def test_start_draws_the_temperature():
    """Detects velocities in wrong units, or equal for all masses."""
    masses = jnp.concatenate([jnp.full(20000, 57.0), jnp.full(20000, 186.0)])
    state = start(lambda R: 0 * R, jnp.zeros((40000, 3)), masses, T, jax.random.key(1))
    for part, mass in ((slice(20000), 57.0), (slice(20000, None), 186.0)):
        kinetic = 0.5 * mass * float(jnp.mean(state.V[part] ** 2)) / FORCE_TO_ACCELERATION
        assert kinetic == pytest.approx(0.5 * thermal_energy(T), rel=0.02)


def test_without_friction_energy_is_conserved():
    """Detects a force of another time than the position's: velocity Verlet keeps the energy to (ω dt)²."""
    state = start(_forces, jnp.full((3, 3), 0.1), MASSES, T, jax.random.key(2))

    def energy(state):
        return float(jnp.sum(0.5 * MASSES[:, None] * state.V**2 / FORCE_TO_ACCELERATION + 0.5 * K * state.R**2))

    last, _, _ = langevin(_forces, state, MASSES, T, 2.0, 1e9, frames=10, every=100, key=jax.random.key(3))
    assert energy(last) == pytest.approx(energy(state), rel=0.01)
