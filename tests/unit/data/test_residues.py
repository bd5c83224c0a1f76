"""Which atoms form a residue, on made-up atoms; cannot detect what only real files do."""

import numpy as np
import pytest

from cgpipe.data.residues import label_residues

NAMES = ["N", "CA", "C"]


def chain(residues):
    """Names and bonds of a chain of backbones."""
    inner = [(3 * i + a, 3 * i + a + 1) for i in range(residues) for a in range(2)]
    return NAMES * residues, np.array(inner + [(3 * i + 2, 3 * i + 3) for i in range(residues - 1)])


def test_residues_are_not_runs():
    """Detects a residue that ends where another one's atoms come in between."""
    assert label_residues(["a", "b", "a", "b"], ["N", "N", "HN", "HN"], np.array([[0, 2], [1, 3]])).tolist() == [
        0,
        1,
        0,
        1,
    ]


@pytest.mark.parametrize("keys", [["a"] * 9, ["a"] * 3 + ["b"] * 3 + ["a"] * 3])
def test_residues_described_alike(keys):
    """Detects neighbours whose insertion codes are lost, or restarts of numbers, taken for one residue."""
    names, bonds = chain(3)
    assert label_residues(keys, names, bonds).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_what_only_one_backbone_holds_stays_together():
    """Detects alternate locations, or parts whose link was not selected, that are split off without a word."""
    names, bonds = chain(1)
    assert label_residues(["a"] * 4, [*names, "CA"], bonds).tolist() == [0, 0, 0, 0]
    assert label_residues(["a"] * 4, [*names, "CG"], bonds).tolist() == [0, 0, 0, 0]


def test_a_disulphide_between_residues_described_alike():
    """Detects two cysteines of equally named chains joined to one residue by their bridge."""
    names, bonds = chain(1)
    names = [*names, "SG"] * 2
    bonds = np.array([*bonds, (1, 3), *(bonds + 4), (5, 7), (3, 7)])
    assert label_residues(["a"] * 8, names, bonds).tolist() == [0] * 4 + [1] * 4
