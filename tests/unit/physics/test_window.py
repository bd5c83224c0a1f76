"""The window map: which groups it may use, and that it is the optimal map among those; on random forces.

Cannot detect whether a window is a good idea for proteins; tests/physics measures that.
"""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_mdcath import SyntheticProtein
from test_forcemap import GROUPS, forces

from cgpipe.data.atoms import Atoms
from cgpipe.errors import UserError
from cgpipe.physics.forcemap import atom_map, bead_groups, check_map, group_forces, optimal_coefficients
from cgpipe.physics.gram import PADDED, Gram, LocalGram
from cgpipe.physics.window import free_in_windows, own_windows, residue_windows, spread, window_coefficients

WINDOWS = np.array([[0, 1, 2, 5], [3, 4, PADDED, PADDED]])


def atoms(protein):
    name, number, residue_name, residue = zip(*protein.atoms(), strict=True)
    return Atoms(name, np.array(number), residue_name, np.array(residue), ("0",) * len(name), protein.bonds())


def residues_of(windows, groups, size):
    """Residues that each bead's window reaches."""
    residue = np.arange(len(groups.label)) // size
    of_group = residue[groups.representative]
    return [sorted(set(of_group[row[row != PADDED]].tolist())) for row in windows]


def windows_of(protein, reach):
    known = atoms(protein)
    alpha = np.array([i for i, name in enumerate(known.name) if name == "CA"])
    groups = bead_groups(np.arange(len(known)), alpha, "p")
    return residue_windows(known, groups, reach), groups


@pytest.mark.parametrize(("reach", "of_third"), [(1, [1, 2, 3]), (2, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4, 5])])
def test_reach_along_the_chain(reach, of_third):
    # detects windows that are too wide, too narrow or shifted
    windows, groups = windows_of(SyntheticProtein(["ALA"] * 6), reach)
    assert residues_of(windows, groups, 6)[2] == of_third
    assert windows[:, 0].tolist() == groups.bead.tolist()
    assert not set(windows[:, 1:].ravel()) & set(groups.bead.tolist())
    assert free_in_windows(windows) == 5 * min(2 * reach + 1, 6)


def test_a_gap_ends_a_window_and_a_bridge_extends_it():
    # detects windows by number instead of by bonds
    gapped = SyntheticProtein(["ALA"] * 4, unbonded_after=(1,))
    windows, groups = windows_of(gapped, 1)
    assert residues_of(windows, groups, 6) == [[0, 1], [0, 1], [2, 3], [2, 3]]
    known = atoms(SyntheticProtein(["ALA"] * 6))
    bridged = replace(known, bonds=np.concatenate([known.bonds, [[3, 33]]]))
    assert residues_of(residue_windows(bridged, groups_of(6), 1), groups_of(6), 6)[0] == [0, 1, 5]


def groups_of(residues):
    return bead_groups(np.arange(6 * residues), 6 * np.arange(residues) + 2, "p")


def test_a_rigid_group_across_the_edge_of_a_window_is_outside():
    # detects coefficients that reach residues beyond the window through a shared group
    known = atoms(SyntheticProtein(["ALA"] * 4))
    label = np.arange(24)
    label[12] = label[10]  # C of residue 1 and N of residue 2
    _, label = np.unique(label, return_inverse=True)
    groups = bead_groups(label, np.array([2, 8, 14, 20]), "p")
    windows = residue_windows(known, groups, 1)
    assert label[10] not in windows[0]
    assert label[10] in windows[1]


@pytest.mark.parametrize("ridge", [0.0, 25.0])
def test_it_is_the_optimal_map_of_its_window(ridge):
    # detects any error in the blocks or their padding, against one regression per bead
    F = forces()
    rows = group_forces(F, GROUPS)
    gram = LocalGram(1, WINDOWS)
    gram.add(rows, 0)
    found = spread(window_coefficients(gram, GROUPS, ridge, "p"), WINDOWS, GROUPS)
    for bead, free in enumerate(([1, 2, 5], [4])):
        own = GROUPS.bead[bead]
        P = rows[free] @ rows[free].T / rows.shape[1] + ridge * np.diag(GROUPS.sizes[free])
        expected = np.zeros(6)
        expected[own], expected[free] = 1.0, -np.linalg.solve(P, rows[free] @ rows[own] / rows.shape[1])
        assert np.abs(found[bead] - expected).max() < 1e-12
    check_map(atom_map(found, GROUPS), GROUPS, tied=True)


def test_the_widest_window_gives_the_optimal_map():
    # detects a closed form that differs from that of the optimal map
    whole, rows = Gram(2, 6), group_forces(forces(), GROUPS)
    for fold, part in enumerate(np.array_split(rows, 2, axis=1)):
        whole.add(part, fold)
    windows = np.array([[0, *GROUPS.free], [3, *GROUPS.free]])
    found = spread(window_coefficients(whole.local(windows), GROUPS, 0.0, "p"), windows, GROUPS)
    assert np.abs(found - optimal_coefficients(whole.mean(), GROUPS, 0.0, "p")).max() < 1e-12


def test_blocks_streamed_and_blocks_cut_out_are_the_same():
    # detects folds, padding or rows that get lost on one of the two ways
    whole, local = Gram(3, 6), LocalGram(3, WINDOWS)
    for fold, part in enumerate(np.array_split(group_forces(forces(), GROUPS), 3, axis=1)):
        whole.add(part, fold)
        local.add(part, fold)
    cut = whole.local(WINDOWS)
    assert np.allclose(cut.total, local.total, rtol=1e-12)
    assert np.array_equal(cut.rows, local.rows)
    assert np.allclose(cut.mean(without=1), (cut.total[0] + cut.total[2]) / (cut.rows[0] + cut.rows[2]))
    assert whole.local(own_windows(GROUPS)).mean()[0, 0, 0] == pytest.approx(whole.mean()[0, 0])


def test_dependent_forces_are_refused():
    # detects a singular block that is solved to some arbitrary map
    F = forces()
    F[:, 2] = F[:, 8:10].sum(axis=1)
    gram = LocalGram(1, WINDOWS)
    gram.add(group_forces(F, GROUPS), 0)
    with pytest.raises(UserError, match=r"p: .*linearly dependent"):
        window_coefficients(gram, GROUPS, 0.0, "p")
