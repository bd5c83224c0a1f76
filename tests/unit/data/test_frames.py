"""What happens to frames with NaN, infinity or no forces."""

import numpy as np
import pytest

from cgpipe.data.frames import Chunk, usable_frames
from cgpipe.errors import UserError


def chunk():
    random = np.random.default_rng(0)
    R, F = random.normal(size=(2, 4, 3, 3)).astype(np.float32)
    return Chunk(0, 348.0, np.array([10, 20, 30, 40]), R, F)


BAD = [
    ("R", np.nan, "NaN or infinity in the coordinates"),
    ("R", np.inf, "NaN or infinity in the coordinates"),
    ("F", -np.inf, "NaN or infinity in the forces"),
]


@pytest.mark.parametrize(("array", "value", "message"), BAD)
def test_refuse_names_the_first_bad_frame(array, value, message):
    # detects a wrong frame number, or a bad number that gets through
    bad = chunk()
    getattr(bad, array)[2, 1, 0] = value
    with pytest.raises(UserError, match=rf"P: T, frame 30: {message}.*project.non_finite: drop"):
        usable_frames(bad, "refuse", "P: T")


def test_drop_keeps_exactly_the_good_frames():
    # detects rows of one array dropped without the others'
    bad = chunk()
    bad.R[0, 0, 0] = np.nan
    bad.F[2] = 0.0
    kept = usable_frames(bad, "drop", "P: T")
    assert kept.frame.tolist() == [20, 40]
    assert np.array_equal(kept.R, bad.R[[1, 3]])
    assert np.array_equal(kept.F, bad.F[[1, 3]])


def test_frame_without_forces_is_refused():
    # detects frames stored without forces, which read as zeros
    bad = chunk()
    bad.F[1] = 0.0
    with pytest.raises(UserError, match="frame 20: all forces are zero"):
        usable_frames(bad, "refuse", "P: T")


def test_good_frames_pass():
    good = chunk()
    assert usable_frames(good, "refuse", "P: T") is good
