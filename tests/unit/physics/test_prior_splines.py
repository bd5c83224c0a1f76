"""Spline corrections: where they act, how smooth they are, and fits that need them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prior_toys import TYPES, topology, walk

from cgpipe.data.topology import Topology
from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.prior import Prior, Weights
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import Observed
from cgpipe.physics.prior.splines import around, between
from cgpipe.physics.prior.tabulated import tabulated
from cgpipe.units import thermal_energy

T = 320.0


def test_functions_vanish_at_both_ends_with_two_derivatives():
    """Detects a correction that tugs at the tail: value, slope or curvature at an end, or energy beyond."""
    with jax.enable_x64(True):
        ends = jnp.asarray([2.0, 3.0])
        values = lambda q: between(q, jnp.float64(2.0), jnp.float64(3.0), 6)  # noqa: E731 - its derivatives are taken
        for derivative in (values, jax.jacfwd(values), jax.jacfwd(jax.jacfwd(values))):
            np.testing.assert_allclose(jax.vmap(derivative)(ends), 0, atol=1e-9)
        np.testing.assert_array_equal(jax.vmap(values)(jnp.asarray([1.0, 1.99, 3.01, 9.0])), 0)
        assert float(values(jnp.float64(2.5)).sum()) == pytest.approx(1.0)


def test_functions_around_the_circle():
    """Detects a seam at ±π, and functions that do not add up to 1."""
    with jax.enable_x64(True):
        phi = jnp.linspace(-np.pi, np.pi, 50)
        np.testing.assert_allclose(around(phi, 9).sum(-1), 1, rtol=1e-12)
        np.testing.assert_allclose(around(phi[:1], 9), around(phi[-1:], 9), atol=1e-12)
        np.testing.assert_allclose(around(phi, 9), around(phi + 4 * np.pi, 9), atol=1e-9)


@pytest.fixture(scope="module")
def observed():
    """Random chains of three species with four sharp populations of every dihedral."""
    rng = np.random.default_rng(2)
    R = np.stack([walk(12, seed) for seed in range(400)])
    fields = topology(12)
    found = Observed(len(TYPES), 12.0).add(
        R, Topology(*(np.broadcast_to(f, (400, 12)) for f in fields)), np.full(400, T, np.float32)
    )
    sharp = rng.normal(np.asarray([-2.4, -1.0, 0.6, 2.0])[:, None], 0.2, (4, 30_000))
    found.dihedral[...] = np.histogram(sharp, np.linspace(-np.pi, np.pi, 121))[0]
    return found


def _divergence(prior: Prior, observed: Observed) -> float:
    table = tabulated(prior)["dihedral"]
    p = np.exp(-table.energies[0, 0] / thermal_energy(T))
    return float(jensen_shannon(p, observed.dihedral[0, 0].astype(float)))


def test_splines_follow_what_three_cosines_cannot(observed):
    """Detects corrections with a wrong sign, unit or place: the distribution of sharp dihedrals must come closer."""
    options = FitOptions()
    plain, splined = (
        fit_prior(observed, TYPES, 12.0, Weights(), options._replace(form=form)) for form in ("parametric", "spline")
    )
    assert plain.splines is None
    assert _divergence(splined, observed) < 0.02 < 0.1 < _divergence(plain, observed)
    again = Prior.from_json(splined.to_json())
    assert all((a == b).all() for a, b in zip(jax.tree.leaves(splined), jax.tree.leaves(again), strict=True))
    assert again.support == splined.support


@pytest.mark.parametrize("form", ["parametric", "spline"])
def test_every_term_of_every_species_pushes_back_half_as_far_beyond_the_data(observed, form):
    """Detects a tail that lets go: bonds, angles and pairs, up to 50 % beyond the data."""
    prior = fit_prior(observed, TYPES, 12.0, Weights(), FitOptions(form=form))
    first, second = (jnp.asarray(x.ravel()) for x in np.indices((len(TYPES), len(TYPES))))
    slope_r = jax.jit(
        jax.vmap(
            jax.vmap(jax.grad(lambda r, *pair: prior.bond_at(r[None], tuple(pair))[0]), (0, None, None)), (None, 0, 0)
        )
    )
    short, long = prior.bond_limits
    pairs = first[:, None], second[:, None]
    assert bool((slope_r(jnp.linspace(0.5 * short, short, 20), *pairs) < 0).all())
    assert bool((slope_r(jnp.linspace(long, 1.5 * long, 20), *pairs) > 0).all())
    species = jnp.arange(len(TYPES))[:, None]
    slope = jax.jit(jax.vmap(jax.vmap(jax.grad(lambda c, s: prior.angle_at(c[None], s)[0]), (0, None))))
    shares = jnp.linspace(0.0, 1.0, 20)
    below = prior.angle_lower[:, None] * (1 - 0.5 * shares)
    above = jnp.minimum(prior.angle_upper[:, None] * (1 + 0.5 * shares), np.pi)
    assert bool((slope(jnp.cos(below), species) > 0).all())
    assert bool((slope(jnp.cos(above), species) < 0).all())
    for sigma, epsilon, reach in (
        (prior.repulsion_sigma, prior.repulsion_epsilon, prior.repulsion_range),
        *((sigma, prior.excluded_epsilon, prior.excluded_range) for sigma in prior.excluded_sigma),
    ):
        r = sigma.ravel()[:, None] * jnp.linspace(0.5, 1.0, 10)
        sigmas = jnp.broadcast_to(sigma.ravel()[:, None], r.shape)
        energy = lambda r, s=sigmas, e=epsilon, x=reach: prior._repulsion(r, e, s, x).sum()  # noqa: E731 - differentiated
        assert bool((jax.grad(energy)(r) < 0).all())
