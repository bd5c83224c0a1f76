"""Splits never leak, on the assignment itself and for arbitrary sizes; cannot detect how long real frames remember."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgpipe.data.splits import SPLITS, check_held_out, split_protein, split_trajectories, spread, whole_protein
from cgpipe.errors import UserError

SIZES = st.fixed_dictionaries(
    {
        "lengths": st.lists(st.integers(1, 400), min_size=1, max_size=5),
        "val": st.floats(0.01, 0.6),
        "test": st.floats(0.0, 0.6),
        "gap": st.integers(0, 8),
        "more": st.integers(1, 30),
        "seed": st.integers(0, 5),
    }
)


def split(lengths, val=0.1, test=0.1, block=25, gap=2, seed=0, names=None):
    trajectory = np.repeat(np.arange(len(lengths)), lengths)
    return trajectory, *split_protein(
        trajectory,
        names or [f"p/{t}" for t in range(len(lengths))],
        fractions={"val": val, "test": test},
        block_frames=block,
        gap_frames=gap,
        seed=seed,
    )


@given(SIZES)
def test_no_leak(s):
    # detects a block in two sets, frames of different sets closer than the gaps, and frames lost from the record
    block = 2 * s["gap"] + s["more"]
    trajectory, sets, blocks = split(s["lengths"], s["val"], s["test"], block, s["gap"], s["seed"])
    for index, length in enumerate(s["lengths"]):
        own, cut = sets[trajectory == index], blocks[f"p/{index}"]
        assert [cut[0].first, cut[-1].last] == [0, length - 1]
        assert all(a.last + 1 == b.first for a, b in pairwise(cut))
        for part in cut:
            inside = set(own[part.first : part.last + 1].tolist())
            assert inside <= {SPLITS[part.split], SPLITS["gap"]}
            assert SPLITS[part.split] in inside
            assert part.last + 1 - part.first >= min(block, length)
        assert any(part.split == "train" for part in cut)
        kept = np.flatnonzero(own != SPLITS["gap"])
        borders = np.flatnonzero(np.diff(own[kept]))
        assert (np.diff(kept)[borders] > 2 * s["gap"]).all()
        lost = sum(1 for a, b in pairwise(cut) if a.split != b.split) * 2 * s["gap"]
        assert length - len(kept) == lost


def test_shares():
    # detects fractions applied to something else than a trajectory's blocks
    _, _, blocks = split([1000, 500], val=0.1, test=0.2)
    for name, val, test in (("p/0", 4, 8), ("p/1", 2, 4)):
        assert [sum(b.split == s for b in blocks[name]) for s in ("val", "test")] == [val, test]


def test_draws_are_independent_of_other_trajectories():
    # detects splits of existing data that move when a replica or protein is added; and a seed without effect
    _, alone, _ = split([500], names=["a/348/0"])
    trajectory, among, _ = split([300, 500], names=["a/320/0", "a/348/0"])
    assert np.array_equal(alone, among[trajectory == 1])
    assert not np.array_equal(alone, split([500], names=["b/348/0"])[1])
    assert not np.array_equal(alone, split([500], names=["a/348/0"], seed=1)[1])


def test_short_trajectories_train():
    _, sets, _ = split([40])
    assert (sets == SPLITS["train"]).all()


def test_gaps_that_swallow_blocks():
    with pytest.raises(UserError, match="gap_frames 5 on both sides leaves nothing of a block of 10"):
        split([100], block=10, gap=5)


def test_held_out_families():
    # detects a held-out protein whose relative trains
    proteins = ["a", "b", "c"]
    check_held_out(proteins, ("a", "b"), {"a": "fam", "b": "fam"})
    check_held_out(proteins, ("c",), {})
    with pytest.raises(UserError, match="a is held out, but b of the same family 'fam' is in training"):
        check_held_out(proteins, ("a",), {"a": "fam", "b": "fam"})
    with pytest.raises(UserError, match="no protein 'd' in this run; it has a, b, c"):
        check_held_out(proteins, ("d",), {})


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=30), st.floats(0.01, 0.6), st.floats(0.0, 0.6), st.integers(0, 5)
)
def test_whole_trajectories(lengths, val, test, seed):
    # detects a trajectory in two sets, one that is lost, and a set that gets none though there are enough
    trajectory = np.repeat(np.arange(len(lengths)), lengths)
    names = [f"p/{t}" for t in range(len(lengths))]
    fractions = {"val": val, "test": test}
    sets, blocks = split_trajectories(trajectory, names, protein="p", fractions=fractions, seed=seed)
    present = [t for t, length in enumerate(lengths) if length]
    assert list(blocks) == [f"p/{t}" for t in present]
    for t in present:
        (block,) = blocks[f"p/{t}"]
        assert (block.first, block.last) == (0, lengths[t] - 1)
        assert set(sets[trajectory == t].tolist()) == {SPLITS[block.split]}
    used = {block.split for (block,) in blocks.values()}
    if len(present) >= 3:
        assert used == {"train", "val", *(["test"] if test else [])}
    elif present:
        assert used == {"train"}


def test_whole_protein():
    sets, blocks = whole_protein(np.array([0, 0, 2]), ["p/0", "p/1", "p/2"], "val")
    assert sets.tolist() == [1, 1, 1]
    assert {name: block[0][:2] for name, block in blocks.items()} == {"p/0": (0, 1), "p/2": (0, 0)}


@given(st.integers(0, 500), st.integers(0, 600))
def test_quota_is_spread_evenly(frames, quota):
    # detects the first n frames instead of a spread, repeated frames, and a quota of 0 that takes nothing
    rows = spread(frames, quota)
    assert len(rows) == (min(frames, quota) if quota else frames)
    assert rows.tolist() == sorted(set(rows.tolist()) & set(range(frames)))
    if len(rows) > 1:
        steps = np.diff([*rows, frames])
        assert steps.max() - steps.min() <= 1
