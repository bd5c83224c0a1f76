"""The identity along bonds and what is concluded from it, on chains of springs whose equilibrium can be drawn.

Cannot tell how far valid maps of real trajectories are off: the tests on the demo's frames do.
"""

import numpy as np
import pytest
from test_projection import projection
from test_yvon_born_green import chain

from cgpipe.errors import UserError
from cgpipe.physics.bond_identity import bond_work
from cgpipe.physics.label_judge import judged

RUNS = 4


def made(R, F, temperature=300.0, frames=None):
    """A projection of such frames, in four trajectories."""
    base = projection(frames=len(R), beads=R.shape[1], temperature=(temperature,))
    return type(base)(
        **{
            **base.__dict__,
            "R": R.astype(np.float32),
            "F": F.astype(np.float32),
            "trajectories": tuple(f"{temperature:g}/{run}" for run in range(RUNS)),
            "trajectory": np.arange(len(R), dtype=np.int32) * RUNS // len(R),
            "quality": {"notes": []},
        }
    )


def ratio(R, F, temperature=300.0):
    numbers = np.arange(R.shape[1])
    order = np.arange(len(R)) * RUNS // len(R)
    work = bond_work(R, F, 0 * numbers, numbers, np.full(len(R), temperature), order)
    return work.ratio(np.ones(len(R), bool))


def noisy(frames=2000, noise=12.0, seed=0, **options):
    R, F = chain(frames, seed=seed, **options)
    return R, F + noise * np.random.default_rng(seed + 1).normal(size=F.shape)


def test_it_holds_in_equilibrium_and_its_error_is_honest():
    """Detects a wrong factor, a forgotten divergence, and an error that is too small or too large."""
    found = [ratio(*noisy(400, seed=10 * seed)) for seed in range(40)]
    z = np.array([(one.ratio - 1) / one.error for one in found])
    assert abs(z.mean()) < 0.6 and 0.7 < z.std() < 1.4
    exact = ratio(*chain(20000))
    assert exact.ratio == pytest.approx(1.0, abs=4 * exact.error) and exact.error < 0.01


def test_a_wrong_temperature_shows():
    """Detects kT left out."""
    found = ratio(*noisy(8000), temperature=150.0)
    assert found.ratio == pytest.approx(2.0, abs=4 * found.error)


@pytest.mark.parametrize(
    ("factor", "likely"),
    [
        (-1.0, "wrong sign"),
        (4.184, "kJ/mol/Å"),
        (-4.184, "wrong sign .* and in kJ/mol/Å"),
        (41.84, "kJ/mol/nm"),
        (10.0, "kcal/mol/nm"),
        (1 / 4.184, "divided by 4.184"),
        (1 / 41.84, "divided by 41.84|23.06|eV"),
    ],
)
def test_another_unit_or_sign_is_refused_and_named(factor, likely):
    """Detects forces in another unit, and a cause that leads astray."""
    R, F = noisy()
    with pytest.raises(UserError, match=rf"^p: d\.npz: the forces .*{likely}"):
        judged(made(R, factor * F), "p: d.npz")


def test_one_trajectory_of_several_is_seen():
    """Detects a run in another unit or sign that hides among others."""
    R, F = noisy()
    F[500:1000] *= -1
    with pytest.raises(UserError, match=r"trajectory 300/1, .*wrong sign"):
        judged(made(R, F), "p")


def test_forces_of_other_frames_are_refused():
    """Detects positions and forces that were paired wrongly."""
    R, F = noisy(noise=8.0)
    with pytest.raises(UserError, match="do not belong to these positions"):
        judged(made(R, np.roll(F, 1, axis=0)), "p")


def test_forces_of_a_size_that_no_protein_has_are_refused_even_of_few_frames():
    """Detects kJ/mol/nm in a file that is too small for averages."""
    R, F = noisy(12)
    with pytest.raises(UserError, match=r"\(RMS per component\), those of proteins 3 to 80; .*kJ/mol/nm"):
        judged(made(R, 41.84 * F), "p")
    with pytest.raises(UserError, match="RMS per component"):
        judged(made(R, F / 41.84), "p")


def test_right_forces_pass_and_few_frames_are_told():
    """Detects right labels refused, figures that are lost, and a judgement where there is nothing to judge by."""
    good = judged(made(*noisy()), "p").quality
    assert good["notes"] == []
    assert set(good["yvon_born_green"]) == {"1", "2", "3"}
    assert good["bond_identity"]["300"]["ratio"] == pytest.approx(1.0, abs=0.15)
    few = judged(made(*noisy(12)), "p").quality
    assert few["notes"] == ["12 frames at 300 K are too few to tell the unit and the sign of the forces by"]


def test_what_is_off_but_not_wrong_is_told():
    """Detects a biased map or a wrong temperature that goes unnoticed, or that stops a run."""
    R, F = noisy(8000)
    notes = judged(made(R, F, temperature=240.0), "p").quality["notes"]
    assert any("at 240 K the forces along bonds are 1.2" in note for note in notes)


def test_rigid_bonds_are_not_judged():
    """Detects division by bonds that do not vibrate."""
    R, F = noisy()
    R = np.broadcast_to(R[:1], R.shape) + np.random.default_rng(0).normal(size=(len(R), 1, 3))
    assert "no bond between beads vibrates" in judged(made(R, F), "p").quality["notes"][0]
