"""The prior as a line in T: what it goes through, what is common to all temperatures, its file and its derivatives."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prior_toys import toy_prior

from cgpipe.errors import UserError
from cgpipe.physics.prior import ThermalPrior, prior_from_json
from cgpipe.physics.prior.thermal import COMMON, straight_line

TURN = 2 * np.pi


def changed(factor: float):
    """Springs, angles, dihedrals and repulsion that grow with temperature."""
    prior = jax.tree.map(lambda table: jnp.asarray(table, jnp.float32), toy_prior())
    names = ("bond_k", "angle_coefficients", "angle_wall", "dihedral_k", "repulsion_epsilon", "excluded_epsilon")
    grown = {name: factor * getattr(prior, name) for name in names}
    return dataclasses.replace(prior, **grown, dihedral_phase=prior.dihedral_phase + factor)


def test_line_goes_through_two_priors():
    """Detects swapped ends, averaged phases, and k r₀ that is taken for r₀."""
    fits = {300.0: changed(1.0), 350.0: changed(1.3)}
    line = straight_line(fits, {300.0: 10, 350.0: 1000})
    for kelvin, own in fits.items():
        found, expected = (
            dataclasses.replace(p, dihedral_phase=p.dihedral_phase % TURN) for p in (line.at(kelvin), own)
        )
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_line_through_three_priors_weighs_them_by_their_frames():
    """Springs of 100, 120, 200, the last without weight: the line through the first two. Detects a plain mean."""
    table = jnp.ones_like(changed(1.0).bond_k)
    fits = {
        t: dataclasses.replace(changed(1.0), bond_k=k * table) for t, k in ((300.0, 100), (310.0, 120), (320.0, 200))
    }
    line = straight_line(fits, {300.0: 10**9, 310.0: 10**9, 320.0: 1})
    np.testing.assert_allclose(line.at(305.0).bond_k, 110.0, rtol=1e-4)
    np.testing.assert_allclose(line.highest.bond_k, 140.0, rtol=1e-4)


def test_where_the_data_end_is_common():
    """Detects limits or σ that move with temperature, or are trained twice."""
    other = dataclasses.replace(changed(1.2), repulsion_sigma=2 * changed(1.0).repulsion_sigma)
    line = ThermalPrior(changed(1.0), other, (300.0, 400.0))
    for name in COMMON:
        np.testing.assert_array_equal(getattr(line.at(390.0), name), getattr(changed(1.0), name))
        assert not getattr(line.trainable().highest, name)


def test_file_gives_the_same_bits():
    """Detects an end or a temperature that is lost in JSON."""
    line = ThermalPrior(changed(1.0), changed(1.2), (300.0, 400.0))
    found = prior_from_json(json.loads(json.dumps(line.to_json())))
    assert found.temperatures == line.temperatures
    assert all(map(np.array_equal, jax.tree.leaves(found), jax.tree.leaves(line)))


def test_derivatives_of_dihedrals_without_a_phase_are_finite():
    """k = 0 at both ends has no phase; detects NaN in the gradient, which would end a training of the prior."""
    none = dataclasses.replace(changed(1.0), dihedral_k=0 * changed(1.0).dihedral_k)
    line = ThermalPrior(none, none, (300.0, 400.0))
    gradient = jax.grad(lambda line: sum(table.sum() for table in jax.tree.leaves(line.at(330.0))))(line)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_one_temperature_makes_no_line():
    """Detects a division by nothing."""
    with pytest.raises(UserError, match=r"all training frames are at 300 K, but model.temperature is input"):
        straight_line({300.0: changed(1.0)}, {300.0: 5})
