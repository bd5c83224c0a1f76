"""Metrics on mean forces against models whose true quality is known; nothing here knows whether labels are right."""

import numpy as np
import pytest

from cgpipe.data.mean_forces import MeanForces
from cgpipe.physics.mean_forces import mean_force_metrics, paired_gain
from cgpipe.physics.statistics import resampling

N, BEADS = 400, 10
RANDOM = np.random.default_rng(0)
BONDS = RANDOM.normal(scale=9.0, size=(N, BEADS, 3))
REST = RANDOM.normal(scale=3.0, size=(N, BEADS, 3))
TRUE = BONDS + REST
ERROR = 1.0
LABELS = MeanForces(
    R=np.zeros_like(TRUE),
    F=TRUE + RANDOM.normal(scale=ERROR, size=TRUE.shape),
    error2=np.full(TRUE.shape, ERROR**2),
    noise2=np.full(TRUE.shape, 90.0),
    temperature=348.0,
    residue_name=("GLY",) * BEADS,
)
WEIGHTS = resampling(np.random.default_rng(1), N, 200)
MODELS = {"perfect": TRUE, "half": BONDS + 0.5 * REST}
FLAT = mean_force_metrics(LABELS, BONDS, MODELS, WEIGHTS)


def test_errors_of_the_labels_are_taken_off():
    """Detects a correction with the wrong sign, or of one sum only: a perfect model must come out perfect."""
    assert FLAT["mean_force_perfect_r2"] == pytest.approx(FLAT["mean_force_r2_of_perfect_model"], abs=1e-3)
    assert FLAT["mean_force_perfect_r2_corrected"] == pytest.approx(1.0, abs=1e-3)
    assert FLAT["mean_force_perfect_r2_beyond_bonds_corrected"] == pytest.approx(1.0, abs=0.01)
    assert FLAT["mean_force_perfect_rmse_corrected"] < 0.2
    assert FLAT["mean_force_perfect_r2_beyond_bonds"] == pytest.approx(0.9, abs=0.01)


def test_beyond_the_bonds_only_the_rest_counts():
    """Detects R² of the whole force instead of the residual: half of the rest leaves a quarter of its square."""
    assert FLAT["mean_force_half_r2"] > 0.95
    assert FLAT["mean_force_half_r2_beyond_bonds_corrected"] == pytest.approx(0.75, abs=0.01)
    assert FLAT["mean_force_half_rmse_corrected"] == pytest.approx(1.5, abs=0.05)
    assert FLAT["mean_force_bonds_r2_beyond_bonds"] == 0.0


def test_ceiling_of_single_frames_follows_from_their_noise():
    """Detects variances and standard deviations confused: 90 of signal and 90 of noise make one half."""
    assert FLAT["mean_force_single_frame_ceiling"] == pytest.approx(0.5, abs=0.01)


def test_intervals_hold_the_value_and_shrink_when_paired():
    """Detects intervals of other quantities, and a comparison whose models were drawn independently."""
    low, high = FLAT["mean_force_half_r2_beyond_bonds_interval"]
    assert low < FLAT["mean_force_half_r2_beyond_bonds"] < high
    close = BONDS + 0.52 * REST
    gain = paired_gain(LABELS, close, MODELS["half"], WEIGHTS)
    assert gain["r2_gain"] > 0 and gain["r2_gain_interval"][0] > 0
    assert np.ptp(gain["r2_gain_interval"]) < 0.1 * np.ptp(FLAT["mean_force_half_r2_interval"])
