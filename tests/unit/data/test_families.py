"""Families dealt by the integer programme; cannot detect whether the families themselves are homologous."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgpipe.data.families import Member, divide
from cgpipe.errors import UserError

KINDS = ("ALA", "GLY", "TRP")
MEMBERS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 200), st.lists(st.sampled_from(KINDS), min_size=2, max_size=12)),
    min_size=6,
    max_size=14,
)


def members(drawn):
    """One protein in each of six families, and the drawn ones."""
    fixed = [(family, 50, ["ALA", "GLY"]) for family in range(6)]
    return [Member(f"p{i}", f"f{f}", n, tuple(r)) for i, (f, n, r) in enumerate([*fixed, *drawn])]


@settings(max_examples=15, deadline=None)
@given(MEMBERS, st.floats(0.05, 0.4), st.floats(0.0, 0.4), st.booleans(), st.integers(0, 3))
def test_no_family_in_two_sets(drawn, val, test, hold, seed):
    # detects a family in two sets, a held-out protein that trains, an empty set, and an outcome that is not repeatable
    proteins = members(drawn)
    held_out = ["p2"] if hold else []
    division = divide(proteins, {"val": val, "test": test}, held_out, seed)
    assert set(division.proteins) == {p.name for p in proteins}
    assert all(division.proteins[p.name] == division.families[p.family] for p in proteins)
    assert division.families["f2"] == "test" or not hold
    used = set(division.families.values())
    assert used == {"train", "val", *(["test"] if test or hold else [])}
    assert sum(b["proteins"] for b in division.balance.values()) == len(proteins)
    assert divide(list(reversed(proteins)), {"val": val, "test": test}, held_out, seed).families == division.families


def test_equal_families_get_their_exact_shares():
    # detects shares of something else than frames, or targets that are mixed up
    proteins = [Member(f"p{i}", f"f{i}", 100, ("ALA", "GLY")) for i in range(10)]
    balance = divide(proteins, {"val": 0.2, "test": 0.3}, (), 0).balance
    assert [balance[s]["families"] for s in ("train", "val", "test")] == [5, 2, 3]
    assert [balance[s]["composition_distance"] for s in ("train", "val", "test")] == pytest.approx([0, 0, 0])


def test_sets_are_more_alike_than_drawn_ones():
    # detects an objective that forgets length or composition
    random = np.random.default_rng(0)
    proteins = [
        Member(f"p{i}", f"f{i}", 100, tuple(random.choice(KINDS, 20 + 200 * (i % 3 == 0), p=p)))
        for i, p in enumerate(random.dirichlet([1, 1, 1], size=30))
    ]
    balance = divide(proteins, {"val": 0.2, "test": 0.2}, (), 0).balance
    everything = np.array([[p.residues.count(kind) for kind in KINDS] for p in proteins], float)
    drawn = []
    for _ in range(200):
        part = everything[random.permutation(30)[:6]].sum(axis=0)
        drawn.append(np.abs(part / part.sum() - everything.sum(axis=0) / everything.sum()).sum() / 2)
    mean = np.mean([len(p.residues) for p in proteins])
    for name in ("val", "test"):
        assert balance[name]["composition_distance"] < np.median(drawn)
        assert balance[name]["mean_beads"] == pytest.approx(mean, rel=0.15)
        assert balance[name]["frames_share"] == pytest.approx(0.2, abs=0.04)


def test_seeds_choose():
    # detects a seed without effect
    random = np.random.default_rng(1)
    proteins = [Member(f"p{i}", f"f{i}", 100, tuple(random.choice(KINDS, 20))) for i in range(12)]
    assert len({tuple(divide(proteins, {"val": 0.2, "test": 0.2}, (), s).families.values()) for s in range(4)}) > 1


def test_too_few_families_and_shares():
    # detects a solver's complaint instead of an explanation
    proteins = [Member(f"p{i}", "same" if i < 3 else "other", 10, ("ALA",)) for i in range(5)]
    with pytest.raises(UserError, match=r"only 2 families besides those of dataset\.held_out.* need 3"):
        divide(proteins, {"val": 0.1, "test": 0.1}, (), 0)
    assert divide(proteins, {"val": 0.1, "test": 0.0}, (), 0).families.keys() == {"same", "other"}
    with pytest.raises(UserError, match=r"only 1 families .* need 2"):
        divide(proteins, {"val": 0.1, "test": 0.1}, ("p0",), 0)
    with pytest.raises(UserError, match="together they must stay below 1"):
        divide(proteins, {"val": 0.5, "test": 0.5}, (), 0)
