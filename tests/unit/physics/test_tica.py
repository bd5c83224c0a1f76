"""Slow coordinates of made-up dynamics whose slow direction is known; nothing here says that real proteins have one."""

import numpy as np
import pytest
from synthetic_program import chain_positions

from cgpipe.physics.tica import coverage, equal_states, fit_tica, free_energy_difference, landscape

BEADS = 8


def hinge(frames: int, seed: int, flip: float = 0.01) -> np.ndarray:
    """A chain that rarely opens and closes in the middle, with fast and larger motion of its last bead."""
    random = np.random.default_rng(seed)
    states = np.cumsum(random.random(frames) < flip) % 2
    R = np.repeat(chain_positions(BEADS)[None], frames, axis=0)
    R[:, BEADS // 2 :, 0] += 1.5 * states[:, None]
    R[:, -1] += random.normal(scale=3.0, size=(frames, 3))
    return R + random.normal(scale=0.1, size=R.shape)


def test_slow_is_found_although_fast_is_larger():
    """Detects PCA under the name of TICA: the first coordinate must follow the hinge, of known autocorrelation."""
    runs = [hinge(3000, seed) for seed in range(4)]
    tica = fit_tica(runs, lag=10)
    assert tica is not None
    first = tica.project(runs[0])[:, 0]
    states = np.cumsum(np.random.default_rng(0).random(3000) < 0.01) % 2
    assert abs(np.corrcoef(first, states)[0, 1]) > 0.95
    assert tica.eigenvalues[0] == pytest.approx((1 - 2 * 0.01) ** 10, abs=0.06)
    assert abs(tica.eigenvalues[1]) < 0.3
    everything = np.concatenate([tica.project(run) for run in runs])
    np.testing.assert_allclose(everything.std(axis=0), 1.0, atol=0.05)


def test_rotations_change_nothing():
    """Detects features that know how the molecule lies in space."""
    run = hinge(500, 1)
    tica = fit_tica([run], lag=5)
    assert tica is not None
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(tica.project(run @ turn + 7.0), tica.project(run), atol=1e-6)


def test_nothing_for_short_chains_and_short_trajectories():
    """Detects a fit to too little."""
    assert fit_tica([hinge(200, 0)[:, :4]], lag=5) is None
    assert fit_tica([hinge(5, 0)], lag=10) is None


def test_differences_of_landscapes():
    """Detects bins that lose what lies outside, a shift that is not taken off, and coverage the wrong way round."""
    points = np.random.default_rng(0).normal(size=(20000, 2))
    bins = landscape(points)
    p = bins.counts(points)
    assert p.sum() == len(points) and bins.counts(points + 100.0).sum() == len(points)
    assert free_energy_difference(p.ravel(), 3 * p.ravel(), 0.6) == pytest.approx(0.0, abs=1e-12)
    half = bins.counts(points[points[:, 0] > 0])
    assert coverage(half, p) == 1.0 and 0.45 < coverage(p, half) < 0.6
    assert coverage(0 * p, p) is None and free_energy_difference(p.ravel(), 0 * p.ravel(), 0.6) is None


def test_the_reference_fills_its_states_equally():
    """Detects states that are nearly empty, frames in none, too many for few frames, and a new region that hides."""
    random = np.random.default_rng(1)
    points = np.where(random.random((20000, 1)) < 0.8, 0.0, 5.0) + random.normal(size=(20000, 2))
    states = equal_states(points, 1e4)
    filled = np.bincount(states.of(points), minlength=states.number)
    assert states.number == 26 and filled[-1] == 0
    assert np.all(np.abs(filled[:-1] / len(points) - 1 / 25) < 0.002)
    assert np.all(states.of(points + 100.0) == states.number - 1)
    assert equal_states(points, 65.0).number - 1 == 6 and equal_states(points, 1.0).number - 1 == 4
