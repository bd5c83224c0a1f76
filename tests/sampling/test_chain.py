"""Geometry of chains built from a sequence, before any force field sees them."""

import numpy as np
import pytest

from cgpipe.config.sampling import AMINO_ACIDS
from cgpipe.data.species import RESIDUE_MASSES
from cgpipe.sampling.chain import Residue, dihedral, extended_chain, place, with_caps
from cgpipe.sampling.residues import SIDE_CHAINS, THREE_LETTERS

CHAIN = extended_chain(AMINO_ACIDS)


def handedness(atoms, centre: str, first: str, second: str, third: str) -> float:
    """Volume of three bonds from a centre [Å³]; its sign is the handedness."""
    a, b, c = (atoms[name] - atoms[centre] for name in (first, second, third))
    return float(np.cross(a, b) @ c)


def test_tables_cover_the_amino_acids():
    """The configuration's letters, the builder's names and the vocabulary are the same twenty."""
    assert set(THREE_LETTERS) == set(AMINO_ACIDS)
    assert set(THREE_LETTERS.values()) == set(SIDE_CHAINS) == set(RESIDUE_MASSES) - {"X"}


def test_placed_atom_has_the_geometry_asked_for():
    """Length, angle and dihedral measured on what was placed; detects a sign or an order of arguments."""
    random = np.random.default_rng(1)
    for angle, torsion in ((111.0, -60.0), (120.0, 175.0), (95.0, 30.0)):
        a, b, c = random.normal(size=(3, 3)) * 2
        d = place(a, b, c, 1.5, angle, torsion)
        assert np.linalg.norm(d - a) == pytest.approx(1.5)
        cosine = (d - a) @ (b - a) / np.linalg.norm(d - a) / np.linalg.norm(b - a)
        assert np.rad2deg(np.arccos(cosine)) == pytest.approx(angle)
        assert dihedral(d, a, b, c) == pytest.approx(torsion)


@pytest.mark.parametrize("residue", CHAIN, ids=lambda residue: residue.name)
def test_residues_are_left_handed(residue):
    """Cα of every residue but glycine, and Cβ of threonine and isoleucine: the natural stereoisomers."""
    atoms = residue.atoms
    assert residue.name == "GLY" or handedness(atoms, "CA", "N", "C", "CB") > 1.0
    if residue.name == "THR":
        assert handedness(atoms, "CB", "CA", "OG1", "CG2") > 1.0
    if residue.name == "ILE":
        assert handedness(atoms, "CB", "CA", "CG1", "CG2") > 1.0


def test_backbone_is_extended():
    """Neighbouring Cα are 3.8 Å apart (trans), and the ends are nearly as far apart as can be."""
    alpha = np.array([residue.atoms["CA"] for residue in CHAIN])
    assert np.linalg.norm(np.diff(alpha, axis=0), axis=1) == pytest.approx(3.8, abs=0.05)
    assert np.linalg.norm(alpha[-1] - alpha[0]) > 3.0 * (len(alpha) - 1)


def test_no_two_atoms_coincide():
    """No pair of heavy atoms is closer than a bond; a wrong row of the table would be."""
    xyz = np.array([p for residue in CHAIN for p in residue.atoms.values()])
    distance = np.linalg.norm(xyz[:, None] - xyz, axis=-1)[np.triu_indices(len(xyz), 1)]
    assert distance.min() > 1.15


def test_caps_replace_charged_ends():
    """Trans peptide bonds to both caps; the second oxygen and the amine's hydrogens go."""
    first = Residue("ALA", 5, {**CHAIN[0].atoms, "H1": np.zeros(3), "H2": np.ones(3)})
    chain = with_caps([first, *CHAIN[1:]])
    acetyl, last, amide = chain[0], chain[-2].atoms, chain[-1]
    assert [acetyl.name, amide.name] == ["ACE", "NME"]
    assert set(chain[1].atoms) == set(CHAIN[0].atoms)
    assert "OXT" not in last
    n, ca = chain[1].atoms["N"], chain[1].atoms["CA"]
    assert abs(dihedral(acetyl.atoms["CH3"], acetyl.atoms["C"], n, ca)) == pytest.approx(180.0)
    assert abs(dihedral(last["CA"], last["C"], amide.atoms["N"], amide.atoms["C"])) == pytest.approx(180.0)
    assert with_caps(chain) == chain
