"""Which atoms become beads, on hand-made lists of atoms; cannot detect names that only real files use."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_mdcath import SyntheticProtein

from cgpipe.data.atoms import Atoms
from cgpipe.errors import UserError
from cgpipe.physics.mapping import map_alpha_carbons


def atoms_of(protein, chain=None, bonds=None):
    rows = protein.atoms()
    return Atoms(
        name=tuple(a[0] for a in rows),
        atomic_number=np.array([a[1] for a in rows]),
        residue_name=tuple(a[2] for a in rows),
        residue=np.array([a[3] for a in rows]),
        chain=tuple(chain or ["A"] * len(rows)),
        bonds=protein.bonds() if bonds is None else bonds,
    )


def mapped(protein, aliases=None, **kwargs):
    return map_alpha_carbons(atoms_of(protein, **kwargs), aliases or {}, "prot")


def test_calcium_and_caps_and_ligands_give_no_bead():
    # detects selection by the name CA alone, or by its beginning
    extra = [("CA", 20, "CAL", 7), ("CAY", 6, "ALA", 8), ("CAT", 6, "ALA", 8), ("CA", 6, "LIG", 9)]
    mapping = mapped(SyntheticProtein(["ALA", "GLY"], extra=extra))
    assert mapping.atom.tolist() == [2, 8]


def test_calcium_that_shares_a_residue():
    # detects an ion taken for a second Cα of the residue whose number it shares
    assert mapped(SyntheticProtein(["ALA", "GLY"], extra=[("CA", 20, "GLY", 2)])).atom.tolist() == [2, 8]


def test_caps_inside_the_first_and_last_residue():
    # detects caps that split a residue or double its Cα (CHARMM puts them inside)
    protein = SyntheticProtein(["TYR", "TYR"], extra=[("CAT", 6, "TYR", 2), ("NT", 7, "TYR", 2)])
    assert mapped(protein).residue_name == ("TYR", "TYR")


def test_force_field_names_become_amino_acids():
    # detects CHARMM or Amber names that are taken for unknown residues
    assert mapped(SyntheticProtein(["HSD", "HSE", "HSP", "CYX"])).residue_name == ("HIS", "HIS", "HIS", "CYS")


def test_unknown_residue_is_named_with_its_place():
    # detects an X or a crash instead of a question to the user
    with pytest.raises(UserError, match=r"prot, chain A, residue 2: unknown residue 'MSE'.*species\.aliases"):
        mapped(SyntheticProtein(["ALA", "MSE"]))
    assert mapped(SyntheticProtein(["ALA", "MSE"]), {"MSE": "MET"}).residue_name == ("ALA", "MET")


def test_missing_peptide_bond_is_a_gap_whatever_the_numbers_say():
    # detects beads on both sides of a gap that would be taken as bonded
    protein = SyntheticProtein(["ALA"] * 5, numbers=[3, 4, 5, 9, 10], unbonded_after=(1, 2))
    assert mapped(protein).residue.tolist() == [3, 4, 6, 9, 10]


def test_peptide_bond_counts_more_than_a_jump_in_the_numbers():
    # detects a gap where only the numbering jumps
    assert mapped(SyntheticProtein(["ALA"] * 3, numbers=[3, 7, 8])).residue.tolist() == [3, 4, 5]


def test_chains_restart():
    # detects chains that run into each other
    protein = SyntheticProtein(["ALA"] * 4, numbers=[1, 2, 1, 2], unbonded_after=(1,))
    mapping = mapped(protein, chain=["A"] * 12 + ["B"] * 12)
    assert mapping.chain.tolist() == [0, 0, 1, 1]
    assert mapping.residue.tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("residues", [[], ["ALA"]])
def test_fewer_than_two_residues(residues):
    with pytest.raises(UserError, match=f"prot: {len(residues)} amino-acid residue"):
        mapped(SyntheticProtein(residues or [], extra=[("CA", 20, "CAL", 1)]), bonds=np.zeros((0, 2), int))


def test_alternate_locations():
    # detects that one of two positions of a Cα is taken by chance
    protein = SyntheticProtein(["ALA", "GLY"], extra=[("CA", 6, "GLY", 2)])
    with pytest.raises(UserError, match="two atoms chain A GLY 2 CA in one residue"):
        mapped(protein)


def test_ring():
    # detects a cyclic peptide that would silently lose its closing bond
    protein = SyntheticProtein(["ALA"] * 3)
    with pytest.raises(UserError, match="chain A ALA 1 is part of a ring of residues"):
        mapped(protein, bonds=np.vstack([protein.bonds(), [[16, 0]]]))


def renamed(atoms, names, residue):
    """Atoms with other names in one residue."""
    name = [names.get(n, n) if r == residue else n for n, r in zip(atoms.name, atoms.residue.tolist(), strict=True)]
    return replace(atoms, name=tuple(name))


def test_a_residue_without_backbone_in_a_chain_is_named():
    """Detects a chromophore that vanishes and cuts the chain without a word."""
    atoms = atoms_of(SyntheticProtein(["ALA", "GLY", "CRO", "ALA", "GLY"]))
    mapping = map_alpha_carbons(renamed(atoms, {"N": "N1", "CA": "CA1", "C": "C3"}, 3), {}, "p")
    assert mapping.notes == (
        "chain A CRO 3 gets no bead: it has no atoms N, CA and C as amino acids have; the chain has a gap there",
    )
    assert mapping.residue.tolist() == [1, 2, 4, 5]


def test_an_amino_acid_whose_backbone_is_not_whole_is_named():
    """Detects a residue lost at the end of a chain since one of its atoms has another name."""
    atoms = atoms_of(SyntheticProtein(["ALA", "GLY", "ALA"]))
    mapping = map_alpha_carbons(renamed(atoms, {"C": "CX"}, 3), {}, "p")
    assert len(mapping) == 2 and "chain A ALA 3 gets no bead" in mapping.notes[0]


def test_caps_and_ions_are_not_worth_a_note():
    """Detects notes that everybody would have to read in vain."""
    atoms = atoms_of(SyntheticProtein(["ACE", "GLY", "ALA", "NME"], extra=[("CA", 20, "CA", 9)]))
    for residue in (1, 4):
        atoms = renamed(atoms, {"N": "NX", "CA": "CH3"}, residue)
    assert map_alpha_carbons(atoms, {}, "p").notes == ()


def test_chains_whose_numbers_start_again():
    """Detects two chains of one name and equal numbers and names taken for one residue each, or for one chain."""
    mapping = mapped(SyntheticProtein(["ALA"] * 4, numbers=[1, 2, 1, 2], unbonded_after=(1,)))
    assert mapping.chain.tolist() == [0, 0, 1, 1]
    assert mapping.residue.tolist() == [1, 2, 1, 2]
    assert mapping.notes == ("2 chains told apart by residue numbers that start again: the topology names one",)


def test_numbers_that_fall_along_bonds_are_one_chain():
    """Detects a chain that is cut where its numbers wrap."""
    mapping = mapped(SyntheticProtein(["ALA"] * 4, numbers=[9998, 9999, 0, 1]))
    assert mapping.chain.tolist() == [0] * 4
    assert mapping.residue.tolist() == [9998, 9999, 10000, 10001]


def test_chain_that_forks():
    """Detects a false bond that ties one residue to two others."""
    protein = SyntheticProtein(["ALA"] * 4, unbonded_after=(2,))
    with pytest.raises(UserError, match="a chain cannot fork"):
        mapped(protein, bonds=np.vstack([protein.bonds(), [[4, 18]]]))


def test_backbone_that_is_not_bonded():
    """Detects bonds of other atoms that happen to be of possible lengths."""
    protein = SyntheticProtein(["ALA"] * 3)
    bonds = protein.bonds()
    with pytest.raises(UserError, match="chain A ALA 2 CA is not bonded to its C"):
        mapped(protein, bonds=bonds[~(bonds == [8, 10]).all(axis=1)])
