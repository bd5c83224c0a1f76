"""Comparisons of ensembles on made-up runs with known differences; the figures' curves are only checked for area."""

import numpy as np
import pytest

from cgpipe.physics.ensembles import Quantity, compare, halves_in_time

ANGLE = Quantity("turn", "turn", "°", lambda R: R[:, :, 0], period=360.0)
LENGTH = Quantity("x", "x", "Å", lambda R: R[:, :, 0])


def run(seed: int, mean: float = 0.0, frames: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(loc=mean, size=(frames, 2, 3))


def compared(quantity: Quantity, reference: list[np.ndarray], simulated: list[np.ndarray]) -> tuple[dict, dict]:
    return compare(quantity, reference, simulated, 40, np.random.default_rng(0))


def test_the_same_ensemble_is_as_far_off_as_the_halves():
    """Detects simulation and reference measured or binned differently."""
    flat, curves = compared(LENGTH, [run(0), run(1)], [run(2), run(3)])
    for name in ("js_x", "js_x_split_half", "js_x_between"):
        assert abs(flat[name]) < 0.01, name
    low, high = flat["js_x_interval"]
    assert low == 0 < high < 0.02 and flat["js_x_interval_missing"] is None
    for density in (curves["reference"], curves["simulated"], *curves["halves"]):
        assert np.sum(np.array(density) * np.diff(curves["edges"])) == pytest.approx(1.0, abs=1e-4)


def test_a_shift_shows_in_every_number():
    """Detects a comparison that mixes up who is who, or the unit of W1."""
    flat, curves = compared(LENGTH, [run(0), run(1)], [run(2, 2.0), run(3, 2.0)])
    assert flat["js_x"] > 0.3 and flat["w1_x"] == pytest.approx(2.0, abs=0.15)
    assert flat["x_mean"] - flat["x_reference_mean"] == pytest.approx(2.0, abs=0.15)
    assert all(value > 0.3 for value in curves["js_by_position"])


def test_trajectories_in_different_states_agree_by_halves_but_not_between():
    """Detects a reference that is called converged although its trajectories never met."""
    flat, _ = compared(LENGTH, [run(0, -3.0), run(1, 3.0)], [run(2)])
    assert flat["js_x_split_half"] < 0.05 < 0.9 < flat["js_x_between"]
    # one run in each of two states: nothing is known of others
    assert flat["js_x_interval"] is None
    assert flat["js_x_interval_missing"] == "reference: 2 independent parts of 2 runs, 10 needed"


def test_a_trajectory_that_drifts_disagrees_by_halves():
    """Detects halves that are not taken in time."""
    drifting = np.concatenate([run(0, -3.0), run(1, 3.0)])
    assert compared(LENGTH, [drifting], [run(2)])[0]["js_x_split_half"] > 0.9
    first, second = halves_in_time([drifting, run(2, frames=3)])
    assert len(first) == 401 and len(second) == 402 and first.mean() < -2 < 2 < second.mean()


def test_no_simulated_frames_leave_only_the_reference():
    """Detects a number where nothing was compared."""
    flat, curves = compared(LENGTH, [run(0)], [run(1)[:0]])
    assert flat["js_x"] is None and flat["w1_x"] is None and curves["simulated"] is None
    assert flat["js_x_split_half"] is not None and flat["js_x_between"] is None


def test_periodic_quantities_have_no_mean():
    """Detects a mean of angles that depends on where the circle is cut."""
    flat, curves = compared(ANGLE, [run(0)], [run(1)])
    assert "turn_mean" not in flat and curves["edges"][0] == -180.0 and curves["edges"][-1] == 180.0
