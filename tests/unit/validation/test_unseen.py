"""Which test frames the spread of an ensemble is measured by; cannot tell whether that spread means anything."""

import numpy as np

from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology
from cgpipe.validation.unseen import comparable


def test_test_frames_are_those_of_the_simulated_temperature():
    """Detects a limit from frames of other temperatures, and none at all where the simulated one has no frames."""
    rows = np.arange(6, dtype=np.int32)
    R = np.tile(rows[:, None, None], (1, 2, 3)).astype(np.float32)
    beads = np.zeros((6, 2), np.int32)
    topology = Topology(beads, beads, beads, np.ones((6, 2), bool))
    kelvin = np.array([300, 310.15] * 3, np.float32)
    frames = Frames(R, R, topology, rows, kelvin, rows, rows, np.ones(6, np.float32), np.zeros(6, bool))
    assert comparable(frames, 310.15)[:, 0, 0].tolist() == [1, 3, 5]
    assert len(comparable(frames, 305.0)) == 6
