"""The Yvon–Born–Green identity on a chain of springs, whose equilibrium can be drawn without dynamics.

Cannot detect an error that leaves the identity alone, such as torques.
"""

import numpy as np
import pytest

from cgpipe.physics.yvon_born_green import check_identity
from cgpipe.units import thermal_energy

STIFF, LENGTH, BEADS = 40.0, 3.8, 5


def chain(frames, temperature=300.0, seed=0):
    """Equilibrium frames of beads joined by springs of length 3.8 Å, freely jointed, and their forces."""
    random = np.random.default_rng(seed)
    grid = np.linspace(2.0, 6.0, 4001)
    weight = grid**2 * np.exp(-STIFF * (grid - LENGTH) ** 2 / (2 * thermal_energy(temperature)))
    length = np.interp(random.uniform(size=(frames, BEADS - 1)), np.cumsum(weight) / weight.sum(), grid)
    unit = random.normal(size=(frames, BEADS - 1, 3))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    R = np.concatenate([np.zeros((frames, 1, 3)), np.cumsum(length[..., None] * unit, axis=1)], axis=1)
    pull = (STIFF * (length - LENGTH))[..., None] * unit
    F = np.zeros((frames, BEADS, 3))
    F[:, :-1] += pull
    F[:, 1:] -= pull
    return R, F


def checked(R, F, temperature=300.0, residue=None):
    order = np.repeat(np.arange(4), len(R) // 4)
    numbers = np.arange(BEADS) if residue is None else residue
    return check_identity(R, F, np.zeros(BEADS, int), numbers, np.full(len(R), temperature), order)


def test_it_holds_for_true_forces_and_through_noise():
    # detects a wrong factor, sign or kT, and an error that is too small or too large
    R, F = chain(8000)
    for noise in (0.0, 10.0):
        noisy = F + noise * np.random.default_rng(1).normal(size=F.shape)
        for pair in checked(R, noisy).values():
            assert abs(pair["difference"]) < 4 * pair["error"]
            assert pair["difference"] == pytest.approx(pair["measured"] - pair["exact"])
            assert pair["error"] < 0.05 + 0.02 * noise
    # independent frames: the error is that of a mean over frames, four pairs of independent noise each
    expected = 10.0 / np.sqrt(2 * 4 * 8000)
    big = 10.0 * np.random.default_rng(1).normal(size=F.shape)
    assert checked(R, big)["1"]["error"] == pytest.approx(expected, rel=0.4)


@pytest.mark.parametrize("spoil", [lambda F: -F, lambda F: 4.184 * F, lambda F: 0.0 * F])
def test_it_breaks_for_wrong_forces(spoil):
    R, F = chain(8000)
    pair = checked(R, spoil(F))["1"]
    assert abs(pair["difference"]) > 6 * pair["error"]


def test_pairs_across_a_gap_do_not_count():
    R, F = chain(400)
    assert set(checked(R, F)) == {"1", "2", "3"}
    assert set(checked(R, F, residue=np.array([0, 1, 5, 6, 7]))) == {"1", "2"}


def test_one_frame_has_no_error_and_no_figure():
    R, F = chain(1)
    assert check_identity(R, F, np.zeros(BEADS, int), np.arange(BEADS), np.full(1, 300.0), np.zeros(1, int)) == {}
