"""Frames chosen to differ."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cgpipe.physics.spread import spread_out


def test_every_kind_of_frame_is_found():
    """Detects a choice at random: of 5 kinds, one of which has 3 of 1,000 frames, each is chosen once."""
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(5), [400, 300, 200, 97, 3])
    shapes = random.normal(scale=5.0, size=(5, 8, 3))
    R = shapes[kinds] + random.normal(scale=0.1, size=(1000, 8, 3))
    chosen = spread_out(R, np.zeros(1000, int), np.arange(1000), 5, 1)
    assert sorted(kinds[chosen].tolist()) == [0, 1, 2, 3, 4]


@given(st.integers(1, 60), st.integers(1, 3), st.integers(1, 30), st.integers(1, 12))
def test_chosen_frames_are_apart_in_time(frames, trajectories, count, apart):
    """No frame twice, never nearer than asked for, and as many as wanted unless none is left."""
    random = np.random.default_rng(frames)
    R = random.normal(size=(frames, 4, 3))
    taken_from, time = np.sort(random.integers(0, trajectories, frames)), np.arange(frames)
    chosen = spread_out(R, taken_from, time, count, apart)
    assert len(set(chosen)) == len(chosen) <= count
    near = (taken_from[:, None] == taken_from[chosen]) & (np.abs(time[:, None] - time[chosen]) < apart)
    assert np.all(near[chosen].sum(axis=1) == 1)
    assert len(chosen) == count or near.any(axis=1).all()
