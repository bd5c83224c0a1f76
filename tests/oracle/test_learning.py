"""Forces learnt from noisy frames against the exact mean force, through the stages of the line.

Nothing here says how much data a real protein needs: its mean force is not in the reach of six parameters.
"""

import numpy as np
import pytest
from line import force_matched, relative_error, write_dataset, write_prior
from quick_compilation import quickly_compiled

SIZES = (250, 1000, 4000)
SEEDS = range(3)
"""One seed's error scatters by a quarter."""


def error(folder, frames: int, seed: int) -> float:
    """Relative error of the mean force learnt from so many frames, by stage after stage."""
    folder.mkdir()
    write_dataset(folder, frames, seed)
    write_prior(folder)
    return relative_error(force_matched(folder))


def test_error_of_learnt_forces_falls_with_the_root_of_the_frames(tmp_path):
    """Slope −0.5 ± 0.1 on a log–log plot, and at most 3 % at the largest size.

    Detects biased labels, wrong units, leaks of noise into the fit, and a fit that stops early.
    """
    with quickly_compiled(tmp_path / "compiled"):
        found = {n: [error(tmp_path / f"{n}-{seed}", n, seed) for seed in SEEDS] for n in SIZES}
    slope = np.polyfit(np.log(SIZES), [np.log(np.mean(np.square(found[n]))) / 2 for n in SIZES], 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1), found
    assert max(found[SIZES[-1]]) <= 0.03
