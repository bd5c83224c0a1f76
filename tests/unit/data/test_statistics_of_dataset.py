"""Streamed statistics of a dataset against numbers over all of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgpipe.data import statistics
from cgpipe.data.statistics import Moments, neighbour_counts


def test_neighbours_of_a_lattice(monkeypatch):
    # detects counting of the bead itself, the cutoff's side, and blocks of frames that are lost
    monkeypatch.setattr(statistics, "COORDINATES", 8)  # two frames at a time
    line = np.stack([np.arange(4) * 3.8, np.zeros(4), np.zeros(4)], axis=-1)
    R = np.stack([line * scale for scale in (1.0, 2.0, 4.0)])
    assert neighbour_counts(R, 8.0).tolist() == [[2, 3, 3, 2], [1, 2, 2, 1], [0, 0, 0, 0]]


def test_moments():
    # detects validation frames in the means, or the largest count taken from training frames only
    random = np.random.default_rng(0)
    R = random.normal(0, 6, (10, 6, 3)).astype(np.float32)
    F = random.normal(0, 9, (10, 6, 3)).astype(np.float32)
    R[9] /= 100
    train = np.arange(10) < 9
    moments = Moments()
    for rows in (slice(0, 4), slice(4, 10)):
        moments.add(F[rows], train[rows], neighbour_counts(R[rows], 8.0))
    assert moments.force_rms == pytest.approx(np.sqrt((F[:9].astype(float) ** 2).mean()))
    assert moments.mean_neighbours == pytest.approx(neighbour_counts(R[:9], 8.0).mean())
    assert moments.mean_neighbours < 4
    assert moments.max_neighbours == 5
    assert moments.max_slots == 8


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 5))
def test_neighbours_against_all_pairs(frames, beads, seed):
    # detects a pair that is left out or counted twice
    R = np.random.default_rng(seed).normal(0, 6, (frames, beads, 3)).astype(np.float32)
    distance = np.linalg.norm(R[:, :, None] - R[:, None], axis=-1)
    assert np.array_equal(neighbour_counts(R, 8.0), (distance < 8.0).sum(axis=-1) - 1)
