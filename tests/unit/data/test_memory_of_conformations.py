"""Lengths of blocks follow from how long made-up chains remember their conformation."""

import numpy as np
import pytest

from cgpipe.data.conformations import conformations, nearness, unlikeness
from cgpipe.data.memory import block_lengths, conformation_memory
from cgpipe.data.splits import SPLITS


def remembering(memory, frames, runs=2, seed=0):
    """Chains whose distances remember for so many frames: integrated autocorrelation time (1 + φ)/(1 − φ)."""
    random = np.random.default_rng(seed)
    keep = (memory - 1) / (memory + 1)
    noise = random.normal(size=(frames, runs, 6, 3))
    for t in range(1, frames):
        noise[t] = keep * noise[t - 1] + np.sqrt(1 - keep**2) * noise[t]
    start = np.arange(6)[:, None] * np.array([3.8, 0, 0])
    R = (start + 0.1 * noise).swapaxes(0, 1).reshape(-1, 6, 3)
    return R, np.repeat(np.arange(runs), frames), np.tile(np.arange(frames), runs)


@pytest.mark.parametrize("memory", [8.0, 16.0, 32.0])
def test_blocks_are_as_long_as_the_memory_asks_for(memory):
    """Detects lengths that do not follow the memory: twice the memory, twice the block; cannot detect a memory that
    short runs do not show."""
    frames = 4000
    found = conformation_memory(*remembering(memory, frames))
    lengths = block_lengths(found, frames, None, None)
    assert found == pytest.approx(memory, rel=0.15)
    assert lengths.block == pytest.approx(5 * memory, rel=0.15)
    assert lengths.gap == pytest.approx(memory, rel=0.15, abs=1)
    assert lengths.independent


def test_runs_in_different_states_do_not_lengthen_blocks():
    """Detects differences between runs that count as memory inside them."""
    R, trajectory, frame = remembering(8.0, 2000)
    R[trajectory == 1] *= 2.0
    assert conformation_memory(R, trajectory, frame) == pytest.approx(8.0, rel=0.25)


def test_what_the_user_says_is_obeyed_and_short_runs_give_what_they_can():
    """Detects a number of the user that is changed, and blocks called independent that are not."""
    assert block_lengths(10.0, 1000, 25, 2)[1:] == (25, 2, False)
    assert block_lengths(10.0, 1000, 60, 10)[1:] == (60, 10, True)
    assert block_lengths(10.0, 1000, None, 40)[1:] == (81, 40, True)
    assert block_lengths(10.0, 1000, 16, None)[1:] == (16, 4, False)
    assert block_lengths(20.0, 200, None, None)[1:] == (40, 10, False)
    assert block_lengths(20.0, 3, None, None)[1:] == (1, 0, False)


def test_dRMS_is_that_of_the_distances():
    """Detects a wrong scale, against the formula; turning a frame must not change it."""
    random = np.random.default_rng(0)
    first, second = random.normal(scale=4.0, size=(2, 5, 3))
    pairs = np.triu_indices(5, 1)
    i, j = pairs
    differences = np.linalg.norm(first[i] - first[j], axis=1) - np.linalg.norm(second[i] - second[j], axis=1)
    turned = second[:, [1, 2, 0]] + 3.0
    found = unlikeness(*(conformations(one[None]) for one in (first, turned)))
    assert found[0, 0] == pytest.approx(np.sqrt(np.mean(np.square(differences))))


def test_test_frames_beside_training_frames_of_their_own_run_are_told_apart():
    """Detects a nearness that does not see how much nearer frames of the same run are, and numbers out of nothing."""
    R, trajectory, _ = remembering(200.0, 400)
    split = np.full(len(R), SPLITS["train"])
    split[100:110] = SPLITS["test"]
    found = nearness(R, split, trajectory)
    assert found["nearest"] < 0.8 * found["nearest_of_other_runs"]
    split[trajectory == 0] = SPLITS["test"]
    by_runs = nearness(R, split, trajectory)
    assert by_runs["nearest"] == by_runs["nearest_of_other_runs"] > 0
    split[:] = SPLITS["train"]
    assert nearness(R, split, trajectory) == {"nearest": None, "nearest_of_other_runs": None}
