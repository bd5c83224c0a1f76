"""Files that GROMACS itself wrote, as MDAnalysisTests ships them (110 MB, in the extra ``dev``)."""

import bz2
import importlib.util
import shutil
from pathlib import Path

import MDAnalysis as mda
import numpy as np
import pytest

from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError
from cgpipe.physics.constraints import rigid_bonds
from cgpipe.physics.mapping import map_alpha_carbons

FOUND = importlib.util.find_spec("MDAnalysisTests")
pytestmark = pytest.mark.skipif(
    FOUND is None, reason="needs the package MDAnalysisTests (110 MB of files by MD programs)"
)
DATA = Path(FOUND.origin).parent / "data" if FOUND and FOUND.origin else Path()


def read(topology, trajectory, **chosen):
    with open_trajectory(str(topology), [str(trajectory)], 300.0, **chosen) as reader:
        return reader, list(reader.chunks())


def test_solvated_protein_with_forces():
    # detects wrong units or atoms: the forces are those that GROMACS' own g_traj gives for the protein
    reader, [chunk] = read(DATA / "cobrotoxin.tpr", DATA / "cobrotoxin.trr")
    with bz2.open(DATA / "cobrotoxin_protein_forces.xvg.bz2", "rt") as file:
        rows = np.array([[float(x) for x in line.split()[1:]] for line in file if line[0] not in "#@"])
    expected = rows.reshape(3, 918, 3) / 41.84  # kJ/mol/nm → kcal/mol/Å
    assert pytest.approx(expected, abs=2e-5) == chunk.F
    beads = map_alpha_carbons(reader.atoms, {}, "cobrotoxin")
    assert len(beads) == 62 and beads.residue.tolist() == list(range(1, 63))
    assert beads.residue_name[:4] == ("LEU", "GLU", "CYS", "HIS")
    bonds = np.linalg.norm(np.diff(chunk.R[:, beads.atom], axis=1), axis=-1)
    assert bonds.min() > 3.6 and bonds.max() < 4.1
    assert len(rigid_bonds(reader.atoms, "hbonds")) == int((reader.atoms.atomic_number == 1).sum())
    assert reader.notes == ()


def test_topology_without_bonds_and_elements():
    # detects guesses that differ from what the TPR says, disulphide bridges included
    reader, _ = read(DATA / "cobrotoxin.tpr", DATA / "cobrotoxin.trr")
    guessed, _ = read(DATA / "cobrotoxin.pdb", DATA / "cobrotoxin.trr")
    assert np.array_equal(guessed.atoms.atomic_number, reader.atoms.atomic_number)
    assert sorted(map(sorted, guessed.atoms.bonds.tolist())) == sorted(map(sorted, reader.atoms.bonds.tolist()))


def test_wrapped_by_the_box(tmp_path):
    # detects molecules left cut: every atom is moved into the box on its own first
    _, [expected] = read(DATA / "cobrotoxin.tpr", DATA / "cobrotoxin.trr")
    system = mda.Universe(str(DATA / "cobrotoxin.tpr"), str(shutil.copy(DATA / "cobrotoxin.trr", tmp_path)))
    with mda.Writer(str(tmp_path / "wrapped.trr"), len(system.atoms)) as writer:
        for step in system.trajectory:
            step.positions = (step.positions + step.dimensions[:3] * [0.45, 0.6, 0.3]) % step.dimensions[:3]
            writer.write(system.atoms)
    _, [chunk] = read(DATA / "cobrotoxin.tpr", tmp_path / "wrapped.trr")
    assert np.ptp(chunk.R - expected.R, axis=1).max() < 1e-3
    assert pytest.approx(expected.F, abs=1e-4) == chunk.F


@pytest.mark.parametrize("policy", ["refuse", "skip"])
@pytest.mark.parametrize("name", ["adk_oplsaa.trr", "adk_oplsaa.xtc"])
def test_trajectories_without_forces(tmp_path, name, policy):
    # detects a refusal that does not say why
    trajectory = shutil.copy(DATA / name, tmp_path)
    with pytest.raises(UserError, match="10 of 10 frames hold no forces"):
        read(DATA / "adk_oplsaa.tpr", trajectory, missing_forces=policy)
