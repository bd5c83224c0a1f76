"""Errors of mean forces from several runs, and the comparison of maps, on made-up samples of known errors."""

import numpy as np
import pytest

from cgpipe.physics.averages import average_runs, compare_maps

CONFIGURATIONS, RUNS, BLOCKS, BEADS = 40, 3, 10, 12
NOISE, SLOW = 2.0, 0.8


def made_up(slow: float, bias: float = 0.0, maps: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Block means with noise of their own and an offset of each run's; the second map is off by ``bias`` along the
    chain. Also the true mean forces and the positions of the beads."""
    random = np.random.default_rng(5)
    R = np.cumsum(random.normal(size=(CONFIGURATIONS, BEADS, 3)), axis=1)
    truth = random.normal(scale=9.0, size=(CONFIGURATIONS, 1, 1, 1, BEADS, 3))
    offset = random.normal(scale=slow, size=(CONFIGURATIONS, RUNS, 1, 1, BEADS, 3))
    noise = random.normal(scale=NOISE, size=(CONFIGURATIONS, RUNS, BLOCKS, maps, BEADS, 3))
    blocks = truth + offset + noise
    lines = np.diff(R, axis=1)
    blocks[:, :, :, 1, :-1] += bias * (lines / np.linalg.norm(lines, axis=-1, keepdims=True))[:, None, None]
    return blocks, truth[:, 0, 0, 0], R


@pytest.mark.parametrize("slow", [0.0, SLOW])
def test_errors_are_those_of_the_means(slow):
    """Detects a wrong number of blocks or runs in an error, and slow motions that are missed or made up."""
    blocks, truth, _ = made_up(slow)
    found = average_runs(blocks, np.ones((CONFIGURATIONS, RUNS, BEADS, 3)))
    assert np.sqrt(np.mean(found.se**2)) == pytest.approx(NOISE / np.sqrt(RUNS * BLOCKS), rel=0.05)
    assert found.slow_sd == pytest.approx(slow / np.sqrt(RUNS), abs=0.06)
    error = np.sqrt(np.mean((found.F[:, 0] - truth) ** 2))
    assert error == pytest.approx(np.sqrt(np.mean(found.se**2) + found.slow_sd**2), rel=0.06)
    assert np.sqrt(np.mean(found.sd**2)) == pytest.approx(np.sqrt(1.0 + slow**2), rel=0.05)


def test_maps_with_other_means_disagree():
    """Detects a bias along the bonds of a seventh of the noise, and alarm where there is none."""
    agreeing, _, R = made_up(SLOW)
    assert not any(one.disagrees for one in compare_maps(agreeing, R, ("first", "second")))
    biased, _, R = made_up(SLOW, bias=0.3)
    found = {one.apart: one for one in compare_maps(biased, R, ("first", "second"))}
    assert found[1].disagrees
    assert found[1].difference == pytest.approx(0.3, abs=4 * found[1].error)


def test_short_chains_are_compared_as_far_as_they_go():
    """A dipeptide has no bead two residues on."""
    blocks, _, R = made_up(SLOW)
    assert [one.apart for one in compare_maps(blocks[..., :2, :], R[:, :2], ("first", "second"))] == [1]


def test_a_map_is_not_compared_with_itself():
    """A projection by the uniform map: what differs by rounding only would be far apart in units of its error."""
    blocks, _, R = made_up(SLOW)
    blocks[:, :, :, 1] = blocks[:, :, :, 0] * (1.0 + 1e-15)
    assert compare_maps(blocks, R, ("uniform", "uniform")) == []
