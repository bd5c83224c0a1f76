"""The mdCATH reader on synthetic files: what is selected, and how much is read at a time.

Cannot detect a difference between real mdCATH files and this project's idea of their layout.
"""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mdcath_files import PROTEIN, read, write_small
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers import reader as readers
from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.data.readers.reader import take_frames


@pytest.fixture
def file(tmp_path):
    return write_small(tmp_path / "m.h5")


def test_selection_and_stride(file):
    # detects wrong trajectories, frame numbers or rows under a stride
    reader, chunks = read(file, temperatures=(348,), stride=3)
    assert reader.trajectories == ("348/0", "348/2")
    assert reader.lengths == (3, 2)
    assert [chunk.frame.tolist() for chunk in chunks] == [[0, 3, 6], [0, 3]]
    with h5py.File(file) as raw:
        assert np.array_equal(chunks[0].F, raw["synth/348/0/forces"][::3])
        assert np.array_equal(chunks[1].R, raw["synth/348/2/coords"][::3])
    assert {chunk.temperature for chunk in chunks} == {348.0}


def test_chunks_do_not_change_what_is_read(file, monkeypatch):
    # detects frames lost or doubled at borders of chunks, and chunks larger than asked for
    _, whole = read(file, stride=2)
    monkeypatch.setattr(readers, "CHUNK_BYTES", 2 * 24 * 18)
    _, parts = read(file, stride=2)
    assert max(len(chunk.frame) for chunk in parts) == 2
    for trajectory in range(3):
        one = [c for c in whole if c.trajectory == trajectory]
        many = [c for c in parts if c.trajectory == trajectory]
        assert np.array_equal(one[0].R, np.concatenate([c.R for c in many]))
        assert np.array_equal(one[0].frame, np.concatenate([c.frame for c in many]))


def test_missing_and_empty_replicas_are_skipped_and_named(file):
    # detects silent skipping
    with h5py.File(file, "a") as raw:
        raw.create_group("synth/348/1")
    reader, _ = read(file, temperatures=(348,), replicas=(0, 1, 3))
    assert reader.trajectories == ("348/0",)
    assert reader.notes == ("348/1 is empty", "348/3 is missing")


def test_atoms(file):
    # detects a wrong column of the PDB or wrong bonds from the PSF
    reader, _ = read(file)
    assert reader.atoms.name[:6] == ("N", "HN", "CA", "HA", "C", "O")
    assert np.array_equal(reader.atoms.bonds, PROTEIN.bonds())
    assert reader.atoms.describe(8) == "chain 0 GLY 2 CA"


def test_psf_of_the_solvated_system_gives_the_protein_only(file):
    # detects bonds of water taken for the protein's
    water = [("OH2", 8, "TIP3", 9), ("H1", 1, "TIP3", 9)]
    solvated = SyntheticProtein(PROTEIN.residues, extra=water)
    with h5py.File(write_mdcath(file.with_name("s.h5"), solvated, {"320/0": 1})) as raw:
        psf = (
            raw["synth/psf"].asstr()[()].replace("      17 !NBOND: bonds\n", "      18 !NBOND: bonds\n      19      20")
        )
    with h5py.File(file, "a") as raw:
        del raw["synth/psf"]
        raw["synth/psf"] = psf
    reader, _ = read(file)
    assert np.array_equal(reader.atoms.bonds, PROTEIN.bonds())


def test_frames_are_spread_over_the_trajectory(file):
    # detects the first n frames taken, and rows that are not those that were numbered
    reader, chunks = read(file, temperatures=(348,), max_frames=3)
    assert [chunk.frame.tolist() for chunk in chunks] == [[0, 3, 6], [0, 1, 3]]
    with h5py.File(file) as raw:
        assert np.array_equal(chunks[1].R, raw["synth/348/2/coords"][[0, 1, 3]])
    assert reader.lengths == (3, 3)


@settings(max_examples=60, deadline=None)
@given(total=st.integers(0, 400), stride=st.integers(1, 30), max_frames=st.integers(0, 50))
def test_taken_frames(total, stride, max_frames):
    # detects too many, doubled or clustered frames, or a loss of the first or last
    every = list(range(0, total, stride))
    taken = take_frames(total, stride, max_frames).tolist()
    assert len(taken) == (min(len(every), max_frames) if max_frames else len(every))
    assert set(taken) <= set(every) and taken == sorted(set(taken))
    if len(taken) > 1:
        assert (taken[0], taken[-1]) == (every[0], every[-1])
        gaps = np.diff(taken) // stride
        assert gaps.max() - gaps.min() <= 1


def test_missing_and_empty_temperatures(file):
    # detects a refusal where a released file lacks a temperature, or silence about it
    with h5py.File(file, "a") as raw:
        raw.create_group("synth/413")
    reader, _ = read(file, temperatures=(348, 413, 450))
    assert reader.trajectories == ("348/0", "348/2")
    assert reader.notes == ("temperature 413 has no replicas", "temperature 450 is missing")
    assert read(file)[0].notes == ("temperature 413 has no replicas",)


def test_no_frames_in_a_replica(tmp_path):
    # detects an empty array taken for a trajectory
    path = write_mdcath(tmp_path / "m.h5", PROTEIN, {"320/0": 0, "320/1": 2})
    reader, _ = read(path)
    assert reader.trajectories == ("320/1",)
    assert reader.notes == ("320/0 is empty",)


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_storage_makes_no_difference(file, compression):
    # detects that only one way of storing arrays is read
    _, expected = read(file, max_frames=4)
    with h5py.File(file, "a") as raw:
        for name in ("320/0", "348/0", "348/2"):
            for key in ("coords", "forces"):
                values, unit = raw[f"synth/{name}/{key}"][()], raw[f"synth/{name}/{key}"].attrs["unit"]
                del raw[f"synth/{name}/{key}"]
                made = raw[f"synth/{name}"].create_dataset(key, data=values, chunks=(2, 18, 3), compression=compression)
                made.attrs["unit"] = unit
    _, found = read(file, max_frames=4)
    assert all(np.array_equal(a.R, b.R) and np.array_equal(a.F, b.F) for a, b in zip(expected, found, strict=True))


def test_several_files_of_one_domain(file, tmp_path):
    # detects trajectories of the same name mixed up, and a temperature called missing that another file has
    more = write_mdcath(tmp_path / "n.h5", PROTEIN, {"348/0": 3, "450/1": 2}, seed=5)
    with open_mdcath([file, more], temperatures=(348, 450)) as reader:
        chunks = list(reader.chunks())
        assert reader.trajectories == ("348/0", "348/0@2", "348/2", "450/1")
        assert reader.lengths == (7, 3, 4, 2)
        assert reader.notes == ()
        assert "n.h5" in reader.where(1)
    with h5py.File(more) as raw:
        assert np.array_equal(chunks[1].R, raw["synth/348/0/coords"][()])
        assert np.array_equal(chunks[3].R, raw["synth/450/1/coords"][()])
