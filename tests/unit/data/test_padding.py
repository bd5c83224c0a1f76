"""Bucket lengths against exhaustive search, and what padding holds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgpipe.data.padding import PARKED_AT, box_extent, choose_capacities, pad_beads, pad_frames, padding_waste


@given(
    st.lists(st.tuples(st.integers(2, 30), st.integers(1, 50)), min_size=1, max_size=7),
    st.integers(1, 4),
)
def test_no_choice_of_lengths_wastes_less(proteins, most):
    # detects a dynamic programme that is not optimal, or too many buckets
    beads, frames = zip(*proteins, strict=True)
    chosen = choose_capacities(beads, frames, most)
    assert len(chosen) <= most
    assert max(chosen) == max(beads)
    lengths = sorted(set(beads))
    for count in range(1, most + 1):
        for other in combinations(lengths, min(count, len(lengths))):
            if max(other) == max(beads):
                assert padding_waste(beads, frames, chosen) <= padding_waste(beads, frames, other) + 1e-12


@given(
    st.lists(st.tuples(st.integers(2, 300), st.integers(1, 50)), min_size=1, max_size=40),
    st.floats(0.0, 0.5),
)
def test_no_more_lengths_than_the_tolerated_waste_asks_for(proteins, tolerated):
    # detects one length too many, and a stop before the waste is tolerable
    beads, frames = zip(*proteins, strict=True)
    chosen = choose_capacities(beads, frames, len(beads), tolerated)
    assert padding_waste(beads, frames, chosen) <= tolerated + 1e-9
    if len(chosen) > 1:
        assert padding_waste(beads, frames, choose_capacities(beads, frames, len(chosen) - 1)) > tolerated - 1e-9
    assert all(any(length >= b for length in chosen) for b in beads)


def test_waste_is_a_share_of_slots():
    # one of 10 + 20 slots per pair of frames is padding
    assert padding_waste([9, 20], [1, 1], [10, 20]) == 1 / 30


def test_padding():
    # detects values that move, and fills that reach real rows
    values = np.arange(12.0).reshape(2, 2, 3)
    padded = pad_frames(values, 4, 7.0)
    assert np.array_equal(padded[:, :2], values)
    assert (padded[:, 2:] == 7.0).all()
    assert pad_beads(np.array([3, 4]), 4, -1).tolist() == [3, 4, -1, -1]


def test_parking_point_is_out_of_reach():
    # detects padded beads within the cutoff of a real one, or not at the agreed share of the box
    assert PARKED_AT * box_extent(20.0, 12.0) == pytest.approx(32.0)
