"""Equal frames found again, on made-up chains; cannot tell how alike the frames of a real simulation are.

The demo's frames, of which none are equal, are in the last test.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from test_projection import projection

from cgpipe.artefact import header
from cgpipe.data.equal_frames import are_equal, fingerprints, may_be_equal, without_copies
from cgpipe.data.projection import write_projection
from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.data.shared_frames import SharedFrames
from cgpipe.errors import UserError


def chain(name="p", frames=60, beads=8):
    """A projection of two trajectories of different frames."""
    made = projection(name, frames=frames, beads=beads)
    return replace(made, quality={"frames": frames, "frames_dropped": 0, "left_out": {}, "notes": []})


def moved(R, precision=0.01, seed=0):
    """The frames elsewhere, turned, and rounded as XTC does."""
    random = np.random.default_rng(seed)
    turn = Rotation.random(len(R), random_state=1).as_matrix()
    R = np.einsum("fij,fbj->fbi", turn, R.astype(np.float64)) + random.normal(0, 30, (len(R), 1, 3))
    return (np.round(R / precision) * precision).astype(np.float32)


@pytest.mark.parametrize("beads", [6, 8, 60])
def test_they_are_found_however_they_lie(beads):
    """Detects copies that turning, shifting, rounding or another order hides, and other frames taken for copies."""
    R = chain(frames=200, beads=beads).R
    order = np.random.default_rng(0).permutation(200)[:50]
    copies = moved(R[order])
    pairs = may_be_equal(fingerprints(copies), fingerprints(R))
    pairs = pairs[are_equal(copies, R, pairs)]
    assert np.array_equal(pairs[np.argsort(pairs[:, 0])], np.stack([np.arange(50), order], axis=1))


def test_frames_that_only_resemble_each_other_are_not_equal():
    """Detects neighbours in time taken for copies: 0.05 Å per coordinate is less than 0.1 ps of a simulation."""
    R = chain(frames=200).R
    near = R + np.random.default_rng(1).normal(0, 0.05, R.shape).astype(np.float32)
    pairs = may_be_equal(fingerprints(near), fingerprints(R))
    assert not are_equal(near, R, pairs).any()


def test_few_beads_are_equal_only_to_the_last_bit():
    """Detects small molecules that are alike by chance."""
    R = np.repeat(chain(frames=4, beads=2).R, 50, axis=0)
    R += np.random.default_rng(0).normal(0, 1e-3, R.shape).astype(np.float32)
    pairs = may_be_equal(fingerprints(R), fingerprints(R))
    equal = pairs[are_equal(R, R, pairs)]
    assert np.array_equal(np.unique(equal, axis=0), np.repeat(np.arange(200)[:, None], 2, axis=1))


def test_copies_in_a_later_trajectory_are_left_out_and_told():
    """Detects a restart in another format that stays in twice, and the wrong one of both left out."""
    made = chain()
    R = made.R.copy()
    R[40:45] = moved(R[3:8])
    left = without_copies(replace(made, R=R))
    assert left.frame.tolist() == [*range(40), *range(45, 60)]
    assert (left.quality["frames"], left.quality["frames_dropped"]) == (55, 5)
    assert left.quality["left_out"] == {"also in an earlier trajectory": 5}
    assert left.quality["notes"][0].startswith("5 frames of 348/0 are equal to frames of 320/0")
    assert without_copies(made) is made


def added(tmp_path, *projections):
    known = SharedFrames()
    found = []
    for made in projections:
        file = tmp_path / f"{made.protein}.h5"
        write_projection(file, made, header("projection", {}, {}))
        found.append(known.add(made, file))
    return found


def test_one_trajectory_under_two_names_is_refused(tmp_path):
    """Detects a file listed twice, also where it was converted, thinned and turned."""
    one = chain("one")
    other = replace(one, protein="two", R=moved(one.R)).take(np.arange(0, 60, 3))
    with pytest.raises(UserError, match=r"^one and two have 20 equal frames, e\.g\. one 320/0 frame 0 and two 320/0"):
        added(tmp_path, one, other)


def test_a_start_that_proteins_have_in_common_is_left_out(tmp_path):
    """Detects a common start that stops a run, or that is trained on and tested on."""
    one, other = chain("one"), chain("two")
    R = other.R.copy()
    R[0] = one.R[0]
    found = added(tmp_path, one, replace(other, R=R), chain("three", beads=9))
    assert [rows.tolist() for rows in map(np.flatnonzero, found)] == [[], [0], []]


def test_no_frames_of_the_demo_are_equal(demo_data):
    """Detects frames of a real simulation taken for each other."""
    with open_mdcath(demo_data / "mdcath_dataset_cln025.h5") as reader:
        alpha = [row for row, name in enumerate(reader.atoms.name) if name == "CA"]
        R = np.concatenate([chunk.R[:, alpha] for chunk in reader.chunks()])
    pairs = may_be_equal(fingerprints(R), fingerprints(R))
    equal = pairs[are_equal(R, R, pairs)]
    assert np.array_equal(equal[:, 0], equal[:, 1])
