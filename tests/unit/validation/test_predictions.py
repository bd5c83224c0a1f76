"""Which forces stand for an exported program, at temperatures of frames."""

from pathlib import Path

import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program
from cgpipe.model.potential import Potential
from cgpipe.validation import predictions


@pytest.mark.parametrize(("kelvin", "asked"), [(float(np.float32(310.15)), True), (310.15, True), (320.0, False)])
def test_the_program_is_what_is_tested_at_its_own_temperature(monkeypatch, kelvin, asked):
    """Detects a program whose frames have its temperature in single precision, so that it never takes part."""
    R, rows = np.zeros((2, 3, 3)), np.arange(3, dtype=np.int32)
    topology = Topology(rows, 0 * rows, rows, np.ones(3, bool))
    monkeypatch.setattr(predictions, "program_forces", lambda *_: R + 1)
    monkeypatch.setattr(predictions, "model_forces", lambda *_: R + 2)
    monkeypatch.setattr(predictions, "at_temperature", lambda one, *_: one)
    program = Program({"temperature": 310.15}, Path("model.json"))
    potential = Potential(None, None, 12.0, 2)
    found = predictions.forces_at(program, [potential], kelvin, R, topology)
    assert (found == (1 if asked else 2)).all()
