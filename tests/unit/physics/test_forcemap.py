"""The force maps on random forces: against a generic solver, a regression, and what any valid map must keep.

Cannot detect forces that come in wrong; tests/physics looks at those.
"""

import numpy as np
import pytest

from cgpipe.errors import UserError
from cgpipe.physics.forcemap import (
    Groups,
    atom_map,
    bead_groups,
    check_map,
    group_forces,
    mapped_rms,
    optimal_coefficients,
    slice_map,
    uniform_coefficients,
)
from cgpipe.physics.gram import Gram

LABEL = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 5])
GROUPS = Groups(label=LABEL, bead=np.array([0, 3]), alpha=np.array([1, 6]))


def forces(frames=400, seed=0):
    random = np.random.default_rng(seed)
    mix = np.eye(10) + 0.6 * random.normal(size=(10, 10))
    return np.einsum("ab,fbx->fax", mix, random.normal(size=(frames, 10, 3))) * 10


def fitted(F, ridge=0.0):
    gram = Gram(1, GROUPS.count)
    gram.add(group_forces(F, GROUPS), 0)
    return atom_map(optimal_coefficients(gram.mean(), GROUPS, ridge, "p"), GROUPS), gram.mean()


def equality_constrained(F, ridge, bead):
    """Least variance of w F subject to linear equalities, over all atoms at once, through the null space."""
    rows = [np.eye(10)[a] for a in GROUPS.alpha]
    rows += [np.eye(10)[i] - np.eye(10)[j] for i in range(10) for j in range(i) if LABEL[i] == LABEL[j]]
    A, b = np.array(rows), np.zeros(len(rows))
    b[bead] = 1.0
    particular = np.linalg.lstsq(A, b, rcond=None)[0]
    _, singular, right = np.linalg.svd(A)
    null = right[(singular > 1e-10).sum() :].T
    X = F.transpose(0, 2, 1).reshape(-1, 10)
    H = X.T @ X / len(X) + ridge * np.eye(10)
    return particular - null @ np.linalg.solve(null.T @ H @ null, null.T @ H @ particular)


@pytest.mark.parametrize("ridge", [0.0, 25.0])
def test_optimal_equals_a_generic_constrained_solver(ridge):
    # detects any error in the closed form, the tying of groups or the ridge
    F = forces()
    W, _ = fitted(F, ridge)
    expected = np.stack([equality_constrained(F, ridge, bead) for bead in (0, 1)])
    assert np.abs(W - expected).max() < 1e-10


def test_optimal_is_the_residual_of_a_regression():
    # detects a wrong sign or a wrong block of the Gram matrix
    F = forces()
    rows = group_forces(F, GROUPS).T
    slope = np.linalg.lstsq(rows[:, GROUPS.free], rows[:, GROUPS.bead], rcond=None)[0]
    residual = rows[:, GROUPS.bead] - rows[:, GROUPS.free] @ slope
    W, _ = fitted(F)
    assert np.abs(np.einsum("ia,fax->fxi", W, F).reshape(-1, 2) - residual).max() < 1e-9


def test_group_forces_are_sums_over_atoms():
    # detects rows in another order than frame by frame, component by component
    F = forces(frames=3)
    rows = group_forces(F, GROUPS).T
    assert rows.shape == (9, 6)
    assert rows[3 * 2 + 1, 2] == pytest.approx(F[2, 3:6, 1].sum())


def test_rotated_frames_give_the_same_map():
    # detects components that are weighted differently; each frame is turned on its own
    F = forces()
    turns, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(len(F), 3, 3)))
    assert np.abs(fitted(F)[0] - fitted(np.einsum("fxy,fay->fax", turns, F))[0]).max() < 1e-11


def test_streaming_in_float32_pieces_gives_the_same_map():
    # detects sums in single precision, and dependence on the chunking
    F = forces().astype(np.float32)
    gram = Gram(1, GROUPS.count)
    for part in np.array_split(F, 11):
        gram.add(group_forces(part, GROUPS), 0)
    W = atom_map(optimal_coefficients(gram.mean(), GROUPS, 0.0, "p"), GROUPS)
    assert np.abs(W - fitted(F.astype(np.float64))[0]).max() < 1e-10


def test_zero_net_force_is_no_obstacle():
    # detects inversion of the whole Gram matrix, singular without solvent
    F = forces()
    F -= F.mean(axis=1, keepdims=True)
    W, gram = fitted(F)
    assert np.linalg.eigvalsh(gram)[0] < 1e-8
    assert np.abs(W.sum(axis=0) - 1.0).max() < 1e-8


def test_optimal_is_least_and_rms_is_that_of_the_mapped_forces():
    # detects a map that is not optimal among valid ones, and a wrong normalisation of the RMS
    F = forces()
    W, gram = fitted(F)
    optimal = W[:, [0, 2, 3, 6, 7, 8]]
    measured = np.sqrt((np.einsum("ia,fax->fix", W, F) ** 2).mean())
    assert mapped_rms(optimal, gram) == pytest.approx(measured, rel=1e-12)
    random = np.random.default_rng(5)
    for _ in range(20):
        other = optimal.copy()
        other[:, GROUPS.free] += random.normal(0, 0.01, (2, len(GROUPS.free)))
        assert mapped_rms(other, gram) > mapped_rms(optimal, gram)


def test_ridge_shrinks_the_map():
    F = forces()
    assert np.linalg.norm(fitted(F, 1e3)[0]) < np.linalg.norm(fitted(F)[0])


def test_maps_are_valid():
    # detects a map that check_map lets through or refuses wrongly
    F = forces()
    check_map(fitted(F)[0], GROUPS, tied=True)
    check_map(atom_map(uniform_coefficients(GROUPS), GROUPS), GROUPS, tied=True)
    check_map(slice_map(GROUPS), GROUPS, tied=False)
    with pytest.raises(AssertionError, match="unequal coefficients"):
        check_map(slice_map(GROUPS), GROUPS, tied=True)
    broken = fitted(F)[0]
    broken[0, 6] = 0.1
    with pytest.raises(AssertionError, match="not 1 on the own"):
        check_map(broken, GROUPS, tied=True)


def test_two_beads_in_one_group():
    with pytest.raises(UserError, match="p: two Cα atoms are tied"):
        bead_groups(LABEL, np.array([3, 5]), "p")


@pytest.mark.parametrize("how", ["too few frames", "same group twice"])
def test_dependent_forces_are_refused(how):
    # detects a singular system that is solved to some arbitrary map
    F = forces(frames=1) if how == "too few frames" else forces()
    if how == "same group twice":
        F[:, 7] = F[:, 2]
    with pytest.raises(UserError, match=r"p: .*linearly dependent.*project\.ridge"):
        fitted(F)
    check_map(fitted(F, ridge=1.0)[0], GROUPS, tied=True)


def test_all_groups_hold_beads():
    # detects a solver that fails where nothing is free
    groups = Groups(np.array([0, 0, 1]), np.array([0, 1]), np.array([0, 2]))
    assert np.array_equal(optimal_coefficients(np.eye(2), groups, 0.0, "p"), np.eye(2))
