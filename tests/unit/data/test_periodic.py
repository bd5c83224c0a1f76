"""Molecules cut by periodic boundaries, made of random chains in random boxes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgpipe.data.readers.periodic import Whole
from cgpipe.errors import UserError


def chain(random, atoms, start):
    """A random walk of bonds of 1.5 Å."""
    steps = random.normal(size=(atoms, 3))
    steps *= 1.5 / np.linalg.norm(steps, axis=1, keepdims=True)
    return start + np.cumsum(steps, axis=0)


def boxes(random, frames):
    """Triclinic boxes of about 40 Å that breathe."""
    base = np.diag(random.uniform(35, 50, 3)) + np.tril(random.uniform(-12, 12, (3, 3)), -1)
    return base * random.uniform(0.99, 1.01, (frames, 1, 1))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(2, 40), min_size=1, max_size=3))
def test_wrapped_molecules_come_back_whole(seed, sizes):
    # detects a wrong tree of bonds, box vectors as columns, or shifts added in the wrong order
    random = np.random.default_rng(seed)
    molecules = [chain(random, size, random.uniform(0, 40, 3)) for size in sizes]
    first = np.cumsum([0, *sizes])
    bonds = np.concatenate([np.stack([np.arange(a, b - 1), np.arange(a + 1, b)], 1) for a, b in pairwise(first)])
    true = np.concatenate(molecules)[None] + random.normal(0, 0.05, (4, sum(sizes), 3))
    box = boxes(random, 4)
    shuffled = random.permutation(sum(sizes))
    place = np.argsort(shuffled)
    images = random.integers(-2, 3, (4, sum(sizes), 3))
    cut = (true + images @ box)[:, shuffled].astype(np.float32)
    whole = Whole(place[bonds], np.arange(sum(sizes)), sum(sizes))(cut, box, "test")
    for a, b in pairwise(first):
        moved = whole[:, place[a:b]] - true[:, a:b]
        assert np.ptp(moved, axis=1).max() < 1e-3
    lattice = (whole - cut) @ np.linalg.inv(box)
    assert np.abs(lattice - np.round(lattice)).max() < 1e-4


def test_what_is_whole_is_not_touched():
    # detects rounding of positions that need no change
    random = np.random.default_rng(1)
    R = chain(random, 30, np.array([50.0, 50.0, 50.0]))[None].astype(np.float32)
    bonds = np.stack([np.arange(29), np.arange(1, 30)], 1)
    assert np.array_equal(Whole(bonds, np.arange(30), 30)(R, np.diag([90.0] * 3)[None], "test"), R)


def test_molecules_come_together_through_a_third():
    # detects placing by the distance to the first molecule only: B touches A, C touches B across the boundary
    box = np.diag([40.0, 40.0, 40.0])[None]
    together = np.array([[1.0, 5, 5], [2, 5, 5], [14, 5, 5], [15, 5, 5], [27, 5, 5], [28, 5, 5]])
    cut = together.copy()
    cut[4:] -= [40.0, 0, 0]
    bonds = np.array([[0, 1], [2, 3], [4, 5]])
    whole = Whole(bonds, np.array([0, 1, 2, 3, 4, 5]), 6)(cut[None].astype(np.float32), box, "test")
    # C is as far from B (12 Å) as from A's other side (13 Å): the nearer one decides
    assert whole[0] == pytest.approx(together)


@pytest.mark.parametrize("box", [np.zeros((3, 3)), np.diag([40.0, 40.0, 3.0])])
def test_impossible_box(box):
    R = np.zeros((1, 2, 3), np.float32)
    with pytest.raises(UserError, match="too narrow for a protein"):
        Whole(np.array([[0, 1]]), np.array([0]), 2)(R, box[None], "here")
