"""The ceiling of R², and intervals, where the truth is known. Labels are those of the molecule or made up here."""

import chain
import numpy as np
import pytest
from line import TOPOLOGY, projected

from cgpipe.physics.force_errors import force_metrics, force_sums, paired_metrics
from cgpipe.physics.noise_ceiling import ceiling_metrics, noise_ceiling
from cgpipe.physics.statistics import resampling


@pytest.mark.parametrize(("frames", "force_map"), [(1000, "optimal"), (4000, "optimal"), (4000, "slice")])
def test_the_ceiling_is_found_within_three_percent(frames: int, force_map: str):
    """|R²_max estimated − exact| ≤ 0.03. Detects noise taken for structure or the reverse, and a label not turned."""
    projection, mean = projected(frames, 2, force_map)
    exact = 1 - np.mean((projection.F - mean) ** 2) / np.mean(projection.F**2)
    run = projection.trajectory.astype(int)
    sums = noise_ceiling(projection.R, projection.F, TOPOLOGY, run, projection.frame, run)
    assert sums is not None
    flat, draws = ceiling_metrics(sums, resampling(np.random.default_rng(0), int(run.max()) + 1, 300))
    assert flat["force_r2_max"] == pytest.approx(exact, abs=0.03)
    assert flat["label_noise"] == pytest.approx(np.sqrt(np.mean((projection.F - mean) ** 2)), rel=0.05)
    low, high = flat["force_r2_max_interval"]
    assert low < flat["force_r2_max"] < high and draws.shape == (300,)


def test_few_frames_give_no_ceiling():
    """Detects an estimate from nothing."""
    projection, _ = projected(150, 0)
    assert noise_ceiling(projection.R, projection.F, TOPOLOGY, *[projection.frame.astype(int)] * 3) is None


def test_noise_that_lasts_within_a_trajectory_is_not_structure():
    """Pairs of one trajectory closer than the lag are left out: noise that is the same in neighbouring frames must not

    make the ceiling higher. Detects a lag that is ignored.
    """
    projection, mean = projected(1000, 3)
    noise = (projection.F - mean).astype(np.float64)
    frame = np.arange(len(noise)) // 2  # every frame twice in a row
    double = np.repeat(np.arange(0, 1000, 2), 2)
    R, F = projection.R[double], (mean + noise)[double].astype(np.float32)
    run = np.zeros(1000, int)
    sums = noise_ceiling(R, F, TOPOLOGY, run, frame, frame // 50)
    assert sums is not None
    exact = 1 - np.mean(noise[double] ** 2) / np.mean(F**2)
    flat, _ = ceiling_metrics(sums, np.ones((2, 10), int))
    assert flat["force_r2_max"] == pytest.approx(exact, abs=0.05)


def test_intervals_cover_the_truth():
    """In 400 repeated experiments of 40 blocks that share noise, 95 ± 4 % of the intervals hold the

    population's value: of R², of the slope, and of the gain over a worse model. Detects frames drawn instead of blocks
    (covers far less), one-sided intervals and a gain that is not paired.
    """
    random = np.random.default_rng(7)
    blocks, frames, signal, shared, own = 40, 10, 3.0, 2.5, 1.0
    total = signal**2 + shared**2 + own**2
    truth = {"r2": signal**2 / total, "slope": 1.0, "gain": 0.25 * signal**2 / total}
    block_of = np.repeat(np.arange(blocks), frames)
    covered, trials, naive = dict.fromkeys(truth, 0), 400, 0
    for _ in range(trials):
        mean = random.normal(scale=signal, size=(blocks * frames, 2, 3))
        noise = np.repeat(random.normal(scale=shared, size=(blocks, 2, 3)), frames, axis=0)
        F = mean + noise + random.normal(scale=own, size=mean.shape)
        weights = resampling(random, blocks, 400)
        sums, worse = (force_sums(F, P, block_of) for P in (mean, 0.5 * mean))
        flat = force_metrics(sums, weights, "m") | paired_metrics(sums, worse, weights)
        for name, key in {"r2": "m_r2", "slope": "m_slope", "gain": "r2_gain"}.items():
            low, high = flat[f"{key}_interval"]
            covered[name] += low <= truth[name] <= high
        single = force_sums(F, mean, np.arange(len(F)))
        low, high = force_metrics(single, resampling(random, len(F), 100), "m")["m_r2_interval"]
        naive += low <= truth["r2"] <= high
    for name, count in covered.items():
        assert 0.91 <= count / trials <= 0.99, name
    assert naive / trials < 0.8


def test_the_mean_force_set_of_the_oracle_is_scored_one():
    """A model that is the mean force reaches R² = R²_max and a slope of 1. Detects a ceiling that models break."""
    projection, mean = projected(4000, 2)
    weights = resampling(np.random.default_rng(0), 16, 300)
    flat = force_metrics(force_sums(projection.F, mean, projection.trajectory.astype(int)), weights, "m")
    assert flat["m_slope"] == pytest.approx(1.0, abs=0.02)
    assert flat["m_r2"] == pytest.approx(1 - chain.noise_variance() / np.mean(projection.F**2), abs=0.01)
