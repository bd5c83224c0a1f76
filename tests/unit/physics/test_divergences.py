"""Divergences against limits and closed forms; cannot tell whether the right data are compared."""

import numpy as np
import pytest

from cgpipe.physics.divergences import bin_counts, bin_edges, jensen_shannon, joined_bins, wasserstein


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


def test_js_of_an_empty_histogram_is_nan():
    """Detects an empty ensemble that passes as perfect agreement."""
    empty, full = np.zeros(3), np.ones(3)
    assert np.isnan(jensen_shannon(empty, full))


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


def test_bins_that_hold_little_are_joined():
    """Detects samples that are lost, bins left with too few, and an outermost bin that hides what is new."""
    counts = np.array([0.0, 0, 1, 1, 8, 9, 0, 2, 1, 0])
    wider = joined_bins(counts, 5.0)
    assert wider.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 3]
    assert joined_bins(np.array([3.0, 4.0]), 100.0).tolist() == [0, 0]
