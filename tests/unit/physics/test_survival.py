"""Survival bookkeeping against hand-made cases; cannot tell whether a death was recognised in the first place."""

import numpy as np
import pytest

from cgpipe.physics.survival import death_rate_bound, survival_curve


def test_runs_that_ended_alive_are_not_counted_as_dead():
    """Detects censored runs treated as deaths: 4 runs, one censored at 5, deaths at 2 and 8."""
    times, alive = survival_curve(np.array([2.0, 5.0, 8.0, 10.0]), np.array([True, False, True, False]))
    assert times.tolist() == [0.0, 2.0, 8.0, 10.0]
    assert alive == pytest.approx([1.0, 0.75, 0.375, 0.375])


def test_no_death_keeps_the_curve_at_one():
    """Detects a curve that ends before the runs do."""
    times, alive = survival_curve(np.array([10.0, 10.0]), np.array([False, False]))
    assert times.tolist() == [0.0, 10.0] and alive.tolist() == [1.0, 1.0]


def test_all_dead_at_once_is_zero_from_then_on():
    """Detects a last step that is missing."""
    times, alive = survival_curve(np.array([3.0, 3.0]), np.array([True, True]))
    assert times.tolist() == [0.0, 3.0] and alive.tolist() == [1.0, 0.0]


def test_rate_bound_is_the_rule_of_three_without_deaths():
    """Detects a wrong number of degrees of freedom: −ln 0.05 / T, and 4.744 / T after one death."""
    assert death_rate_bound(0, 800.0) == pytest.approx(2.9957 / 800, rel=1e-4)
    assert death_rate_bound(1, 1.0) == pytest.approx(4.7439, rel=1e-4)
    assert death_rate_bound(0, 0.0) is None
