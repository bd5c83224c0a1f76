"""What the mdCATH reader refuses: wrong, damaged and incomplete files, and what is asked for but not there.

Cannot detect damage that leaves a valid file with other numbers.
"""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mdcath_files import PROTEIN, read, write_small
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.errors import UserError


@pytest.fixture
def file(tmp_path):
    return write_small(tmp_path / "m.h5")


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
