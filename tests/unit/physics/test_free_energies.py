"""Free energies of states and of the fold where the answer is known; coverage of intervals is in the oracle's tests."""

import numpy as np
import pytest
from made_up_ensembles import switching

from cgpipe.physics.divergence_estimates import Binned
from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.free_energies import difference, equal_levels, own_differences, squared_difference
from cgpipe.physics.two_states import TwoStates, fold_free_energy, free_energy, minus


def states(numbers: np.ndarray) -> Binned:
    """Runs × frames of numbers of states."""
    runs, frames = numbers.shape
    run, time = np.repeat(np.arange(runs), frames), np.tile(np.arange(frames), runs)
    return Binned(numbers.reshape(-1, 1).astype(int), run, time, numbers.reshape(1, -1).astype(float))


def test_half_a_kt_in_each_of_two_states_is_a_kt_between_them():
    """Detects another unit, and a square that is not the divergence's near zero: JS 0.02 is 0.33 kT in each state."""
    measure = squared_difference(0.0)
    share = 1 / (1 + np.exp(-1.0))
    p, q = np.array([0.5, 0.5]), np.array([share, 1 - share])
    assert float(np.sqrt(measure.of(p, q))) == pytest.approx(0.5, abs=0.02)
    near = np.array([0.48, 0.52])
    assert float(measure.of(p, near)) == pytest.approx(8 * np.log(2) * float(jensen_shannon(p, near)), rel=1e-3)
    assert float(measure.of(10 * p, 3 * q)) == pytest.approx(float(measure.of(q, p)))


def test_a_difference_is_found_without_its_bias():
    """Detects a plain estimate, which calls samples of one ensemble different, and an interval without the truth."""
    random = np.random.default_rng(0)
    same, apart = [], []
    for _ in range(20):
        one, other, third = (switching(random, 4, 300, 5.0, share) for share in (0.5, 0.5, 0.8))
        same.append(difference(states(one), states(other), 2).value ** 2)
        apart.append(difference(states(one), states(third), 2).value)
    truth = float(np.sqrt(squared_difference(0.0).of(np.array([0.5, 0.5]), np.array([0.2, 0.8]))))
    assert np.mean(same) < 0.02 and np.mean(apart) == pytest.approx(truth, abs=0.06)


def test_a_state_that_nobody_visits_gives_a_bound():
    """Detects an infinite free energy, and an upper end of what nobody knows."""
    random = np.random.default_rng(5)
    found = difference(states(random.integers(0, 4, (4, 400))), states(random.integers(0, 2, (4, 400))), 4)
    assert found.unvisited == 2 and 1.0 < found.value < 5.0
    assert found.interval is not None and found.interval[1] is None and found.interval[0] > 0.5


def test_runs_in_different_states_differ_among_themselves():
    """Detects a reference that counts as agreeing with itself although its runs have not met."""
    random = np.random.default_rng(1)
    halves, runs = own_differences(states(np.repeat([[0], [1], [0], [1]], 400, axis=1)), 2, random)
    assert halves == pytest.approx(0.0, abs=1e-6) and runs is not None and runs > 0.5


def test_levels_are_filled_equally():
    """Detects states of equal width, and more of them than independent frames allow."""
    values = [np.random.default_rng(2).normal(size=(1000, 1)) ** 3]
    borders = equal_levels(values, 1000.0)
    assert len(borders) == 9
    np.testing.assert_allclose(np.bincount(np.searchsorted(borders, values[0].ravel())), 100, atol=1)
    assert len(equal_levels(values, 12.0)) == 3


def test_the_folding_free_energy_is_that_of_the_shares():
    """Detects a sign: folded is more frequent, so ΔG is negative; and an interval that misses it here."""
    random = np.random.default_rng(3)
    found = fold_free_energy(list(0.3 + 0.5 * switching(random, 6, 500, 9.0, 0.8)))
    assert found.value == pytest.approx(-np.log(0.8 / 0.2), abs=0.4) and found.missing is None
    assert found.interval is not None and found.interval[0] < -np.log(4.0) < found.interval[1]


@pytest.mark.parametrize(("contacts", "end"), [(0.1, 1), (0.9, 0)])
def test_a_state_never_seen_is_a_bound_and_no_infinity(contacts: float, end: int):
    """Detects infinities, and a bound from frames: thousands that remember one another prove no more than 8 runs."""
    random = np.random.default_rng(4)
    found = fold_free_energy(list(contacts + 0.01 * random.normal(size=(8, 500))))
    assert found.value is None and "never seen, 8 runs as trials" in str(found.missing)
    assert found.interval is not None and found.interval[end] is None
    assert abs(float(found.interval[1 - end] or 0)) == pytest.approx(0.73, abs=0.01)


def test_differences_combine_both_intervals():
    """Detects the simulation's interval alone, and bounds that get lost or reversed."""
    one, other = TwoStates(0.3, 1.0, (0.7, 1.4), None), TwoStates(0.5, 0.0, (-0.4, 0.3), None)
    found = minus(one, other)
    assert found.value == 1.0
    assert found.interval == pytest.approx((1 - np.hypot(0.3, 0.3), 1 + np.hypot(0.4, 0.4)))
    never = TwoStates(0.0, None, (2.0, None), "never seen")
    assert minus(never, other).interval == pytest.approx((1.7, None)) and minus(never, other).missing == "never seen"
    assert minus(other, never).interval == pytest.approx((None, -1.7))
    assert minus(never, never).interval is None
    assert free_energy(0.5) == 0.0
