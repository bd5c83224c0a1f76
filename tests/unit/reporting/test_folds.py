"""Pooled numbers of folds from made-up errors; whether the folds left their runs out is tested with the dataset."""

import numpy as np
import pytest

from cgpipe.reporting.folds import are_folds, line, pooled

RANDOM = np.random.default_rng(3)


def fold(frames, configurations, run="348/0"):
    """Labels with errors and predictions of a fold: the sums that its numbers stand for, and the numbers."""
    F, P = RANDOM.normal(size=(2, frames, 4, 3))
    M, B, Q = RANDOM.normal(size=(3, configurations, 4, 3))
    rms = {"rmse": np.sqrt(np.mean((F - P) ** 2)), "label": np.sqrt(np.mean(F**2))}
    error = 0.1
    numbers = {
        "force_frames": frames, "force_rmse": rms["rmse"], "prior_force_rmse": rms["label"],
        "force_label_rms": rms["label"],
        "mean_force_unseen_runs": [run],
        "mean_force_unseen_configurations": configurations, "mean_force_unseen_error": error,
        "mean_force_unseen_full_rmse": np.sqrt(np.mean((M - Q) ** 2)),
        "mean_force_unseen_prior_rmse": np.sqrt(np.mean((M - B) ** 2)),
        "mean_force_unseen_bonds_rmse": np.sqrt(np.mean((M - B) ** 2)),
    }  # fmt: skip
    own = error**2 * M.size
    return numbers, [np.sum((F - P) ** 2), np.sum(F**2), np.sum((M - Q) ** 2) - own, np.sum((M - B) ** 2) - own]


def test_folds_are_pooled_by_their_sums():
    """Detects the mean of R² over folds, in which a fold of few frames weighs as much as one of many."""
    numbers, sums = zip(fold(10, 3), fold(200, 40, "348/1"), strict=True)
    total = np.sum(sums, axis=0)
    found = pooled(numbers)
    assert found["full_r2"] == pytest.approx(1 - total[0] / total[1]) and found["prior_r2"] == pytest.approx(0.0)
    assert found["full_r2_beyond_bonds_corrected"] == pytest.approx(1 - total[2] / total[3])
    assert found["prior_r2_beyond_bonds_corrected"] == pytest.approx(0.0)
    without = pooled([numbers[0], {"force_frames": 0, "mean_force_unseen_configurations": 0}])
    assert without["full_r2"] == pytest.approx(1 - sums[0][0] / sums[0][1])
    assert "over 2 folds of runs: force R²" in line("a", numbers) and line("a", [{}, {}]) is None


def test_no_mean_force_counts_in_several_folds():
    """Detects configurations of a run outside training in two folds, such as one elsewhere, that count twice."""
    numbers = [fold(10, 3)[0], fold(20, 4)[0]]
    assert set(pooled(numbers)) == {"full_r2", "prior_r2"}
    assert line("a", numbers).endswith("; mean forces are not pooled, because several folds leave out 348/0")
    apart = [numbers[0], fold(20, 4, "348/1")[0]]
    assert "full_r2_beyond_bonds_corrected" in pooled(apart) and "not pooled" not in line("a", apart)


def test_only_all_folds_of_one_division_are_pooled():
    """Detects runs that are no folds, the same fold twice, or folds of two divisions, taken for all of them."""
    made = [{"dataset.fold": name} for name in ("2/3", "1/3", "3/3")]
    assert are_folds(made)
    seeds = [one | {"dataset.split_seed": "1"} for one in made]
    assert are_folds(seeds)
    for others in (
        [*seeds[:2], made[2] | {"dataset.split_seed": "2"}],
        made[:2],
        [*made[:2], made[0]],
        [{}, {}],
        [{"dataset.fold": ""}] * 2,
    ):
        assert not are_folds(others)
