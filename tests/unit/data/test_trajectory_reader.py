"""Systems of the demo's proteins written by MDAnalysis and read back as a source.

Cannot detect errors that MDAnalysis makes both in writing and in reading; `tests/physics/test_gromacs.py` has files of
GROMACS itself.
"""

import h5py
import numpy as np
import pytest
from simulated_systems import System, demo_system

from cgpipe.data.readers import open_mdcath, reader
from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError
from cgpipe.physics.mapping import map_alpha_carbons

FRAMES = 6
BOX = np.array([[31.0, 0.0, 0.0], [9.0, 30.0, 0.0], [-8.0, 7.0, 29.0]])


@pytest.fixture(scope="module")
def peptide(demo_data) -> System:
    """CLN025, no box."""
    return demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", FRAMES)


def read(topology, *trajectories, **chosen):
    with open_trajectory(str(topology), [str(t) for t in trajectories], 348.0, **chosen) as found:
        return found, list(found.chunks())


def box_lengths_and_angles(box):
    a, b, c = box
    cosines = [v @ w / np.linalg.norm(v) / np.linalg.norm(w) for v, w in ((b, c), (a, c), (a, b))]
    return np.array([*np.linalg.norm(box, axis=1), *np.degrees(np.arccos(cosines))])


@pytest.fixture
def written(peptide, tmp_path):
    """PDB and TRR of the peptide."""
    peptide.write(tmp_path / "p.pdb", tmp_path / "p.trr")
    return tmp_path / "p.pdb", tmp_path / "p.trr"


@pytest.mark.parametrize("suffix", [".trr", ".nc", ".h5md"])
def test_units_of_each_format(peptide, tmp_path, suffix):
    # detects nm, kJ or AMBER's units taken for Å and kcal
    trajectory = tmp_path / f"p{suffix}"
    peptide.write(tmp_path / "p.pdb", trajectory, dimensions=np.array([90.0] * 6))
    _, [chunk] = read(tmp_path / "p.pdb", trajectory)
    assert pytest.approx(peptide.R, abs=2e-5) == chunk.R
    assert pytest.approx(peptide.F, abs=1e-4) == chunk.F
    assert chunk.frame.tolist() == list(range(FRAMES))
    assert chunk.temperature == 348.0


def test_equals_the_mdcath_route(demo_data, written):
    # detects other atoms, beads or bonds for the same molecule; the bonds are guessed here, in mdCATH they are given
    with open_mdcath(demo_data / "mdcath_dataset_cln025.h5", "", (348,), (0,)) as expected:
        found, _ = read(*written)
        assert found.trajectories == expected.trajectories
        assert found.atoms.name == expected.atoms.name
        assert np.array_equal(found.atoms.atomic_number, expected.atoms.atomic_number)
        assert sorted(map(sorted, found.atoms.bonds.tolist())) == sorted(map(sorted, expected.atoms.bonds.tolist()))
        one, other = (map_alpha_carbons(r.atoms, {}, "p") for r in (found, expected))
        assert one.residue_name == other.residue_name
        assert np.array_equal(one.atom, other.atom) and np.array_equal(one.residue, other.residue)
        assert any("bonds guessed" in note for note in found.notes)


def test_psf_gives_the_bonds(demo_data, peptide, tmp_path):
    # detects a guess where the topology has all bonds
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as raw:
        (tmp_path / "p.psf").write_text(raw["cln025/psf"].asstr()[()])
    peptide.write(tmp_path / "p.trr")
    found, _ = read(tmp_path / "p.psf", tmp_path / "p.trr")
    assert len(found.atoms.bonds) == 180
    assert not any("bonds guessed" in note for note in found.notes)


@pytest.mark.parametrize("suffix", [".pdb", ".gro"])
def test_wrapped_solvated_system_gives_the_whole_protein(peptide, tmp_path, suffix):
    # detects solvent among the atoms, rows of other atoms, and molecules left cut by a (triclinic) box
    system = peptide.solvated(60).wrapped(BOX)
    topology, trajectory = tmp_path / f"s{suffix}", tmp_path / "s.trr"
    system.write(topology, trajectory, dimensions=box_lengths_and_angles(BOX))
    found, [chunk] = read(topology, trajectory)
    assert found.atoms.name == tuple(peptide.name)
    assert np.abs(np.diff(chunk.F - peptide.F, axis=0)).max() < 1e-3
    moved = chunk.R - peptide.R
    assert np.ptp(moved, axis=1).max() < 1e-3  # one lattice vector for all atoms of a frame
    length = np.linalg.norm(np.diff(chunk.R[:, found.atoms.bonds], axis=2), axis=-1)
    assert length.max() < 2.5


def test_two_chains(peptide, tmp_path):
    # detects chains that run into each other, and a complex that the boundary leaves apart
    dimer = peptide.copies("Q", np.array([25.0, 0.0, 0.0]))
    wide = 2.5 * BOX
    dimer.wrapped(wide).write(tmp_path / "d.pdb", tmp_path / "d.trr", dimensions=box_lengths_and_angles(wide))
    found, [chunk] = read(tmp_path / "d.pdb", tmp_path / "d.trr")
    beads = map_alpha_carbons(found.atoms, {}, "d")
    assert beads.chain.tolist() == [0] * 10 + [1] * 10
    assert np.ptp(chunk.R - dimer.R, axis=1).max() < 1e-3


def test_chains_without_names_are_told_apart_by_their_numbers(peptide, tmp_path):
    # detects two chains of a GRO (which has no chain names) taken for one with a gap
    dimer = peptide.copies("P", np.array([30.0, 0.0, 0.0]))
    dimer.write(tmp_path / "d.gro", tmp_path / "d.trr", dimensions=np.array([60.0] * 3 + [90.0] * 3))
    found, _ = read(tmp_path / "d.gro", tmp_path / "d.trr")
    beads = map_alpha_carbons(found.atoms, {}, "d")
    assert beads.chain.tolist() == [0] * 10 + [1] * 10
    assert any("2 chains told apart" in note for note in beads.notes)


def test_chunks_are_bounded_and_change_nothing(written, monkeypatch):
    # detects frames lost at borders, and memory that grows with the trajectory
    _, [whole] = read(*written)
    monkeypatch.setattr(reader, "CHUNK_BYTES", 2 * 24 * 175)
    _, parts = read(*written)
    assert [len(part.frame) for part in parts] == [2, 2, 2]
    assert np.array_equal(whole.R, np.concatenate([part.R for part in parts]))


def test_selection_of_frames_and_several_files(peptide, written, tmp_path):
    # detects wrong frames, and files that are mixed up
    turned = System(**{**peptide.__dict__, "R": peptide.R[::-1], "F": peptide.F[::-1]})
    turned.write(tmp_path / "q.trr")
    found, chunks = read(*written, tmp_path / "q.trr", stride=2, max_frames=2)
    assert found.trajectories == ("348/0", "348/1")
    assert [chunk.frame.tolist() for chunk in chunks] == [[0, 4], [0, 4]]
    assert pytest.approx(peptide.R[[5, 1]], abs=2e-5) == chunks[1].R
    assert pytest.approx(peptide.F[[5, 1]], abs=1e-4) == chunks[1].F


def test_frames_without_forces(peptide, written, tmp_path):
    # detects silent loss of frames, or zeros taken for forces
    trajectory = tmp_path / "half.trr"
    peptide.write(trajectory, no_forces=(1, 2, 5))
    with pytest.raises(UserError, match=r"half\.trr: 3 of 6 frames .*the first is frame 1; set missing_forces"):
        read(written[0], trajectory)
    found, [chunk] = read(written[0], trajectory, missing_forces="skip")
    assert chunk.frame.tolist() == [0, 3, 4]
    assert pytest.approx(peptide.F[[0, 3, 4]], abs=1e-4) == chunk.F
    assert f"{trajectory}: 3 of 6 frames hold no forces (or no positions), left out" in found.notes
    assert read(written[0], trajectory, stride=3)[1][0].frame.tolist() == [0, 3]


@pytest.mark.parametrize("policy", ["refuse", "skip"])
def test_no_forces_at_all(peptide, written, tmp_path, policy):
    # detects a source without forces that is taken for an empty one, or used
    peptide.write(tmp_path / "none.trr", no_forces=tuple(range(FRAMES)))
    with pytest.raises(UserError, match=r"none\.trr: .*6 of 6 frames hold no forces"):
        read(written[0], tmp_path / "none.trr", missing_forces=policy)


def test_no_files_are_left_beside_the_data(written):
    # detects MDAnalysis' index and lock files in the user's folder
    read(*written)
    assert sorted(path.name for path in written[0].parent.iterdir()) == ["p.pdb", "p.trr"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"selection": "protien"}, r"p\.pdb: selection 'protien' is not understood"),
        ({"selection": "resname HOH"}, r"p\.pdb: selection 'resname HOH' selects no atom; residues are named ASP, GLU"),
    ],
)
def test_selections_that_cannot_be_used(written, chosen, message):
    with pytest.raises(UserError, match=message):
        read(*written, **chosen)


def test_missing_files(written, tmp_path):
    for files in ((tmp_path / "x.tpr", written[1]), (written[0], tmp_path / "x.trr")):
        with pytest.raises(UserError, match=r"x\.(tpr|trr): no such file"):
            read(*files)


def test_topology_of_another_system(peptide, written, tmp_path):
    # detects a trajectory read with the atoms of another system
    peptide.solvated(4).write(tmp_path / "w.trr")
    with pytest.raises(UserError, match=r"w\.trr: cannot be read .*187"):
        read(written[0], tmp_path / "w.trr")


@pytest.mark.parametrize("bytes_left", [0.97, 0.55, 0.001])
def test_truncated_trajectory(written, bytes_left):
    # detects that the frames before the end are taken as if nothing were wrong
    content = written[1].read_bytes()
    written[1].write_bytes(content[: int(bytes_left * len(content))])
    with pytest.raises(UserError, match=r"p\.trr.*(ends within a frame|cannot be read)"):
        read(*written)


@pytest.mark.parametrize("damage", ["trajectory", "topology"])
def test_foreign_content(written, damage):
    # detects a traceback where a file holds something else than its name says
    written[damage == "trajectory"].write_bytes(b"\x00\x07 this is neither" * 40)
    with pytest.raises(UserError, match=rf"p\.{'trr' if damage == 'trajectory' else 'pdb'}"):
        read(*written)


def test_box_that_cannot_be_right(peptide, tmp_path):
    # detects that molecules are torn up by a placeholder for a box
    peptide.write(tmp_path / "p.pdb", tmp_path / "p.trr", dimensions=np.array([1.5, 1.5, 1.5, 90.0, 90.0, 90.0]))
    with pytest.raises(UserError, match=r"the periodic box is 1\.50 Å wide"):
        read(tmp_path / "p.pdb", tmp_path / "p.trr")
