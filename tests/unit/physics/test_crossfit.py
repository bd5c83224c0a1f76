"""Held-out errors of fitted maps, and the guard against too few frames, on random forces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_forcemap import GROUPS, forces

from cgpipe.errors import UserError
from cgpipe.physics.candidates import Contest
from cgpipe.physics.crossfit import crossfit_coefficients, heldout_rms, make_folds, overfit_ratio
from cgpipe.physics.forcemap import group_forces, mapped_rms, optimal_coefficients
from cgpipe.physics.gram import Gram


def grams(F, folds):
    gram = Gram(folds, GROUPS.count)
    for fold, part in enumerate(np.array_split(F, folds)):
        gram.add(group_forces(part, GROUPS), fold)
    return gram


def test_heldout_equals_a_second_pass():
    # detects folds that see their own frames, and a wrong weighting of folds of different size
    F = forces(frames=41)
    coefficients = crossfit_coefficients(grams(F, 4), GROUPS, 0.0, "p")
    squares = 0.0
    for fold, part in enumerate(np.array_split(F, 4)):
        rest = np.concatenate([other for k, other in enumerate(np.array_split(F, 4)) if k != fold])
        alone = optimal_coefficients(grams(rest, 1).mean(), GROUPS, 0.0, "p")
        assert np.abs(alone - coefficients[fold]).max() < 1e-10
        squares += ((alone @ group_forces(part, GROUPS)) ** 2).sum()
    assert heldout_rms(coefficients, grams(F, 4)) == pytest.approx(np.sqrt(squares / (2 * 3 * 41)), rel=1e-12)


def test_variance_in_sample_and_held_out_follow_theory():
    # detects a held-out figure that shares the optimism of the fit, or folds of a wrong size. Gaussian regression with
    # p = 4 coefficients: 1 − p/n in sample with n = 18 rows, (m − 1)/(m − p − 1) held out with m = 12 in the fit
    F = forces(frames=6 * 400)
    noise = mapped_rms(optimal_coefficients(grams(F, 1).mean(), GROUPS, 0.0, "p"), grams(F, 1).mean()) ** 2
    inside, outside = [], []
    for few in np.split(F, 400):
        gram = grams(few, 3)
        inside.append(mapped_rms(optimal_coefficients(gram.mean(), GROUPS, 0.0, "p"), gram.mean()) ** 2)
        outside.append(heldout_rms(crossfit_coefficients(gram, GROUPS, 0.0, "p"), gram) ** 2)
    assert np.mean(inside) / noise == pytest.approx(1 - 4 / 18, rel=0.05)
    assert np.mean(outside) / noise == pytest.approx(11 / 7, rel=0.08)


def contest(asked, limit=0.3):
    """Maps in question for the toy groups: 4 free coefficients in all, 2 in the window of either bead."""
    return Contest(asked, GROUPS, np.array([[0, 1, 2], [3, 4, 5]]), limit, 0.0, "p")


def test_overfit_guard():
    # detects a ratio with frames instead of rows, and remedies that would not help; four free groups here
    assert overfit_ratio(4, 10) == pytest.approx(4 / 30)
    assert contest("optimal", limit=4 / 15).entrants(5) == ("optimal", "window")
    with pytest.raises(
        UserError,
        match=r"p: 4 free coefficients per bead \(optimal map\) for 3 × 4 frames .* 0\.33, .*use at least 5 frames, "
        r"project\.map: window \(2 coefficients\) or auto, or a larger project\.max_overfit$",
    ):
        contest("optimal").entrants(4)
    for asked in ("window", "auto"):
        with pytest.raises(UserError, match=r"2 free .*\(window map\).*at least 3 frames, project\.map: uniform, or a"):
            contest(asked).entrants(2)
    assert contest("uniform").entrants(1) == contest("slice").entrants(1) == ()


def test_auto_leaves_out_a_map_that_has_too_many_coefficients():
    # detects a Gram matrix of all pairs that nobody needs, and a choice among maps that were refused
    assert contest("auto").entrants(4) == ("window",)
    assert contest("auto").gram(4, 2).total.shape == (2, 2, 3, 3)
    assert contest("auto").gram(40, 2).total.shape == (2, 6, 6)
    assert contest("window").gram(40, 2).total.shape == (2, 2, 3, 3)
    assert contest("slice").gram(40, 2).total.shape == (2, 2, 1, 1)


@pytest.mark.parametrize(("coupled", "expected"), [(True, "optimal"), (False, "window")])
def test_auto_takes_the_less_noisy_map_on_unseen_frames(coupled, expected):
    # detects a choice by the RMS in sample, which the map with more coefficients always wins
    random = np.random.default_rng(2)
    F = random.normal(size=(30, 10, 3)) * 10
    if coupled:  # bead 0 pulls at an atom far outside its window
        pull = random.normal(size=(30, 3)) * 40
        F[:, 1] += pull
        F[:, 8] -= pull
    gram = grams(F, 3)
    found = contest("auto").fit(gram, 30)
    assert found["optimal"].rms < found["window"].rms
    assert contest("auto").choose(found) == expected
    assert contest("optimal").choose(found) == "optimal"


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.integers(2, 6))
def test_every_frame_has_a_fold_and_every_fold_frames(lengths, count):
    # detects empty folds, folds that mix trajectories where they need not, and a fold that is nearly everything
    folds = make_folds(lengths, count)
    of = [folds.of(t, np.arange(n)) for t, n in enumerate(lengths)]
    sizes = np.bincount(np.concatenate(of), minlength=folds.count)
    assert len(sizes) == folds.count
    if folds.of_trajectory is not None:
        assert all(len(np.unique(f)) == 1 for f in of)
        assert (sizes > 0).all()
        assert sizes.max() <= 0.75 * sum(lengths)
    elif max(lengths) >= 2 * count:
        assert (sizes > 0).all()
        assert sizes.max() <= 0.75 * sum(lengths)
