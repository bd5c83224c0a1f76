"""The fits recover parameters from samples of known Boltzmann distributions, Jacobian included.

Samples come from closed forms or inverse cumulative sums, not from the code under test.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.physics.prior import Weights
from cgpipe.physics.prior.bond_fit import fit_bonds
from cgpipe.physics.prior.fit import FitOptions, contact_distances, fit_angles, fit_dihedrals, fit_prior
from cgpipe.physics.prior.observed import ANGLE_EDGES, BOND_EDGES, DIHEDRAL_EDGES, Observed, merged
from cgpipe.physics.prior.terms import fourier
from cgpipe.units import thermal_energy

KT = thermal_energy(320.0)


def _sample(grid, log_density, number, seed):
    """Independent samples of a density known on a fine grid."""
    weight = np.exp(log_density - log_density.max())
    below = np.cumsum(weight) / weight.sum()
    return np.interp(np.random.default_rng(seed).uniform(size=number), below, grid)


def _counts(values, edges):
    return np.histogram(values, edges)[0][None]


def test_bond():
    """Detects a wrong kT, k instead of k/2, or a missing r²: that alone would shift r₀ by 2kT/(k r₀) = 0.033 Å here."""
    r = np.linspace(2.0, 6.0, 40001)
    r0, k = 3.8, 10.0
    values = _sample(r, 2 * np.log(r) - 0.5 * k * (r - r0) ** 2 / KT, 400_000, 0)
    fitted_r0, fitted_k = fit_bonds(_counts(values, BOND_EDGES), KT, shrinkage=1.0)
    assert fitted_r0[0] == pytest.approx(r0, abs=0.003)
    assert fitted_k[0] == pytest.approx(k, rel=0.01)
    assert np.mean(values) - r0 > 0.025


def test_angle():
    """Detects a missing sin θ (it would tilt U by kT ln sin θ, 0.4 kcal/mol and more), a wrong sign or scale."""
    theta = np.linspace(1e-3, np.pi - 1e-3, 40001)
    coefficients = np.array([2.0, -1.5, 1.0, 0.5])

    def energy(theta):
        return sum(c * b for c, b in zip(coefficients, np.asarray(_basis(theta)).T, strict=True))

    values = _sample(theta, np.log(np.sin(theta)) - energy(theta) / KT, 400_000, 1)
    fitted, lower, upper, _ = fit_angles(_counts(values, ANGLE_EDGES), KT, 4, pseudo_count=1.0, shrinkage=1.0)
    inside = np.linspace(lower[0] + 0.1, upper[0] - 0.1, 50)
    difference = _basis(inside) @ fitted[0] - energy(inside)
    assert np.ptp(difference) < 0.08
    assert np.ptp(KT * np.log(np.sin(inside))) > 0.4


def _basis(theta):
    return np.stack([np.cos(theta), np.sin(theta), np.cos(2 * theta), np.sin(2 * theta)], axis=-1)


def test_basis_of_this_test_is_the_terms_basis():
    """Detects that test_angle compares another series than the energy uses."""
    theta = np.linspace(0.5, 2.5, 9)
    np.testing.assert_allclose(fourier(jnp.asarray(theta), 4), _basis(theta), atol=1e-5)


def test_dihedral():
    """Detects wrong amplitudes, phases, or a Jacobian where there is none."""
    phi = np.linspace(-np.pi, np.pi, 40001)
    k, phase = np.array([0.47, 0.95]), np.array([1.376, -1.621])
    energy = sum(k[n] * (1 + np.cos((n + 1) * phi - phase[n])) for n in range(2))
    values = _sample(phi, -energy / KT, 400_000, 2)
    fitted_k, fitted_phase = fit_dihedrals(_counts(values, DIHEDRAL_EDGES)[None], KT, 2, 1.0, shrinkage=1.0)
    np.testing.assert_allclose(fitted_k[0, 0], k, rtol=0.03)
    np.testing.assert_allclose(fitted_phase[0, 0], phase, atol=0.03)


def test_dihedral_of_an_unseen_pair_is_that_of_its_first_species():
    """Detects a pair that falls back on all species together, or the wrong one of its two species being asked."""
    counts = np.zeros((2, 2, 120), np.int64)
    phi = 0.5 * (DIHEDRAL_EDGES[1:] + DIHEDRAL_EDGES[:-1])
    counts[0, 0], counts[1, 0] = (np.round(1e4 * np.exp(np.cos(phi - at))) for at in (1.0, -1.0))
    _, phase = fit_dihedrals(counts, KT, 1, 1.0, shrinkage=500.0)
    opposite = np.exp(1j * phase[..., 0])
    np.testing.assert_allclose(np.angle(-opposite), [[1.0, 1.0], [-1.0, -1.0]], atol=0.01)


def test_shrinkage_goes_from_the_global_fit_to_the_own_one():
    """Detects a rare species that is fitted to its few samples, and a common one that is not fitted to its many."""
    rng = np.random.default_rng(3)
    common, rare = (np.histogram(rng.normal(m, 0.06, n), BOND_EDGES)[0] for m, n in ((3.80, 100_000), (3.90, 20)))
    r0, _ = fit_bonds(np.stack([common, rare, 0 * rare]), KT, shrinkage=500.0)
    assert r0[0] == pytest.approx(3.80, abs=0.002)
    assert r0[1] == pytest.approx(3.80 + 0.1 * 20 / 520, abs=0.003)
    assert r0[2] == pytest.approx(3.80, abs=0.002)


def test_contact_distance_is_the_percentile():
    """Detects a wrong percentile, a pair far apart being taken for a large one, and an unseen kind without a value."""
    edges = np.linspace(0, 12, 601)
    rng = np.random.default_rng(4)
    counts = np.zeros((5, 2, 2, 600), np.int64)
    counts[0, 0, 0] = np.histogram(rng.uniform(4.0, 8.0, 100_000), edges)[0]
    counts[0, 1, 1] = np.histogram(rng.uniform(10.0, 11.0, 100_000), edges)[0]
    sigma = contact_distances(counts, edges, 1.0, 500.0)
    everything = 4.0 + 0.02 * 4.0
    assert sigma[0, 0, 1] == pytest.approx(everything, abs=0.03)
    assert sigma[0, 0, 0] == pytest.approx(4.04, abs=0.03)
    assert sigma[0, 1, 1] == pytest.approx(1.1 * everything, abs=0.05)
    np.testing.assert_array_equal(sigma[4], sigma[0])


def _chain(frames, beads, residue=None):
    rows = np.arange(beads, dtype=np.int32) if residue is None else np.asarray(residue, np.int32)
    fields = (np.zeros(beads, np.int32), np.zeros(beads, np.int32), rows, np.ones(beads, bool))
    return Topology(*(np.broadcast_to(field, (frames, beads)) for field in fields))


def _frames(frames, beads, seed):
    rng = np.random.default_rng(seed)
    step = rng.normal(size=(frames, beads, 3))
    step *= rng.uniform(3.6, 4.0, (frames, beads, 1)) / np.linalg.norm(step, axis=-1, keepdims=True)
    return np.cumsum(step, axis=1).astype(np.float32)


def test_histograms_hold_every_sample_once():
    """Detects lost or doubled samples across chunks, merging, and padding that is counted."""
    R, chain = _frames(300, 9, 5), _chain(300, 9)
    masked = chain._replace(mask=np.broadcast_to(np.arange(9) < 8, (300, 9)))
    T = np.linspace(300, 340, 300).astype(np.float32)
    whole = Observed(2, 40.0).add(R, chain, T)
    parts = merged(
        [Observed(2, 40.0).add(R[s], Topology(*(f[s] for f in chain)), T[s]) for s in (slice(99), slice(99, None))]
    )
    assert (whole.bond.sum(), whole.angle.sum(), whole.dihedral.sum()) == (300 * 8, 300 * 7, 300 * 6)
    assert whole.pair.sum(axis=(1, 2, 3)).tolist() == [2 * 300 * n for n in (7, 6, 5, 4, 6)]
    assert whole.temperature == pytest.approx(320.0) and parts.temperature == pytest.approx(320.0)
    for table in ("bond", "angle", "dihedral", "pair"):
        np.testing.assert_array_equal(getattr(whole, table), getattr(parts, table))
    assert Observed(2, 40.0).add(R, masked, T).bond.sum() == 300 * 7


def test_broken_molecules_are_refused():
    """Detects that a trajectory cut by its periodic box is fitted as if it were whole."""
    R = _frames(4, 6, 6)
    R[2, 3:] += 30.0
    with pytest.raises(UserError, match="is the trajectory whole"):
        Observed(1, 12.0).add(R, _chain(4, 6), np.full(4, 300.0, np.float32))


def test_chains_too_short_for_a_fit_are_refused():
    """Detects a fit to nothing."""
    observed = Observed(1, 12.0).add(_frames(4, 3, 7), _chain(4, 3), np.full(4, 300.0, np.float32))
    with pytest.raises(UserError, match="no dihedral in the training data"):
        fit_prior(observed, ("X",), 12.0, Weights(), FitOptions())


def test_repulsion_is_contact_energy_at_the_percentile():
    """Detects an ε or σ that does not give the energy asked for at the distance asked for."""
    T = np.full(400, 320.0, np.float32)
    observed = Observed(1, 12.0).add(_frames(400, 16, 8), _chain(400, 16), T)
    prior = fit_prior(observed, ("X",), 12.0, Weights(), FitOptions(contact_energy=3.0, contact_percentile=2.0))
    counts = observed.pair[-1].sum((0, 1))
    share = counts[observed.pair_edges[1:] <= float(prior.repulsion_sigma[0, 0]) + 0.01].sum() / counts.sum()
    assert share == pytest.approx(0.02, abs=0.003)
    assert float(prior.repulsion_epsilon) == pytest.approx(3.0 * KT, rel=1e-5)
