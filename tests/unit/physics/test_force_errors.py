"""Force metrics against their definitions on made-up forces; says nothing about a model's quality."""

import numpy as np
import pytest

from cgpipe.physics.force_errors import force_metrics, force_sums, paired_metrics, r_squared, rmse, slope
from cgpipe.physics.statistics import resampling


def forces(seed: int, frames: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 5, 3)).astype(np.float32)


def blocks(frames: int = 60, length: int = 6) -> np.ndarray:
    return np.arange(frames) // length


def test_definitions():
    """Detects a wrong denominator, mean or orientation of the slope."""
    F, P = forces(0) * 3, forces(1)
    sums = force_sums(F, P, blocks())
    assert rmse(sums) == pytest.approx(np.sqrt(np.mean((F - P) ** 2)), rel=1e-5)
    assert r_squared(sums) == pytest.approx(1 - np.sum((F - P) ** 2) / np.sum(F**2), rel=1e-5)
    assert slope(sums) == pytest.approx(np.polyfit(P.ravel(), F.ravel(), 1)[0], abs=0.02)


def test_perfect_zero_and_doubled_predictions():
    """Detects a score that does not put perfect at 1 and no force at exactly 0."""
    F = forces(0)
    assert r_squared(force_sums(F, F, blocks())) == pytest.approx(1.0)
    assert r_squared(force_sums(F, 0 * F, blocks())) == 0.0
    assert np.isnan(slope(force_sums(F, 0 * F, blocks())))
    assert slope(force_sums(F, 2 * F, blocks())) == pytest.approx(0.5)


def test_noise_lowers_r2_but_not_the_slope():
    """Detects a slope of prediction on reference, which noise on the labels would bend towards R²."""
    mean = forces(0, 6000)
    noisy = mean + forces(1, 6000)
    sums = force_sums(noisy, mean, blocks(6000))
    assert r_squared(sums) == pytest.approx(0.5, abs=0.02)
    assert slope(sums) == pytest.approx(1.0, abs=0.02)


def test_metrics_are_null_where_they_do_not_exist():
    """Detects NaN in numbers that go to JSON, and an interval from a single block."""
    F = forces(0)
    weights = resampling(np.random.default_rng(0), 10, 50)
    flat = force_metrics(force_sums(F, 0 * F, blocks()), weights, "zero")
    assert flat["zero_slope"] is None and flat["zero_slope_interval"] is None
    assert flat["zero_r2_interval"] == (0.0, 0.0)
    single = force_metrics(force_sums(F, F, 0 * blocks()), np.ones((50, 1), dtype=np.int64), "one")
    assert single["one_r2"] == pytest.approx(1.0) and single["one_r2_interval"] is None


def test_paired_gain_is_far_tighter_than_the_metrics_themselves():
    """Detects unpaired draws: the noise that both models share must cancel from their difference."""
    generator = np.random.default_rng(6)
    scale = np.repeat(generator.uniform(0.2, 5.0, 40), 6)[:, None, None]
    F = (generator.normal(size=(240, 5, 3)) * scale).astype(np.float32)
    weights = resampling(generator, 40, 400)
    good, bad = (force_sums(F, (share * F).astype(np.float32), blocks(240)) for share in (0.5, 0.4))
    gain = paired_metrics(good, bad, weights)
    assert gain["r2_gain"] == pytest.approx(0.75 - 0.64, abs=1e-6)
    assert gain["r2_gain_interval"][1] - gain["r2_gain_interval"][0] < 1e-6
    assert gain["r2_beyond"] == pytest.approx(1 - 0.25 / 0.36, abs=1e-6)
    assert gain["rmse_gain"] > 0
    width = np.diff(force_metrics(good, weights, "m")["m_rmse_interval"])[0]
    assert width > 0.1


def test_forces_that_are_not_finite_are_refused():
    """Detects NaN averaged away."""
    F = forces(0)
    P = F.copy()
    P[3, 1, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        force_sums(F, P, blocks())
