"""Statistics against limits, closed forms and known coverage; cannot tell whether the right data are compared."""

import numpy as np
import pytest

from cgpipe.physics.statistics import (
    between_units_js,
    bin_counts,
    bin_edges,
    interval,
    jensen_shannon,
    js_interval,
    resampling,
    split_half_js,
    wasserstein,
)


def test_js_is_zero_for_equal_and_one_for_disjoint_histograms():
    """Detects a wrong base, normalisation or a square root."""
    p, q = np.array([2.0, 6.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    assert jensen_shannon(p, 3 * p) == pytest.approx(0.0, abs=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(1.0)


def test_js_of_two_bins_follows_the_formula():
    """Detects swapped or missing terms: JS((1,0), (½,½)) = 1.5 − ¾ log₂ 3."""
    value = jensen_shannon(np.array([1.0, 0.0]), np.array([5.0, 5.0]))
    expected = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)) - 0.5
    assert value == pytest.approx(expected)


def test_js_of_an_empty_histogram_is_nan_and_its_split_is_none():
    """Detects an empty ensemble that passes as perfect agreement."""
    empty, full = np.zeros(3), np.ones(3)
    assert np.isnan(jensen_shannon(empty, full))
    assert split_half_js(empty, full) is None


def test_values_far_outside_stay_disjoint_from_the_reference():
    """Detects bins stretched by a simulation that flew apart."""
    reference = np.random.default_rng(0).normal(3.8, 0.06, 2000)
    edges = bin_edges(reference, 60, None)
    assert jensen_shannon(bin_counts(reference, edges), bin_counts(np.full(500, 400.0), edges)) == pytest.approx(1.0)


def test_values_that_are_not_finite_are_refused():
    """Detects NaN dropped in silence."""
    with pytest.raises(ValueError, match="finite"):
        bin_counts(np.array([1.0, np.nan]), np.linspace(0, 2, 5))
    with pytest.raises(ValueError, match="finite"):
        bin_edges(np.array([np.inf, 1.0]), 5, None)


def test_constant_reference_still_has_bins():
    """Detects bins of width zero."""
    edges = bin_edges(np.full(10, 2.0), 4, None)
    assert bin_counts(np.full(10, 2.0), edges).sum() == 10 and np.all(np.diff(edges) > 0)


def test_wasserstein_of_a_shift_is_the_shift_also_around_the_circle():
    """Detects wrong units, and a circle that is cut open at ±180°."""
    generator = np.random.default_rng(1)
    sample = generator.normal(0.0, 10.0, 4000)
    edges = bin_edges(sample, 360, 360.0)
    assert wasserstein(sample, sample + 30.0, edges, None) == pytest.approx(30.0)
    there, here = (sample + 170.0 + 180) % 360 - 180, (sample + 200.0 + 180) % 360 - 180
    assert wasserstein(there, here, edges, 360.0) == pytest.approx(30.0, abs=1.0)


def test_bootstrap_of_blocks_covers_the_true_mean():
    """Detects units drawn too seldom or an interval of the wrong level: 95 % intervals of 40 units cover 88…99 %."""
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        units = generator.normal(size=40)
        weights = resampling(generator, 40, 400)
        low, high = interval(weights @ units / 40)
        covered += low < 0 < high
    assert 0.88 < covered / 300 < 0.99


def test_resampling_draws_as_many_units_as_there_are():
    """Detects bootstrap samples of another size."""
    weights = resampling(np.random.default_rng(3), 7, 50)
    assert weights.shape == (50, 7) and np.all(weights.sum(axis=1) == 7) and np.any(weights == 0)


def test_interval_needs_finite_values():
    """Detects an interval made of NaN."""
    assert interval(np.full(10, np.nan)) is None
    assert interval(np.array([1.0, 1.0, 1.0, np.nan])) == (1.0, 1.0)


def test_js_interval_needs_two_units_and_shrinks_for_equal_ones():
    """Detects an interval from a single replica, which knows nothing of the spread."""
    generator = np.random.default_rng(4)
    reference = np.array([4.0, 4.0, 2.0])
    assert js_interval(reference, np.array([[1.0, 2.0, 3.0]]), generator, 50) is None
    low, high = js_interval(reference, np.array([[1.0, 2.0, 3.0]] * 3), generator, 50)
    assert low == pytest.approx(high) and low > 0


def test_between_units_sees_what_halves_in_time_cannot():
    """Detects groups that are not made of whole units: runs in different states disagree, equal runs do not."""
    generator = np.random.default_rng(5)
    different = np.array([[10.0, 0.0], [0.0, 10.0]])
    assert between_units_js(different, generator) == pytest.approx(1.0)
    assert between_units_js(np.array([[5.0, 5.0]] * 3), generator) == pytest.approx(0.0, abs=1e-12)
    assert between_units_js(np.array([[5.0, 5.0]]), generator) is None
    assert 0 < between_units_js(np.array([[5.0, 5.0]] * 15 + [[9.0, 1.0]]), generator) < 0.1
