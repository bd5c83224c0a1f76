"""Rigid bonds and groups, and the check of them against fluctuations."""

import numpy as np
import pytest
from synthetic_mdcath import SyntheticProtein
from test_mapping import atoms_of

from cgpipe.physics.constraints import BondFluctuations, check_constraints, rigid_bonds, rigid_groups

ATOMS = atoms_of(SyntheticProtein(["ALA", "GLY"]))


def test_bonds_to_hydrogen():
    # detects heavy bonds taken as rigid, or hydrogens forgotten
    assert rigid_bonds(ATOMS, "hbonds").tolist() == [[0, 1], [2, 3], [6, 7], [8, 9]]
    assert rigid_bonds(ATOMS, "none").shape == (0, 2)


def test_groups_join_along_paths():
    # detects groups that stop at direct partners (CH3 is one group of four), or order of pairs that matters
    pairs = np.array([[5, 2], [2, 0], [3, 4]])
    labels = rigid_groups(7, pairs)
    assert labels[0] == labels[2] == labels[5]
    assert labels[3] == labels[4]
    assert len(np.unique(labels)) == 4
    assert np.array_equal(labels, rigid_groups(7, pairs[::-1, ::-1]))


def test_no_rigid_bonds_means_one_group_per_atom():
    assert np.array_equal(rigid_groups(4, np.zeros((0, 2), int)), np.arange(4))


def frames(random, count, flexible):
    R = np.tile(random.normal(size=(1, 12, 3)) * 5, (count, 1, 1))
    moved = sorted(set(range(12)) - {1, 3, 7, 9})
    shift = random.normal(0, 0.03, (count, 12, 3))
    R[:, moved] += shift[:, moved]
    for i, j in rigid_bonds(ATOMS, "hbonds"):
        R[:, j] = R[:, i] + [0.0, 0.0, 1.0]
        if flexible:
            R[:, j] += random.normal(0, 0.03, (count, 3))
    return R.astype(np.float32)


def check(R, constraints):
    fluctuations = BondFluctuations(ATOMS.bonds)
    for part in np.array_split(R, 3):
        fluctuations.add(part)
    return check_constraints(fluctuations, rigid_bonds(ATOMS, constraints))


def test_agreement_is_quiet():
    largest, notes = check(frames(np.random.default_rng(0), 300, False), "hbonds")
    assert largest < 1e-5
    assert notes == ()


def test_rounding_of_stored_coordinates_is_no_disagreement():
    # detects a threshold below what 0.01 Å precision does to a rigid bond
    R = np.round(frames(np.random.default_rng(0), 300, False), 2)
    assert check(R, "hbonds")[1] == ()


def test_flexible_hydrogens_are_reported():
    # detects constraints assumed where there were none
    largest, notes = check(frames(np.random.default_rng(0), 300, True), "hbonds")
    assert largest > 0.02
    assert "4 of 4 bonds taken as rigid fluctuate" in notes[0]


def test_unexpected_rigidity_is_reported():
    # detects constraints of the MD that the configuration denies
    assert (
        "4 of 11 bonds taken as flexible are rigid" in check(frames(np.random.default_rng(0), 300, False), "none")[1][0]
    )


def test_few_frames_say_nothing():
    assert check(frames(np.random.default_rng(0), 50, True), "hbonds")[1] == ()


def test_streamed_deviation_is_that_of_all_frames():
    # detects cancellation in the sums: bonds of 1 Å that fluctuate by 1e-4 Å
    random = np.random.default_rng(1)
    R = np.zeros((500, 12, 3))
    R[:, 1, 0] = 1.0 + random.normal(0, 1e-4, 500)
    fluctuations = BondFluctuations(np.array([[0, 1]]))
    for part in np.array_split(R, 7):
        fluctuations.add(part)
    assert fluctuations.deviation()[0] == pytest.approx(R[:, 1, 0].std(), rel=1e-6)
