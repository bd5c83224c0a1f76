"""Projections written and read back; cannot detect fields that mean something else to their writer and reader."""

import json

import h5py
import numpy as np
import pytest

from cgpipe.artefact import header
from cgpipe.data.projection import ARRAYS, TEXTS, Projection, read_projection, write_projection
from cgpipe.errors import UserError


def projection(name="p", frames=6, beads=3, temperature=(348.0,)):
    random = np.random.default_rng([beads, *name.encode()])
    return Projection(
        protein=name,
        R=random.normal(0, 5, (frames, beads, 3)).astype(np.float32),
        F=random.normal(0, 9, (frames, beads, 3)).astype(np.float32),
        residue_name=("ALA",) * beads,
        chain=np.zeros(beads, np.int32),
        residue=np.arange(beads, dtype=np.int32),
        temperature=np.resize(np.array(temperature, np.float32), frames),
        trajectories=("320/0", "348/0"),
        trajectory=np.sort(np.arange(frames, dtype=np.int32) % 2),
        frame=np.arange(frames, dtype=np.int32),
        W=np.eye(beads),
        atom_name=("CA",) * beads,
        atom_residue=tuple(map(str, range(beads))),
        quality={"rms_heldout": {"optimal": 12.0}},
    )


def test_round_trip(tmp_path):
    # detects a field that is lost, reordered or changes its type
    path, made = tmp_path / "p.h5", projection()
    write_projection(path, made, header("projection", {}, {}))
    read = read_projection(path)
    for name in ARRAYS:
        assert np.array_equal(getattr(read, name), getattr(made, name))
        assert getattr(read, name).dtype == getattr(made, name).dtype
    assert all(getattr(read, name) == getattr(made, name) for name in (*TEXTS, "protein", "quality"))


def test_temperatures():
    # detects frames of several temperatures mixed where one is asked for
    made = projection(temperature=(348.0, 348.0, 348.0, 320.0, 320.0, 413.0))
    assert made.reference_temperature() == 348.0
    assert made.of_temperature(320.0).frame.tolist() == [3, 4]
    assert np.array_equal(made.of_temperature(413.0).F, made.F[5:])
    with pytest.raises(UserError, match=r"p: no frames at 300 K; there are \[320\.0, 348\.0, 413\.0\] K"):
        made.of_temperature(300.0)
    assert len(made.reference_at(320.0)) == 2 and set(made.reference_at(300.0).temperature.tolist()) == {348.0}


def test_the_nearest_number_in_single_precision_is_the_same_temperature():
    """Detects frames at 310.15 K that a simulation at 310.15 K, read back from one of them or not, is not held to."""
    made = projection(temperature=(348.0, 348.0, 310.15))
    for kelvin in (310.15, float(np.float32(310.15)), 310.155):
        assert made.reference_at(kelvin).frame.tolist() == [2, 5]


def test_other_units_are_refused(tmp_path):
    # detects forces in other units that would be trained on
    path = tmp_path / "p.h5"
    head = header("projection", {}, {})
    write_projection(path, projection(), head | {"units": head["units"] | {"force": "kJ/mol/nm"}})
    with pytest.raises(UserError, match="kJ/mol/nm"):
        read_projection(path)


def test_other_kind_and_damage(tmp_path):
    # detects a traceback instead of an explanation
    path = tmp_path / "p.h5"
    write_projection(path, projection(), header("projection", {}, {}))
    with h5py.File(path, "a") as file:
        del file["frame"]
    with pytest.raises(UserError, match=r"p\.h5: damaged"):
        read_projection(path)
    with h5py.File(path, "a") as file:
        file.attrs["cgpipe"] = json.dumps(header("dataset", {}, {}))
    with pytest.raises(UserError, match="expected a 'projection' file"):
        read_projection(path)
