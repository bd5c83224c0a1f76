"""The mdCATH reader on synthetic files: what is selected, what is refused, and how much is read at a time.

Cannot detect a difference between real mdCATH files and this project's idea of their layout.
"""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers import reader as readers
from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.data.readers.reader import take_frames
from cgpipe.errors import UserError

PROTEIN = SyntheticProtein(["ALA", "GLY", "SER"])


@pytest.fixture
def file(tmp_path):
    return write_mdcath(tmp_path / "m.h5", PROTEIN, {"320/0": 5, "348/0": 7, "348/2": 4})


def read(path, domain="", temperatures=(), replicas=(), stride=1, max_frames=0):
    with open_mdcath(path, domain, temperatures, replicas, stride, max_frames) as reader:
        return reader, list(reader.chunks())


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


def tamper_no_forces(raw):
    del raw["synth/348/0/forces"]


def tamper_shape(raw):
    del raw["synth/348/0/forces"]
    raw["synth/348/0/forces"] = np.zeros((7, 17, 3), np.float32)


def tamper_frames(raw):
    del raw["synth/348/0/forces"]
    raw["synth/348/0/forces"] = np.zeros((6, 18, 3), np.float32)


def tamper_unit(raw):
    raw["synth/348/0/forces"].attrs["unit"] = "kJ/mol/nm"


def tamper_no_unit(raw):
    del raw["synth/348/0/coords"].attrs["unit"]


def tamper_type(raw):
    del raw["synth/348/0/coords"]
    raw["synth/348/0/coords"] = np.zeros((7, 18, 3), np.int32)


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (tamper_no_forces, "no forces"),
        (tamper_shape, r"forces has shape \(7, 17, 3\), expected \(7, 18, 3\)"),
        (tamper_frames, r"forces has shape \(6, 18, 3\), expected \(7, 18, 3\)"),
        (tamper_unit, "forces has unit 'kJ/mol/nm', expected 'kcal/mol/Angstrom'"),
        (tamper_no_unit, "coords has unit ''"),
        (tamper_type, "coords has type int32"),
    ],
)
def test_bad_trajectory_is_refused_with_its_place(file, tamper, message):
    # detects an error that does not say which trajectory, or comes only after others were read
    with h5py.File(file, "a") as raw:
        tamper(raw)
    with pytest.raises(UserError, match=f"m.h5, temperature 348, replica 0: .*{message}"):
        read(file)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"temperatures": (300,)},
            r"no frames for temperatures \[300\].*\(temperature 300 is missing\); there are temperatures \[320, 348\]",
        ),
        ({"replicas": (9,)}, r"no frames for temperatures all, replicas \[9\]"),
        ({"domain": "other"}, r"no domain 'other'; it has \['synth'\]"),
    ],
)
def test_what_is_not_there(file, chosen, message):
    # detects a silent empty selection
    with pytest.raises(UserError, match=message):
        read(file, **chosen)


def test_two_domains_need_a_choice(file):
    # detects that some domain is picked by chance
    with h5py.File(file, "a") as raw:
        raw.copy("synth", "second")
    with pytest.raises(UserError, match="holds 2 domains"):
        read(file)
    assert read(file, domain="second")[0].lengths == (5, 7, 4)


@pytest.mark.parametrize("key", ["psf", "pdbProteinAtoms", "z"])
def test_missing_topology(file, key):
    # detects a KeyError instead of an explanation
    with h5py.File(file, "a") as raw:
        del raw[f"synth/{key}"]
    with pytest.raises(UserError, match=f"synth: no {key}"):
        read(file)


def test_topologies_that_disagree(file):
    # detects a PSF whose rows are not those of the coordinates
    with h5py.File(file, "a") as raw:
        psf = raw["synth/psf"].asstr()[()].replace(" CA   X", " CB   X", 1)
        del raw["synth/psf"]
        raw["synth/psf"] = psf
    with pytest.raises(UserError, match="atom 3 is CA in pdbProteinAtoms but CB in psf"):
        read(file)


@pytest.mark.parametrize("cut", ["!NBOND", "!NATOM"])
def test_truncated_psf(file, cut):
    # detects fewer bonds or atoms than the PSF announces
    with h5py.File(file, "a") as raw:
        psf = raw["synth/psf"].asstr()[()]
        del raw["synth/psf"]
        raw["synth/psf"] = psf[: psf.index(cut) + 60]
    with pytest.raises(UserError, match=r"PSF (announces|has no|'s atom section)|PSF's atom section"):
        read(file)


def test_truncated_file(file):
    # detects a traceback of the HDF5 library
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"m\.h5: cannot be read as HDF5 \(truncated or damaged\?\)"):
        read(file)


def test_damaged_chunk(tmp_path):
    # detects that an unreadable part of an otherwise open file gives a traceback, or no place
    path = write_mdcath(tmp_path / "m.h5", PROTEIN, {"348/3": 40})
    with h5py.File(path, "a") as raw:
        forces = raw["synth/348/3/forces"][()]
        del raw["synth/348/3/forces"]
        stored = raw["synth/348/3"].create_dataset("forces", data=forces, chunks=(10, 18, 3), compression="gzip")
        stored.attrs["unit"] = "kcal/mol/Angstrom"
        chunk = stored.id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with pytest.raises(UserError, match="temperature 348, replica 3: cannot read forces"):
        read(path)


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


def test_files_of_different_molecules(file, tmp_path):
    # detects frames of one molecule read as another's
    other = write_mdcath(tmp_path / "o.h5", SyntheticProtein(["ALA", "GLY", "THR"]), {"348/0": 3})
    with (
        pytest.raises(UserError, match=r"o\.h5: its atoms \(18\) are not those of .*m\.h5 \(18\)"),
        open_mdcath([file, other]),
    ):
        pass


def test_incomplete_replica(file):
    # detects a file that was still being written
    with h5py.File(file, "a") as raw:
        raw["synth/348/2"].attrs["numFrames"] = 400
    with pytest.raises(UserError, match="348, replica 2: numFrames is 400, but there are 4; the file is incomplete"):
        read(file)


def test_forces_without_coordinates(file):
    # detects a damaged replica passed by as an empty one
    with h5py.File(file, "a") as raw:
        del raw["synth/348/2/coords"]
    with pytest.raises(UserError, match="348, replica 2: there are forces but no coordinates"):
        read(file)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_anywhere_is_explained(file, share):
    # detects any other exception than one with an explanation, or a cut that goes unnoticed
    content = file.read_bytes()
    damaged = file.with_name("damaged.h5")
    damaged.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"damaged\.h5"):
        read(damaged)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "none.h5")
