"""One number from runs that each kept other simulations out of training: errors over signals of all folds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

MODELS = ("full", "prior")


def are_folds(settings: Sequence[Mapping[str, str]]) -> bool:
    """Whether runs are all the folds of one division (``dataset.fold`` with one ``dataset.split_seed``), each once."""
    folds = [one.get("dataset.fold", "") for one in settings]
    if len({one.get("dataset.split_seed") for one in settings}) > 1:
        return False
    return sorted(folds) == sorted(f"{number}/{len(folds)}" for number in range(1, len(folds) + 1))


def pooled(folds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """R² of a protein over the test frames of all folds, and R² beyond the bonds over its mean forces of left-out runs.

    Mean forces are pooled only where each of their runs is left out by one fold, so that all count once.

    Args:
        folds: the protein's flat numbers in each run's summary.

    Returns:
        ``{model}_r2`` and ``{model}_r2_beyond_bonds_corrected`` of full model and prior, where there are any labels.
    """
    numbers: dict[str, float] = {}
    tested = [one for one in folds if one.get("force_frames")]
    known = [] if _left_out_twice(folds) else [one for one in folds if one.get("mean_force_unseen_configurations")]
    for model, key in zip(MODELS, ("force", "prior_force"), strict=True):
        if tested:
            missed = sum(one["force_frames"] * one[f"{key}_rmse"] ** 2 for one in tested)
            numbers[f"{model}_r2"] = 1 - missed / sum(
                one["force_frames"] * one["force_label_rms"] ** 2 for one in tested
            )
        if known:
            numbers[f"{model}_r2_beyond_bonds_corrected"] = 1 - _missed(known, model) / _missed(known, "bonds")
    return numbers


def _left_out_twice(folds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Runs with mean forces that more than one fold leaves out of training."""
    count = Counter(run for one in folds for run in one.get("mean_force_unseen_runs", ()))
    return sorted(run for run, times in count.items() if times > 1)


def _missed(folds: Sequence[Mapping[str, Any]], model: str) -> float:
    """Squared errors of a model on unseen configurations, without those of the labels."""
    at = "mean_force_unseen_"
    return sum(one[f"{at}configurations"] * (one[f"{at}{model}_rmse"] ** 2 - one[f"{at}error"] ** 2) for one in folds)


def line(protein: str, folds: Sequence[Mapping[str, Any]]) -> str | None:
    """The pooled numbers of a protein in words; None where no fold has any."""
    numbers = pooled(folds)
    words = {"r2": "force R²", "r2_beyond_bonds_corrected": "mean force beyond the bonds, corrected"}
    parts = [
        f"{what} {numbers[f'full_{key}']:.3f} (prior alone {numbers[f'prior_{key}']:.3f})"
        for key, what in words.items()
        if f"full_{key}" in numbers
    ]
    if parts and (twice := _left_out_twice(folds)):
        parts.append(f"mean forces are not pooled, because several folds leave out {', '.join(twice)}")
    return f"{protein}, pooled over {len(folds)} folds of runs: {'; '.join(parts)}" if parts else None
