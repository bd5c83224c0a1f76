"""Which frames are refused, left out, and told of, on a made-up methane-like chain of atoms.

Cannot tell whether the limits suit real trajectories: the tests on the demo's frames do.
"""

import numpy as np
import pytest

from cgpipe.data.atoms import Atoms
from cgpipe.data.bond_ranges import atom_bonds, bead_bonds, together
from cgpipe.data.frames import Chunk
from cgpipe.data.sane_frames import Sieve
from cgpipe.errors import UserError

CARBONS = 6
BEADS = np.array([0, 3])


def chain():
    """Six carbons in a row, 1.5 Å apart; the first and the fourth carry beads, 4.5 Å apart."""
    pairs = np.stack([np.arange(CARBONS - 1), np.arange(1, CARBONS)], axis=1)
    names = tuple(f"C{i}" for i in range(CARBONS))
    numbers = np.full(CARBONS, 6)
    return Atoms(names, numbers, ("ALA",) * CARBONS, np.repeat([1, 2], 3), ("A",) * CARBONS, pairs)


def sieve(policy="refuse"):
    bonds = together(atom_bonds(chain()), bead_bonds(np.zeros(2, int), np.array([1, 2]), BEADS))
    return Sieve(policy, lambda trajectory: f"P: run{trajectory}.trr", bonds, BEADS, "make it whole")


def chunk(trajectory=0, frames=10, first=0, seed=0):
    random = np.random.default_rng([seed, trajectory, first])
    R = np.arange(CARBONS)[:, None] * [1.5, 0.0, 0.0] + random.normal(0, 0.03, (frames, CARBONS, 3))
    F = random.normal(0, 20, (frames, CARBONS, 3))
    return Chunk(trajectory, 348.0, np.arange(first, first + frames), R.astype(np.float32), F.astype(np.float32))


def damaged(where, value, rows=slice(3, 4), array="R"):
    made = chunk()
    getattr(made, array)[rows][(slice(None), *where)] = value
    return made


DAMAGE = [
    (((0, 1), np.nan), {}, "NaN or infinity in the coordinates"),
    (((0, 1), np.inf), {}, "NaN or infinity in the coordinates"),
    (((0, 1), -np.inf), {"array": "F"}, "NaN or infinity in the forces"),
    (((), 0.0), {"array": "F"}, "all forces are zero"),
    (((2, 0), 3e8), {"array": "F"}, r"a force of 3e\+08 kcal/mol/Å, beyond reason"),
    (((slice(None), 0), 21474836.48), {}, "a coordinate of 21474836 Å, beyond reason"),
    (((slice(None), 2), -3e5), {}, "a coordinate of 300000 Å, beyond reason"),
    (((), 0.0), {}, "atoms on one point"),
    (((slice(None),), [5.0, -3.0, 12.0]), {}, "atoms on one point"),
    (((5, 1), 40.0), {}, "chain A ALA 2 C4 and chain A ALA 2 C5 are 40.0 Å apart, bonded ones 0.5 to 2.4 Å"),
    (((slice(3, None), 1), 7.0), {}, "chain A ALA 1 C2 and .* C3 are 7.2 Å apart.*; make it whole"),
]


@pytest.mark.parametrize(("damage", "options", "message"), DAMAGE)
def test_what_cannot_be_is_refused_by_name(damage, options, message):
    """Detects damage that gets through, a wrong frame number, and a reason that is not the one."""
    with pytest.raises(UserError, match=rf"^P: run0\.trr, frame 3: ({message}).*project.non_finite: drop"):
        sieve()(damaged(*damage, **options))


@pytest.mark.parametrize(("damage", "options", "message"), DAMAGE)
def test_what_cannot_be_is_left_out_and_counted(damage, options, message):
    """Detects rows of one array left out without the others', and frames that are not counted."""
    bad, made = sieve("drop"), damaged(*damage, **options)
    kept = bad(made)
    assert kept.frame.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert np.array_equal(kept.R, np.delete(made.R, 3, axis=0))
    assert np.array_equal(kept.F, np.delete(made.F, 3, axis=0))
    assert sum(bad.summary().values()) == 1
    assert bad.finish()[0].startswith("1 of 10 frames left out: 1 × ")


def test_good_frames_pass():
    """Detects good frames refused."""
    good = chunk()
    judge = sieve()
    assert judge(good) is good
    assert judge.finish() == () and judge.summary() == {}


def test_a_frame_that_was_there_before_in_its_trajectory():
    """Detects a writer that hung, also where the earlier frame is in another chunk."""
    first, later = chunk(), chunk(first=10)
    later.R[2:5], later.F[2:5] = first.R[9], first.F[9]
    judge = sieve()
    judge(first)
    with pytest.raises(UserError, match=r"run0\.trr, frame 12: equal to frame 9, an earlier one of the same trajector"):
        judge(later)
    judge = sieve("drop")
    judge(first)
    assert judge(later).frame.tolist() == [10, 11, 15, 16, 17, 18, 19]
    assert judge.summary() == {"equal to an earlier frame": 3}


def test_frames_of_an_earlier_trajectory_are_left_out_of_the_later_one():
    """Detects overlapping restarts that stay in twice, or that stop a run."""
    first, later = chunk(), chunk(trajectory=1)
    later.R[:4] = first.R[6:]
    judge = sieve()
    judge(first)
    assert judge(later).frame.tolist() == [4, 5, 6, 7, 8, 9]
    assert judge.finish() == ("4 frames of P: run1.trr are also in P: run0.trr; left out of the later one",)
    assert judge.summary() == {"also in an earlier trajectory": 4}


def test_forces_that_were_there_before():
    """Detects forces that were not written anew while the positions were."""
    made = chunk()
    made.F[6] = made.F[4]
    with pytest.raises(UserError, match=r"run0\.trr, frame 6: other positions, but the forces of frame 4"):
        sieve()(made)
    judge = sieve("drop")
    assert 6 not in judge(made).frame
    assert judge.summary() == {"forces of an earlier frame": 1}


def test_forces_beyond_reason_in_another_unit():
    """Detects forces in kJ/mol/nm that are told as a few damaged frames."""
    made = chunk()
    made.F[:] *= 200
    with pytest.raises(UserError, match="beyond reason, and all of this trajectory's are large: likely in kJ/mol/nm"):
        sieve()(made)


@pytest.mark.parametrize("policy", ["refuse", "drop"])
@pytest.mark.parametrize(("factor", "unit"), [(0.1, "nm"), (10.0, "multiplied by 10"), (100.0, "pm"), (1.89, "Bohr")])
def test_another_unit_of_length_is_named(policy, factor, unit):
    """Detects positions in another unit taken for damage, or dropped frame by frame."""
    made = chunk()
    made.R[:] *= factor
    with pytest.raises(UserError, match=rf"^P: run0\.trr: bonds are .* times as long .*{unit}"):
        sieve(policy)(made)


def test_when_nearly_all_frames_are_bad_nothing_is_dropped():
    """Detects a run on the few frames that happen to pass."""
    judge = sieve("drop")
    judge(damaged((5, 1), 40.0, rows=slice(0, 10)))
    with pytest.raises(UserError, match=r"no usable frame is left, 10 were dropped \(10 × bonds of impossible"):
        judge.finish()
    judge = sieve("drop")
    judge(damaged((5, 1), 40.0, rows=slice(0, 10)))
    judge(chunk(trajectory=1, frames=1))
    with pytest.raises(UserError, match=r"10 of 11 frames cannot be .* do topology and units fit"):
        judge.finish()


def test_cis_bonds_are_no_damage():
    """Detects frames that are refused because a peptide bond is cis: its Cα are 2.95 Å apart, with vibration 2.75 Å."""
    rows = np.arange(3)
    R = np.zeros((5, 3, 3), np.float32)
    R[:, 1, 0], R[:, 2, 0] = 3.8, 3.8 + np.linspace(2.75, 3.15, 5)
    assert not bead_bonds(0 * rows, rows, rows).broken(R).any()


def test_two_beads_on_one_place():
    """Detects beads that coincide though they are not bonded."""
    rows = np.arange(4)
    R = np.random.default_rng(0).normal(0, 0.1, (6, 4, 3)) + rows[:, None] * [3.8, 0, 0]
    R[4, 3] = R[4, 0]
    made = Chunk(0, 300.0, np.arange(6), R.astype(np.float32), np.ones((6, 4, 3), np.float32))
    made.F[:] += np.arange(6)[:, None, None]
    loose = bead_bonds(np.zeros(4, int), np.array([1, 2, 10, 20]), rows)
    with pytest.raises(UserError, match="own, frame 4: atoms on one point"):
        Sieve("refuse", lambda _: "own", loose, rows, "")(made)
