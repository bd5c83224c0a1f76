"""Shape of the prior's terms: smooth, finite, confining. Parameters from data are tested elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.physics.prior.terms import (
    COLLINEAR,
    CORE,
    angle_energy,
    bond_energy,
    dihedral_energy,
    fourier,
    fourier_slope,
    repulsion_energy,
)

SIGMA, EPSILON, END = 4.0, 1.4, 8.0


def _repulsion(r):
    return repulsion_energy(r, jnp.asarray(EPSILON), jnp.full_like(r, SIGMA), jnp.full_like(r, END))


def _angle(cosine):
    coefficients = jnp.asarray([0.7, -1.1, 0.4, 0.9])
    edges = (jnp.radians(75.0), jnp.radians(150.0), jnp.asarray(70.0))
    return angle_energy(
        cosine,
        jnp.broadcast_to(coefficients, (*cosine.shape, 4)),
        *(jnp.broadcast_to(edge, cosine.shape).astype(cosine.dtype) for edge in edges),
    )


def _slope(energy):
    return jax.jit(jax.vmap(jax.grad(energy)))


def test_repulsion_inside_is_the_power_law():
    """Detects a wrong power, a switch that begins too early, or E(σ) ≠ ε."""
    r = jnp.linspace(CORE * SIGMA + 0.01, SIGMA, 50)
    np.testing.assert_allclose(_repulsion(r), EPSILON * (SIGMA / r) ** 4, rtol=1e-5)
    assert float(_repulsion(jnp.asarray(SIGMA))) == pytest.approx(EPSILON)


@pytest.mark.parametrize("where", [CORE * SIGMA, SIGMA, END])
def test_repulsion_value_and_force_are_continuous(where):
    """Detects jumps in energy or force where its pieces meet, in double precision."""
    with jax.enable_x64(True):
        h = 1e-7
        r = jnp.asarray([where - h, where + h])
        below, above = _repulsion(r)
        force_below, force_above = _slope(_repulsion)(r)
        assert abs(float(above - below)) < 1e-3
        assert abs(float(force_above - force_below)) < 1e-4 * (1 + abs(float(force_below)))


def test_repulsion_repels_everywhere_and_ends():
    """Detects attraction, a vanishing core, energy beyond the end, and overflow at r = 0 in single precision."""
    r = jnp.linspace(0.0, END - 0.05, 400)
    assert bool((_slope(_repulsion)(r) < 0).all()) and bool(jnp.isfinite(_repulsion(r)).all())
    beyond = jnp.asarray([END, END + 1, 100.0])
    np.testing.assert_array_equal(_repulsion(beyond), 0)
    np.testing.assert_array_equal(_slope(_repulsion)(beyond), 0)


def test_fourier_slope_is_the_derivative():
    """Detects a wrong order or sign of a basis function's derivative."""
    theta = jnp.linspace(0.3, 2.9, 20)
    for terms in (1, 2, 5, 10):
        derivative = jax.vmap(jax.jacfwd(lambda t, terms=terms: fourier(t, terms)))(theta)
        np.testing.assert_allclose(fourier_slope(theta, terms), derivative, atol=1e-4)


def test_angle_is_the_series_between_its_limits():
    """Detects a continuation that leaks into the range of the data."""
    theta = jnp.radians(jnp.linspace(76.0, 149.0, 60))
    expected = fourier(theta, 4) @ jnp.asarray([0.7, -1.1, 0.4, 0.9])
    np.testing.assert_allclose(_angle(jnp.cos(theta)), expected, atol=1e-5)


@pytest.mark.parametrize("edge", [75.0, 150.0])
def test_angle_value_and_force_are_continuous_at_its_limits(edge):
    """Detects jumps in energy or force where the wall begins, in double precision."""
    with jax.enable_x64(True):
        cosine = jnp.cos(jnp.radians(jnp.asarray([edge - 1e-6, edge + 1e-6])))
        below, above = _angle(cosine)
        slope_below, slope_above = _slope(_angle)(cosine)
        assert abs(float(above - below)) < 1e-6
        assert abs(float(slope_above - slope_below)) < 1e-4


def test_angle_force_is_finite_at_the_poles():
    """Detects dU/dθ / sin θ blowing up: dU/d cos θ must stay bounded up to θ = 0 and π."""
    slope = _slope(_angle)(jnp.asarray([-1.0, -1.0 + 1e-7, 1.0 - 1e-7, 1.0]))
    assert bool((jnp.abs(slope) < 200).all())


def test_walls_push_back_far_beyond_the_data():
    """Detects a tail that lets go: ±50 % beyond the data, bond and angle must be driven back, harder farther out."""
    r = jnp.asarray([0.5, 0.7, 1.3, 1.5]) * 3.87
    slope = _slope(lambda r: bond_energy(r, jnp.full_like(r, 3.87), jnp.full_like(r, 190.0)))(r)
    assert float(slope[0]) < float(slope[1]) < 0 < float(slope[2]) < float(slope[3])
    small = _slope(_angle)(jnp.cos(jnp.radians(jnp.asarray([37.5, 60.0]))))
    large = _slope(_angle)(jnp.cos(jnp.radians(jnp.asarray([165.0, 180.0]))))
    assert float(small[0]) > float(small[1]) > 0 > float(large[0]) > float(large[1])


def _dihedral(phi, both):
    k, phase = jnp.asarray([0.5, 0.9]), jnp.asarray([1.3, -0.4])
    shape = (*phi.shape, 2)
    return dihedral_energy(
        both * jnp.cos(phi), both * jnp.sin(phi), jnp.broadcast_to(k, shape), jnp.broadcast_to(phase, shape)
    )


def test_dihedral_is_the_cosine_series_over_the_data():
    """Detects wrong multiples of φ, wrong phases, and fading where data are."""
    phi = jnp.linspace(-3.1, 3.1, 40)
    expected = 0.5 * (1 + jnp.cos(phi - 1.3)) + 0.9 * (1 + jnp.cos(2 * phi + 0.4))
    for both in (COLLINEAR, 0.5, 1.0):
        np.testing.assert_allclose(_dihedral(phi, jnp.asarray(both)), expected, atol=1e-5)


def test_dihedral_fades_without_preferring_collinear_chains():
    """Detects a singular gradient at sin θ₁ sin θ₂ = 0 and an energy there that is not the mean over φ."""

    def energy(z):
        return _dihedral(jnp.arctan2(z[1], z[0]), jnp.hypot(z[0], z[1]))

    def direct(z):
        k, phase = jnp.asarray([0.5, 0.9]), jnp.asarray([1.3, -0.4])
        return dihedral_energy(z[0], z[1], k, phase)

    assert float(direct(jnp.zeros(2))) == pytest.approx(1.4)
    gradient = jax.jit(jax.grad(direct))
    sizes = jnp.asarray([0.0, 1e-6, 1e-3, 0.03, 0.1, 0.19])
    gradients = [jnp.linalg.norm(gradient(size * jnp.asarray([0.6, 0.8]))) for size in sizes]
    assert all(bool(jnp.isfinite(g)) and float(g) < 40 for g in gradients)
    assert float(gradients[2]) < 0.1 * float(gradients[4])
    assert float(direct(jnp.asarray([0.3, 0.4]))) == pytest.approx(float(energy(jnp.asarray([0.3, 0.4]))), rel=1e-5)
