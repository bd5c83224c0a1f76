"""How well models predict mean forces that are known up to a small error.

With labels F of error variance σ² per component, predictions P, and the forces B of harmonic bonds alone:

- R² = 1 − Σ(F − P)²/ΣF²; a perfect model has 1 − Σσ²/ΣF²;
- R² beyond the bonds = 1 − Σ(F − P)²/Σ(F − B)²: of what bonds leave unexplained, the share that the model explains;
- corrected: the same with Σσ² taken off every sum, an unbiased estimate of each sum for labels without error.

Intervals draw whole configurations with replacement (see :mod:`cgpipe.physics.statistics`), the same draws for all
models, so that differences between models are paired. Configurations from one trajectory are treated as independent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.mean_forces import MeanForces
from cgpipe.physics.force_errors import ForceSums, force_metrics, force_sums, paired_metrics
from cgpipe.physics.statistics import interval


def mean_force_metrics(
    labels: MeanForces,
    bonds: Float[np.ndarray, "configurations beads 3"],
    models: Mapping[str, Float[np.ndarray, "configurations beads 3"]],
    weights: Int[np.ndarray, "samples configurations"],
    prefix: str = "mean_force",
) -> dict[str, Any]:
    """Every metric of every model with its interval, as flat keys ``{prefix}_{model}_{metric}``.

    Args:
        labels: mean forces and their errors.
        bonds: forces of harmonic bonds alone [kcal/mol/Å]; they are the model ``bonds`` in the result.
        models: name → forces [kcal/mol/Å].
        weights: how often each bootstrap sample draws each configuration.
        prefix: of the keys.
    """
    single = np.arange(len(labels.F))
    sums = {name: force_sums(labels.F, P, single) for name, P in {"bonds": bonds, **models}.items()}
    error2 = labels.error2.sum(axis=(1, 2))
    signal2 = sums["bonds"].reference2.sum() - error2.sum()
    flat: dict[str, Any] = {
        f"{prefix}_configurations": len(labels.F),
        f"{prefix}_rms": float(np.sqrt(np.mean(labels.F**2))),
        f"{prefix}_error": float(np.sqrt(np.mean(labels.error2))),
        f"{prefix}_r2_of_perfect_model": float(1.0 - error2.sum() / sums["bonds"].reference2.sum()),
        f"{prefix}_single_frame_ceiling": None
        if labels.noise2 is None
        else float(signal2 / (signal2 + labels.noise2.sum())),
    }
    for name, one in sums.items():
        key = f"{prefix}_{name}"
        flat |= force_metrics(one, weights, key)
        flat |= _beyond(one, sums["bonds"], error2, weights, key)
    return flat


def paired_gain(
    labels: MeanForces,
    model: Float[np.ndarray, "configurations beads 3"],
    baseline: Float[np.ndarray, "configurations beads 3"],
    weights: Int[np.ndarray, "samples configurations"],
) -> dict[str, Any]:
    """What a model adds to a baseline on the same configurations; see :func:`paired_metrics`."""
    single = np.arange(len(labels.F))
    return paired_metrics(force_sums(labels.F, model, single), force_sums(labels.F, baseline, single), weights)


def _beyond(
    model: ForceSums,
    bonds: ForceSums,
    error2: Float[np.ndarray, " configurations"],
    weights: Int[np.ndarray, "samples configurations"],
    prefix: str,
) -> dict[str, Any]:
    """R² beyond the bonds, and what is corrected for the errors of the labels."""

    def share(missed: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 - missed / whole)

    values = [column[None] for column in (model.error2, bonds.error2, model.reference2, error2)]
    flat: dict[str, Any] = {}
    for end, drawn in (("", np.ones_like(weights[:1])), ("_interval", weights)):
        missed, left, whole, own = (np.sum(drawn * column, axis=1) for column in values)
        components = np.sum(drawn * model.components[None], axis=1)
        found = {
            "r2_corrected": share(missed - own, whole - own),
            "r2_beyond_bonds": share(missed, left),
            "r2_beyond_bonds_corrected": share(missed - own, left - own),
            "rmse_corrected": np.sqrt(np.maximum(missed - own, 0.0) / components),
        }
        for name, numbers in found.items():
            key = f"{prefix}_{name}"
            flat[f"{key}{end}"] = interval(flat[key], numbers, weights.shape[1]) if end else float(numbers[0])
    return flat
