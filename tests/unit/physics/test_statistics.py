"""Intervals of estimates: limits and degenerate cases; how often they hold the truth is in the oracle's tests."""

import numpy as np
import pytest

from cgpipe.physics.statistics import interval, resampling, share_interval


def test_resampling_draws_as_many_units_as_there_are():
    """Detects bootstrap samples of another size."""
    weights = resampling(np.random.default_rng(3), 7, 50)
    assert weights.shape == (50, 7) and np.all(weights.sum(axis=1) == 7) and np.any(weights == 0)


def test_the_interval_of_a_mean_is_students():
    """Detects a normal quantile, and a bootstrap whose scatter is not corrected for the number of units."""
    random = np.random.default_rng(0)
    units = random.normal(size=5)
    low, high = interval(units.mean(), resampling(random, 5, 40000) @ units / 5, 5)
    assert (high - low) / 2 == pytest.approx(2.776 * units.std(ddof=1) / np.sqrt(5), rel=0.02)
    assert (high + low) / 2 == pytest.approx(units.mean())


def test_interval_needs_finite_values_and_two_units():
    """Detects an interval made of NaN, and one from a single unit."""
    assert interval(1.0, np.full(10, np.nan), 5) is None and interval(np.nan, np.ones(10), 5) is None
    assert interval(1.0, np.array([1.0, 1.0, 1.0, np.nan]), 5) == (1.0, 1.0)
    assert interval(1.0, np.ones(10), 1) is None


def test_the_interval_of_a_share_stays_a_share():
    """Detects an interval beyond 0 or 1, and certainty from none or one visit."""
    everything = np.full(8, 10.0)
    low, high = share_interval(np.array([9.0, 10, 8, 10, 7, 10, 10, 9]), everything)
    assert 0.6 < low < 73 / 80 < high < 1.0
    assert share_interval(everything, everything) is None
    assert share_interval(np.array([10.0, 0, 10, 10, 10, 10, 10, 10]), everything) is None  # one visit
    assert share_interval(np.array([5.0]), everything[:1]) is None
