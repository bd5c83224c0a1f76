"""Forces learnt from noisy frames, and from mean forces, against the exact mean force, by the stages of the line.

Nothing here says how much data a real protein needs: its mean force is not in the reach of six parameters.
"""

from pathlib import Path

import numpy as np
import pytest
from line import force_matched, relative_error, write_dataset, write_mean_forces, write_prior

SIZES = (250, 1000, 4000)
SEEDS = range(3)
"""One seed's error scatters by a quarter."""


FEW, CONFIGURATIONS, SAMPLES = 200, 50, 16
"""Frames, and mean forces that are worth five times as many."""


def error(folder, frames: int, seed: int, mean_forces: Path | None = None) -> float:
    """Relative error of the mean force learnt from so many frames, by stage after stage."""
    folder.mkdir()
    write_dataset(folder, frames, seed, mean_forces)
    write_prior(folder)
    return relative_error(force_matched(folder))


def test_error_of_learnt_forces_falls_with_the_root_of_the_frames(tmp_path):
    """Slope −0.5 ± 0.1 on a log–log plot, and at most 3 % at the largest size.

    Detects biased labels, wrong units, leaks of noise into the fit, and a fit that stops early.
    """
    found = {n: [error(tmp_path / f"{n}-{seed}", n, seed) for seed in SEEDS] for n in SIZES}
    slope = np.polyfit(np.log(SIZES), [np.log(np.mean(np.square(found[n]))) / 2 for n in SIZES], 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1), found
    assert max(found[SIZES[-1]]) <= 0.03


def test_mean_forces_are_worth_as_many_frames_as_they_weigh(tmp_path):
    """50 means of 16 samples, added to 200 frames, against 800 frames added: the same error within a factor of 1.5.

    Detects mean forces that are left out or count like single frames (an error twice as large), and weights that are
    far from inverse variances.
    """
    added, many = [], []
    for seed in SEEDS:
        labels = write_mean_forces(tmp_path / f"{seed}.npz", CONFIGURATIONS, SAMPLES, seed)
        added.append(error(tmp_path / f"mean-{seed}", FEW, seed, labels))
        many.append(error(tmp_path / f"many-{seed}", FEW + CONFIGURATIONS * SAMPLES, seed))
    assert 1 / 1.5 < np.sqrt(np.mean(np.square(added)) / np.mean(np.square(many))) < 1.5, (added, many)
