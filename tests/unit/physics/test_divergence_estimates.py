"""Divergences of samples from ensembles that are known; how often intervals hold them is in the oracle's tests."""

import numpy as np
import pytest
from made_up_ensembles import fading, switching

from cgpipe.physics.divergence_estimates import Binned, corrected, divergence, interval
from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.own_divergence import divided, own_divergences


def binned(numbers: np.ndarray) -> Binned:
    """Runs × frames of bin numbers as an ensemble with one position."""
    runs, frames = numbers.shape
    run, time = np.repeat(np.arange(runs), frames), np.tile(np.arange(frames), runs)
    return Binned(numbers.reshape(-1, 1), run, time, numbers.reshape(1, -1).astype(float))


@pytest.mark.parametrize("memory", [1.0, 9.0])
def test_the_bias_from_few_frames_is_taken_off(memory: float):
    """Detects a plain estimate, and a correction for independent frames where they remember."""
    random = np.random.default_rng(0)
    edges = np.array([-1.6, -1.0, -0.5, 0.0, 0.5, 1.0, 1.6])
    plain, found = [], []
    for _ in range(60):
        one, other = (binned(np.searchsorted(edges, fading(random, (4, 250), memory))) for _ in range(2))
        plain.append(float(jensen_shannon(*(np.bincount(x.bins.ravel(), minlength=8) / 1000 for x in (one, other)))))
        found.append(divergence(one, other, 8).value)
    assert np.mean(plain) > 0.8 * 2 * 7 / (8 * np.log(2) * 1000)
    assert abs(np.mean(found)) < 0.25 * np.mean(plain)


def test_units_of_unequal_size_are_weighted():
    """Detects a jackknife for equal units: JS of a fixed difference stays where units have any size."""
    random = np.random.default_rng(1)
    shares, sizes, found = np.array([0.2, 0.5, 0.3]), (400, 300, 50, 20, 10), []
    for _ in range(100):
        p, q = (np.array([random.multinomial(size, some) for size in sizes], float) for some in (shares, shares[::-1]))
        found.append(float(corrected(p, q)))
    truth = float(jensen_shannon(shares, shares[::-1]))
    assert np.mean(found) == pytest.approx(truth, abs=3 * np.std(found) / np.sqrt(100) + 2e-4)


def test_intervals_are_not_negative_and_hold_the_estimate():
    """Detects an end below zero, and equal histograms that are not certain of zero."""
    random = np.random.default_rng(2)
    p, q = (random.poisson(20.0, size=(6, 5)).astype(float) for _ in range(2))
    low, high = interval(p, q)
    assert low == 0 <= float(corrected(p, q)) < high or float(corrected(p, q)) < 0
    assert interval(np.ones((4, 3)), np.ones((5, 3))) == (0.0, 0.0)


def test_the_reference_is_uncertain_too():
    """Detects an interval that knows of the simulation's scatter alone."""
    random = np.random.default_rng(3)
    simulated = np.tile([500.0, 500.0], (4, 1))
    reference = np.stack(
        [share * np.array([1.0, 0.0]) + (1000 - share) * np.array([0.0, 1.0]) for share in random.uniform(200, 800, 4)]
    )
    low, high = interval(reference, simulated)
    assert high - low > 0.02


def test_runs_that_agree_have_no_divergence_of_their_own():
    """Detects sampling error taken for a difference, and a difference between runs taken off with it."""
    random = np.random.default_rng(4)
    same = [own_divergences(binned(switching(random, 4, 400, 3.0, 0.5).astype(int)), 2, random) for _ in range(20)]
    assert np.all(np.abs(np.mean(same, axis=0)) < 0.002)
    apart = np.repeat([0, 1, 0, 1], 400).reshape(4, 400)
    halves, between = own_divergences(binned(apart), 2, random)
    assert halves == pytest.approx(0.0, abs=1e-9) and between == pytest.approx(1 / 3)
    halves, between = own_divergences(binned(np.tile(np.arange(400) // 200, (4, 1))), 2, random)
    assert halves == pytest.approx(1.0) and between == pytest.approx(0.0, abs=1e-9)
    assert own_divergences(binned(apart[:1]), 2, random)[1] is None


def test_many_runs_are_divided_in_some_ways():
    """Detects all of the ways of dividing sixteen runs, and groups that are not whole runs."""
    runs = np.array([[5.0, 5.0]] * 15 + [[9.0, 1.0]])
    groups = np.array([[run < 8 for run in range(16)]], float)
    plain = float(jensen_shannon(runs[:8].sum(axis=0), runs[8:].sum(axis=0)))
    assert divided(list(runs[:, None]), groups) == pytest.approx(plain)
