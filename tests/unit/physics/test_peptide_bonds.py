"""Cis and trans bonds told apart by their lengths, and whoever measures deviations from a mean length."""

import numpy as np
import pytest

from cgpipe.dynamics.ends import Death
from cgpipe.dynamics.plans import watch_bonds
from cgpipe.physics.peptide_bonds import cis_bonds, mean_lengths


def test_lengths_without_two_kinds_are_not_divided():
    """Detects a wide distribution, as of beads that are no Cα, that is cut at the threshold."""
    random = np.random.default_rng(0)
    for centre, width in ((3.3, 0.2), (3.8, 0.3), (3.0, 0.1)):
        assert not cis_bonds(random.normal(centre, width, 5_000)).any()
    assert cis_bonds(np.array([3.8, 3.75, 2.95, 3.82])).tolist() == [False, False, True, False]


def test_means_are_those_of_each_kind():
    """Detects a mean between the two kinds, and a bond without one of them that has no mean."""
    lengths = np.array([[3.8, 3.80, 2.9], [3.8, 2.90, 3.0], [3.9, 3.82, 2.9], [3.9, 3.78, 3.0]])
    found = mean_lengths(lengths)
    np.testing.assert_allclose(found[0], [3.85, 3.80, 2.95])
    np.testing.assert_allclose(found[1], [3.85, 2.90, 2.95])
    np.testing.assert_allclose(mean_lengths(lengths[:, :1]), [[3.85]])


def test_a_rare_cis_bond_is_no_broken_one():
    """Detects a simulation that counts as lost because a bond is cis, as in few of the frames."""
    R = np.zeros((50, 3, 3))
    R[:, :, 0] = [0.0, 3.8, 7.6]
    R[:, 0, 0] += np.linspace(-0.1, 0.1, 50)
    R[0, 2, 0] = 3.8 + 2.95
    rows = np.arange(3, dtype=np.int32)
    watch = watch_bonds(R, 0 * rows, rows, 0.5)
    watch.check(R[0], 0)
    assert watch.largest < 0.2
    with pytest.raises(Death, match=r"the bond of beads 1 and 2 is 0\.60 Å off its mean of 3\.80 Å"):
        watch.check(R[1] + np.array([[0.0], [0.0], [0.6]]) * [1.0, 0.0, 0.0], 1)
