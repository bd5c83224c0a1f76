"""AMBER's NetCDF files, written here array by array; the expected numbers are those that were written.

Cannot detect that a version of pmemd writes something else than its convention says.
"""

import gc
import sys

import h5py
import numpy as np
import pytest
from scipy.io import netcdf_file
from simulated_systems import System, demo_system

from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError

FRAMES = 5
EVERYWHERE = ("frame", "atom", "spatial")


@pytest.fixture(scope="module")
def peptide(demo_data) -> System:
    """CLN025, no box."""
    return demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", FRAMES)


@pytest.fixture
def topology(peptide, tmp_path):
    """PDB of the peptide."""
    peptide.write(tmp_path / "p.pdb")
    return tmp_path / "p.pdb"


def write(path, R=None, F=None, *, version=2, cell=None, start=0.0, conventions="AMBER", **attributes):
    """A file as pmemd writes it; ``attributes`` (``forces_units``, ``forces_scale_factor``…) replace those of an array,
    None leaves one out."""
    count, atoms, _ = (R if R is not None else F).shape
    with netcdf_file(path, "w", version=version) as file:
        file.Conventions, file.ConventionVersion, file.program, file.programVersion = conventions, "1.0", "pmemd", "22"
        for name, length in (("frame", None), ("spatial", 3), ("atom", atoms)):
            file.createDimension(name, length)
        arrays = {
            "time": (("frame",), "picosecond", start + np.arange(count)),
            "coordinates": (EVERYWHERE, "angstrom", R),
            "forces": (EVERYWHERE, "kilocalorie/mole/angstrom", F),
            "cell_lengths": (("frame", "spatial"), "angstrom", cell and np.tile(cell[:3], (count, 1))),
            "cell_angles": (("frame", "spatial"), "degree", cell and np.tile(cell[3:], (count, 1))),
        }
        for name, (dimensions, unit, values) in arrays.items():
            if values is None:
                continue
            variable = file.createVariable(name, "f4", dimensions)
            known = {"units": unit} | {
                key.removeprefix(f"{name}_"): value for key, value in attributes.items() if key.startswith(f"{name}_")
            }
            for key, value in known.items():
                if value is not None:
                    setattr(variable, key, value)
            variable[:] = values
    return path


def read(topology, *trajectories):
    with open_trajectory(str(topology), [str(one) for one in trajectories], 348.0) as found:
        return found, list(found.chunks())


def refused(topology, *trajectories):
    """The error's text; what is left of half-made readers must not be printed."""
    unraisable = []
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        with pytest.raises(UserError) as caught:
            read(topology, *trajectories)
        text = str(caught.value)
        del caught
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert not unraisable
    assert "\n" not in text
    return text


def assert_is(peptide, chunk, rows=slice(None)):
    assert np.abs(chunk.R - peptide.R[rows]).max() < 2e-5
    assert np.abs(chunk.F - peptide.F[rows]).max() < 1e-4


def test_pairs_of_coordinates_and_forces(peptide, topology, tmp_path):
    """Two pairs in any order of names are two trajectories; detects forces of another frame, file or unit."""
    turned = slice(None, None, -1)
    files = [
        write(tmp_path / "mdcrd", R=peptide.R),
        write(tmp_path / "mdcrd2", R=peptide.R[turned]),
        write(tmp_path / "mdfrc", F=peptide.F),
        write(tmp_path / "mdfrc2", F=peptide.F[turned]),
    ]
    for order in ((0, 1, 2, 3), (0, 2, 1, 3)):
        found, chunks = read(topology, *(files[i] for i in order))
        assert found.trajectories == ("348/0", "348/1")
        assert_is(peptide, chunks[0])
        assert_is(peptide, chunks[1], turned)


def test_an_unequal_pair(peptide, topology, tmp_path):
    """Other numbers of frames or atoms, or other times; detects a pairing by index."""
    crd = write(tmp_path / "c.nc", R=peptide.R)
    for frc, words in (
        (write(tmp_path / "f.nc", F=peptide.F[::2]), "5 and 3 frames"),
        (write(tmp_path / "g.nc", F=peptide.F, start=7.0), "frame 0 at 0 and 7 ps"),
        (write(tmp_path / "h.nc", F=peptide.F[:, 1:]), "175 and 174 atoms"),
    ):
        text = refused(topology, crd, frc)
        assert words in text and "c.nc" in text and frc.name in text and "ntwf" in text


def test_one_of_a_pair(peptide, topology, tmp_path):
    """What to name or to set, in AMBER's words."""
    crd, frc = write(tmp_path / "mdcrd", R=peptide.R), write(tmp_path / "mdfrc", F=peptide.F)
    for file in (crd, frc):
        text = refused(topology, file)
        assert file.name in text and "ntwf = -1" in text and "nstfout" not in text
    assert "mdfrc" in refused(topology, frc, write(tmp_path / "mdfrc2", F=peptide.F), crd)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("cell", [None, [0.0] * 6, [60.0] * 3 + [90.0] * 3])
def test_netcdf_3(peptide, topology, tmp_path, version, cell):
    """Classic and with 64-bit offsets; a cell of zeros is no box."""
    _, [chunk] = read(topology, write(tmp_path / "p.nc", R=peptide.R, F=peptide.F, version=version, cell=cell))
    assert_is(peptide, chunk)


def test_netcdf_4(peptide, topology, tmp_path):
    """That is HDF5."""
    with h5py.File(tmp_path / "p.nc", "w") as file:
        file.attrs["Conventions"] = np.bytes_("AMBER")
        for name, values, unit in (
            ("coordinates", peptide.R, "angstrom"),
            ("forces", peptide.F, "kilocalorie/mole/angstrom"),
        ):
            file.create_dataset(name, data=values).attrs["units"] = np.bytes_(unit)
    _, [chunk] = read(topology, tmp_path / "p.nc")
    assert_is(peptide, chunk)


def test_scale_factors(peptide, topology, tmp_path):
    """Stored numbers times the factor; a factor that is no number is refused."""
    file = write(
        tmp_path / "p.nc", R=peptide.R * 2, F=peptide.F / 4, coordinates_scale_factor=0.5, forces_scale_factor=4.0
    )
    assert_is(peptide, read(topology, file)[1][0])
    text = refused(topology, write(tmp_path / "q.nc", R=peptide.R, F=peptide.F, forces_scale_factor="much"))
    assert "scale_factor of forces" in text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"forces_units": None}, ["unit of forces is missing", "kilocalorie/mole/angstrom"]),
        ({"coordinates_units": None}, ["unit of coordinates is missing", "angstrom"]),
        ({"forces_units": "kilojoule/mole/nanometer"}, ["'kilojoule/mole/nanometer'", "kilocalorie/mole/angstrom"]),
        ({"coordinates_units": "nanometer"}, ["coordinates", "'nanometer'", "angstrom"]),
        ({"cell": [60.0] * 3 + [1.57] * 3, "cell_angles_units": "radian"}, ["cell_angles", "'radian'", "degree"]),
        ({"cell": [60.0, 60.0, 0.0] + [90.0] * 3}, ["box", "frame 0"]),
        ({"conventions": "AMBERRESTART"}, ["restart"]),
        ({"conventions": "CF-1.6"}, ["no AMBER trajectory"]),
    ],
)
def test_what_cannot_be_used(peptide, topology, tmp_path, wrong, words):
    """One line with the file, the array and what was expected."""
    text = refused(topology, write(tmp_path / "p.nc", R=peptide.R, F=peptide.F, **wrong))
    assert [word for word in ["p.nc", *words] if word not in text] == []


@pytest.mark.parametrize("left", [0.0, 0.001, 0.5, 0.97])
def test_truncated(peptide, topology, tmp_path, left):
    """Detects a traceback, or frames that are silently fewer."""
    file = write(tmp_path / "p.nc", R=peptide.R, F=peptide.F)
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    text = refused(topology, file)
    assert "p.nc" in text and ("truncated" in text or "empty" in text)


def test_text_format(peptide, topology, tmp_path):
    """``mdcrd`` and ``mdfrc`` as text hold one of both: what to set."""
    rows = "".join(f"{x:8.3f}" + ("\n" if i % 10 == 9 else "") for i, x in enumerate(peptide.R[0].ravel()))
    (tmp_path / "mdfrc").write_text(f"title\n{rows}\n")
    text = refused(topology, tmp_path / "mdfrc")
    assert "ioutfm = 1" in text and "ntwf = -1" in text


def test_half_made_readers_are_silent(topology, tmp_path):
    """A reader of MDAnalysis that fails in ``__init__`` fails again in ``__del__``; detects that Python prints it."""
    (tmp_path / "p.dcd").write_bytes(b"\x00\x07 no DCD" * 40)
    (tmp_path / "p.xtc").write_bytes(b"\x00\x07 no XTC" * 40)
    for name in ("p.dcd", "p.xtc"):
        assert name in refused(topology, tmp_path / name)
