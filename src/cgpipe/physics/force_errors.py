"""How well predicted forces agree with reference forces, with block-bootstrap intervals.

Per component, over N components: MSE = Σ(F − P)²/N, RMSE = √MSE, R² = 1 − Σ(F − P)²/Σ F², slope of the reference on
the prediction = Σ F·P / Σ P² (ideally 1). Σ F² is taken about zero, not about a mean: a force turns with the
molecule, so its mean over orientations is zero, and the model that predicts no force has R² = 0 exactly.

References here are projected single-frame forces: samples of the mean force with noise on top. Noise enters Σ(F − P)²
unchanged, so R² has a ceiling Var(mean force)/Var(label) well below 1 that no model can pass; *differences* between
two models on the same frames do not suffer from it, and their intervals come from the same draws (paired).
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cgpipe.physics.statistics import interval


class ForceSums(NamedTuple):
    """Sums per independent block of time from which every metric follows."""

    components: Float[np.ndarray, "*samples blocks"]
    error2: Float[np.ndarray, "*samples blocks"]
    reference2: Float[np.ndarray, "*samples blocks"]
    prediction2: Float[np.ndarray, "*samples blocks"]
    product: Float[np.ndarray, "*samples blocks"]

    def drawn(self, weights: Int[np.ndarray, "samples blocks"]) -> "ForceSums":
        """The bootstrap samples, each with one block that holds the sum of what it drew."""
        return ForceSums(*((weights @ column)[:, None] for column in self))


def force_sums(
    reference: Float[np.ndarray, "frames beads 3"],
    prediction: Float[np.ndarray, "frames beads 3"],
    blocks: Int[np.ndarray, " frames"],
) -> ForceSums:
    """Sums over each block of frames.

    Args:
        reference: labels [kcal/mol/Å].
        prediction: a model's forces on the same frames [kcal/mol/Å].
        blocks: number of each frame's block.

    Raises:
        ValueError: a prediction or a label is not finite.
    """
    if not (np.all(np.isfinite(reference)) and np.all(np.isfinite(prediction))):
        raise ValueError("force errors of values that are not finite")
    F, P = reference.astype(np.float64), prediction.astype(np.float64)

    def per_block(values: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, " blocks"]:
        return np.bincount(blocks, np.sum(values, axis=(1, 2))).astype(np.float64)

    return ForceSums(
        per_block(np.ones_like(F)), per_block((F - P) ** 2), per_block(F**2), per_block(P**2), per_block(F * P)
    )


def rmse(sums: ForceSums) -> Float[np.ndarray, "*samples"]:
    """Root mean square error per component [kcal/mol/Å]."""
    return np.asarray(np.sqrt(_ratio(sums.error2, sums.components)))


def r_squared(sums: ForceSums) -> Float[np.ndarray, "*samples"]:
    """1 − Σ(F − P)²/Σ F²; NaN where all reference forces are zero."""
    return np.asarray(1.0 - _ratio(sums.error2, sums.reference2))


def slope(sums: ForceSums) -> Float[np.ndarray, "*samples"]:
    """Slope of the reference on the prediction through the origin; NaN for a prediction that is zero everywhere."""
    return _ratio(sums.product, sums.prediction2)


METRICS = {"rmse": rmse, "r2": r_squared, "slope": slope}


def force_metrics(sums: ForceSums, weights: Int[np.ndarray, "samples blocks"], prefix: str) -> dict[str, Any]:
    """Every metric of one model and its interval, as flat keys ``{prefix}_rmse``, ``{prefix}_rmse_interval``, …"""
    drawn = sums.drawn(weights)
    flat: dict[str, Any] = {}
    for name, metric in METRICS.items():
        value = float(metric(sums))
        flat[f"{prefix}_{name}"] = value if np.isfinite(value) else None
        flat[f"{prefix}_{name}_interval"] = interval(value, metric(drawn), weights.shape[1])
    return flat


def paired_metrics(model: ForceSums, baseline: ForceSums, weights: Int[np.ndarray, "samples blocks"]) -> dict[str, Any]:
    """What a model adds to a baseline on the same frames; the intervals use the same draws for both.

    Returns:
        ``r2_gain`` (R² of the model − that of the baseline), ``rmse_gain`` (RMSE of the baseline − that of the model)
        and ``r2_beyond`` (share of the baseline's squared error that the model removes), each with its interval.
    """
    both, drawn = (model, baseline), (model.drawn(weights), baseline.drawn(weights))
    gains = {
        "r2_gain": lambda pair: r_squared(pair[0]) - r_squared(pair[1]),
        "rmse_gain": lambda pair: rmse(pair[1]) - rmse(pair[0]),
        "r2_beyond": lambda pair: 1.0 - _ratio(pair[0].error2, pair[1].error2),
    }
    flat: dict[str, Any] = {}
    for name, gain in gains.items():
        flat[name] = float(gain(both))
        flat[f"{name}_interval"] = interval(flat[name], gain(drawn), weights.shape[1])
    return flat


def _ratio(
    above: Float[np.ndarray, "*samples blocks"], below: Float[np.ndarray, "*samples blocks"]
) -> Float[np.ndarray, "*samples"]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sum(above, axis=-1) / np.sum(below, axis=-1))
