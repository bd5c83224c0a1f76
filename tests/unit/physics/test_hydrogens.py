"""Hydrogens that are missing though bonds to them were rigid; on the demo's atoms and made-up masses."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_systems import System, demo_system

from cgpipe.data.readers import open_mdcath
from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError
from cgpipe.physics.hydrogens import require_hydrogens
from cgpipe.physics.projector import Choices, project


@pytest.fixture(scope="module")
def peptide(demo_data) -> System:
    """Two frames of CLN025."""
    return demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 2)


@pytest.fixture(scope="module")
def atoms(demo_data):
    """What its atoms are, as mdCATH has them."""
    with open_mdcath(demo_data / "mdcath_dataset_cln025.h5", "", (348,), (0,)) as reader:
        return reader.atoms


def kept(atoms, rows):
    """Some of the atoms."""
    new = np.cumsum(rows) - 1
    texts = {key: tuple(np.array(getattr(atoms, key))[rows].tolist()) for key in ("name", "residue_name", "chain")}
    bonds = new[atoms.bonds[rows[atoms.bonds].all(axis=1)]]
    return replace(atoms, **texts, atomic_number=atoms.atomic_number[rows], residue=atoms.residue[rows], bonds=bonds)


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        ("protein and not name H*", 78),
        ("backbone", 20),
        ("name CA", 11),
        ("protein and not name HA", 9),
        ("protein and not name HB3", 7),
    ],
)
def test_selection_without_hydrogens(peptide, tmp_path, selection, count):
    """Detects a selection that leaves out hydrogens of what it takes, bonds guessed, and the remedy that must work."""
    peptide.write(tmp_path / "p.pdb", tmp_path / "p.trr")
    with open_trajectory(str(tmp_path / "p.pdb"), [str(tmp_path / "p.trr")], 348.0, selection) as reader:
        with pytest.raises(UserError, match=rf"^p: {count} hydrogens are bonded to selected atoms .*constraints: none"):
            project("p", reader, Choices())
        require_hydrogens(reader.atoms, "none", "p")


def test_trajectory_that_was_written_without_hydrogens(peptide, tmp_path):
    """Detects that nothing is missed where neither topology nor trajectory ever had them."""
    heavy = np.array([element != "H" for element in peptide.element])
    lists = [[v for v, k in zip(values, heavy, strict=True) if k] for values in list(peptide.__dict__.values())[:5]]
    System(*lists, peptide.R[:, heavy], peptide.F[:, heavy]).write(tmp_path / "p.pdb", tmp_path / "p.trr")
    with (
        open_trajectory(str(tmp_path / "p.pdb"), [str(tmp_path / "p.trr")], 348.0) as reader,
        pytest.raises(UserError, match=r"^p: \d+ atoms lack their hydrogens, the first is chain P TYR 1 N; "),
    ):
        project("p", reader, Choices())


def test_all_there(atoms):
    """Detects a whole protein that is refused."""
    require_hydrogens(atoms, "hbonds", "p")


@pytest.mark.parametrize("gone", ["all", "non-polar", "of one atom"])
def test_mdcath_without_hydrogens(atoms, gone):
    """Detects hydrogens that are missing everywhere, on carbons only (saved by another program), or on one atom."""
    partner = dict(atoms.bonds.tolist()) | {j: i for i, j in atoms.bonds.tolist()}
    lost = {
        "all": lambda i: True,
        "non-polar": lambda i: atoms.atomic_number[partner[i]] == 6,
        "of one atom": lambda i: atoms.residue[i] == 5 and atoms.name[i] in ("HB2", "HB3"),
    }[gone]
    rows = np.array([z != 1 or not lost(i) for i, z in enumerate(atoms.atomic_number.tolist())])
    with pytest.raises(UserError, match=r"atoms lack their hydrogens, the first is chain 0 \w+ \d+ (N|CA|CB)"):
        require_hydrogens(kept(atoms, rows), "hbonds", "p")


def test_united_atoms(atoms):
    """Detects that a force field without non-polar hydrogens (GROMOS, CHARMM19) is refused: its masses tell it."""
    partner = {i: j for pair in atoms.bonds.tolist() for i, j in (pair, pair[::-1]) if atoms.atomic_number[i] == 1}
    on_carbon = np.array([i in partner and atoms.atomic_number[partner[i]] == 6 for i in range(len(atoms))])
    mass = np.choose(atoms.atomic_number == 6, [14.0, 12.011])
    for i in np.flatnonzero(on_carbon).tolist():
        mass[partner[i]] += 1.008
    united = replace(kept(atoms, ~on_carbon), mass=mass[~on_carbon])
    require_hydrogens(united, "hbonds", "p")
    with pytest.raises(UserError, match="lack their hydrogens"):
        require_hydrogens(replace(united, mass=np.full(len(united), 12.011)), "hbonds", "p")
