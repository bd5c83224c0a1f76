"""Atoms in any order: hydrogens behind all heavy atoms, or shuffled; beads and forces must be those of the usual order.

Cannot detect a shuffle that makes topology and trajectory disagree; tests of bonds do that.
"""

import h5py
import numpy as np
import pytest
from simulated_systems import System, demo_system
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers import open_mdcath
from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.physics.projector import Choices, project

PROTEIN = SyntheticProtein(["ALA", "GLY", "SER", "LEU"], side_atoms=10)


def orders(elements):
    """Hydrogens last, and a shuffle."""
    hydrogen = np.array([z in (1, "H") for z in elements])
    return {
        "hydrogens last": np.argsort(hydrogen, kind="stable"),
        "shuffled": np.random.default_rng(5).permutation(len(hydrogen)),
    }


def reordered_mdcath(path, out, order):
    """The same file with its atoms in another order."""
    new = np.argsort(order)
    with h5py.File(path) as old, h5py.File(out, "w") as file:
        old.copy("synth", file)
        group = file["synth"]
        for key in ("chain", "resname", "resid", "z"):
            group[key][...] = group[key][()][order]
        for key, first, count in (("pdbProteinAtoms", 1, len(order)), ("psf", 6, len(order))):
            lines = group[key].asstr()[()].splitlines()
            lines[first : first + count] = [lines[first + i] for i in order]
            if key == "psf":
                start = next(i for i, line in enumerate(lines) if "!NBOND" in line) + 1
                numbers = new[np.array(" ".join(lines[start:]).split(), dtype=int) - 1] + 1
                lines[start:] = [" ".join(map(str, pair)) for pair in numbers.reshape(-1, 2)]
            del group[key]
            group[key] = "\n".join(lines) + "\n"
        for key in ("coords", "forces"):
            group[f"348/0/{key}"][...] = group[f"348/0/{key}"][()][:, order]
    return out


def assert_same(found, expected):
    assert found.residue_name == expected.residue_name
    assert np.array_equal(found.residue, expected.residue) and np.array_equal(found.chain, expected.chain)
    assert np.abs(found.R - expected.R).max() < 1e-4
    assert np.abs(found.F - expected.F).max() < 1e-3


@pytest.mark.parametrize("kind", ["window", "optimal"])
@pytest.mark.parametrize("order", ["hydrogens last", "shuffled"])
def test_mdcath_in_another_order(tmp_path, kind, order):
    """Detects windows that lose their atoms, chains cut, and beads in the order of their atoms."""
    usual = write_mdcath(tmp_path / "a.h5", PROTEIN, {"348/0": 60})
    other = reordered_mdcath(usual, tmp_path / "b.h5", orders([z for _, z, *_ in PROTEIN.atoms()])[order])
    projections = []
    for path in (usual, other):
        with open_mdcath(path, "", (), (), 1) as reader:
            projections.append(project("p", reader, Choices(map=kind, max_overfit=1.0)))
    assert_same(projections[1], projections[0])


@pytest.mark.parametrize("order", ["hydrogens last", "shuffled"])
def test_trajectory_in_another_order(demo_data, tmp_path, order):
    """Detects the same through MDAnalysis, which takes every run of atoms for a residue; real forces, guessed bonds."""
    system = demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 60)
    rows = orders(system.element)[order]
    lists = [[values[i] for i in rows] for values in list(system.__dict__.values())[:5]]
    other = System(*lists, system.R[:, rows], system.F[:, rows])
    projections = []
    for name, one in (("a", system), ("b", other)):
        topology, trajectory = tmp_path / f"{name}.pdb", tmp_path / f"{name}.trr"
        one.write(topology, trajectory)
        with open_trajectory(str(topology), [str(trajectory)], 348.0) as reader:
            projections.append(project("p", reader, Choices(map="window", max_overfit=1.0)))
            assert not [note for note in projections[-1].quality["notes"] if "chains" in note]
    assert_same(projections[1], projections[0])
