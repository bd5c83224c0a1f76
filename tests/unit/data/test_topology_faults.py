"""Topologies that say what cannot be: wrong elements, false bonds, atoms of another order, sites that are no atoms.

Made by editing the demo's own files; cannot detect a fault that leaves elements, lengths and numbers of bonds possible.
"""

import h5py
import numpy as np
import pytest
from simulated_systems import System, demo_system

from cgpipe.data.elements import amino_acid_elements
from cgpipe.data.readers import open_mdcath
from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError
from cgpipe.physics.mapping import map_alpha_carbons


@pytest.fixture(scope="module")
def peptide(demo_data) -> System:
    """Three frames of CLN025."""
    return demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 3)


@pytest.fixture(scope="module")
def right(demo_data):
    """What its atoms are."""
    with open_mdcath(demo_data / "mdcath_dataset_cln025.h5", "", (348,), (0,)) as reader:
        return reader.atoms


def read(folder, topology="p.pdb"):
    with open_trajectory(str(folder / topology), [str(folder / "p.trr")], 348.0) as reader:
        return reader


def bonds(atoms):
    return sorted(map(sorted, atoms.bonds.tolist()))


# ----------------------------------------------------------------------------------------------------------- elements


def with_names_as_elements(lines):
    """The first two letters of the name in the element column, as some programs write it."""
    for line in lines:
        yield f"{line[:76]}{line[12:16].strip()[:2]:>2}\n" if line.startswith("ATOM") else line


def test_names_decide_inside_amino_acids(peptide, right, tmp_path):
    """Detects HG, HE and CD read as mercury, helium and cadmium, whose bonds to hydrogen are then not rigid."""
    peptide.write(tmp_path / "p.pdb", tmp_path / "p.trr")
    lines = (tmp_path / "p.pdb").read_text().splitlines(keepends=True)
    (tmp_path / "p.pdb").write_text("".join(with_names_as_elements(lines)))
    reader = read(tmp_path)
    assert np.array_equal(reader.atoms.atomic_number, right.atomic_number)
    assert bonds(reader.atoms) == bonds(right)
    assert any("corrected by their names" in note for note in reader.notes)


@pytest.mark.parametrize(
    ("name", "residue", "given", "number"),
    [
        ("HG", "SER", 80, 1), ("HE1", "HSD", 2, 1), ("CD", "LYS", 48, 6), ("CE", "MET", 58, 6), ("CA", "ALA", 20, 6),
        ("NE", "ARG", 10, 7), ("HO", "TYR", 67, 1), ("1HB", "ALA", 0, 1), ("SG", "NCYS", 106, 16), ("HA", "GLY", 6, 1),
        ("SE", "MSE", 34, 34), ("SE", "MSE", 0, 34), ("CL1", "TYR", 17, 17), ("CL1", "CTY", 17, 17),
        ("HG2", "XAA", 80, 1), ("FE", "XAA", 9, 9), ("LP1", "ALA", 0, 0),
    ],
)  # fmt: skip
def test_elements_of_amino_acids(name, residue, given, number):
    """Detects names believed against a good element, or elements that no amino acid has."""
    names = ["N", "CA", "C", name]
    found, inside = amino_acid_elements(names, [residue] * 4, np.zeros(4, int), np.array([7, 6, 6, given]))
    assert found[3] == number and inside.all()


def test_ions_and_ligands_keep_their_elements():
    """Detects calcium, cadmium or mercury turned into what their names begin with."""
    names, residues = ["CA", "CD", "HG", "FE"], ["CA", "CD", "HG", "HEM"]
    given = np.array([20, 48, 80, 26])
    found, inside = amino_acid_elements(names, residues, np.arange(4), given)
    assert found.tolist() == given.tolist() and not inside.any()


def test_masses_tell_where_names_do_not():
    """Detects that a deuterium, or an odd name in an unknown residue, stays without an element."""
    mass = np.array([14.007, 12.011, 12.01, 30.974])
    found, _ = amino_acid_elements(["N", "CA", "C", "XP"], ["SEP"] * 4, np.zeros(4, int), np.array([7, 6, 6, 0]), mass)
    assert found[3] == 15


def mdcath(demo_data, folder, **arrays):
    """The demo's file with other arrays, and three frames."""
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as old, h5py.File(folder / "m.h5", "w") as file:
        group = file.create_group("cln025")
        for key in ("chain", "resid", "resname", "z", "pdbProteinAtoms", "psf"):
            if key in arrays:
                group[key] = arrays[key]
            else:
                old.copy(f"cln025/{key}", group)
        for key, unit in (("coords", "Angstrom"), ("forces", "kcal/mol/Angstrom")):
            dataset = group.create_dataset(f"348/0/{key}", data=old[f"cln025/348/0/{key}"][:3])
            dataset.attrs["unit"] = unit
    return folder / "m.h5"


def test_elements_of_mdcath(demo_data, right, tmp_path):
    """Detects z of other elements that nothing compares with the names."""
    z = right.atomic_number.copy()
    z[[name.startswith("HE") for name in right.name]] = 2
    with open_mdcath(mdcath(demo_data, tmp_path, z=z), "", (), ()) as reader:
        assert np.array_equal(reader.atoms.atomic_number, right.atomic_number)
        assert any("corrected by their names" in note for note in reader.notes)


# -------------------------------------------------------------------------------------------------------------- bonds


def conect(pairs):
    return "".join(f"CONECT{i + 1:5d}{j + 1:5d}\n" for i, j in pairs)


def with_conect(system, folder, pairs):
    """A PDB with CONECT rows at its end, and the trajectory."""
    system.write(folder / "p.pdb", folder / "p.trr")
    text = (folder / "p.pdb").read_text()
    (folder / "p.pdb").write_text(text.replace("END\n", conect(pairs) + "END\n"))


@pytest.mark.parametrize("shift", [1, 7])
def test_bonds_by_wrong_numbers(peptide, right, tmp_path, shift):
    """Detects CONECT rows that bond every atom, but to others than those they are bonded to."""
    with_conect(peptide, tmp_path, (right.bonds + shift) % len(right))
    reader = read(tmp_path)
    assert bonds(reader.atoms) == bonds(right)
    assert any("impossibly long" in note for note in reader.notes)


def test_a_few_false_bonds_among_right_ones(peptide, right, tmp_path):
    """Detects two false bonds beside all right ones: a hydrogen tied to another residue, two distant carbons."""
    hydrogen = right.name.index("HA")
    alpha = [i for i, name in enumerate(right.name) if name == "CA"]
    with_conect(peptide, tmp_path, [*right.bonds.tolist(), (hydrogen, alpha[5]), (alpha[1], alpha[7])])
    assert bonds(read(tmp_path).atoms) == bonds(right)


def test_conect_without_peptide_bonds(peptide, right, tmp_path):
    """Detects a chain that falls apart since CONECT rows bond every atom, but not residues to each other."""
    within = right.bonds[right.residue[right.bonds[:, 0]] == right.residue[right.bonds[:, 1]]]
    with_conect(peptide, tmp_path, within)
    assert bonds(read(tmp_path).atoms) == bonds(right)


def psf_of(demo_data):
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as raw:
        return raw["cln025/psf"].asstr()[()]


def test_trajectory_in_another_order_than_its_topology(demo_data, peptide, tmp_path):
    """Detects a PSF read with a trajectory whose atoms are sorted otherwise, and does not blame the file."""
    (tmp_path / "p.psf").write_text(psf_of(demo_data))
    order = np.argsort([element == "H" for element in peptide.element], kind="stable")
    System(*list(peptide.__dict__.values())[:5], peptide.R[:, order], peptide.F[:, order]).write(tmp_path / "p.trr")
    with pytest.raises(UserError, match=r"p\.psf: \d+ of 180 bonds are of impossible length .*do not fit together"):
        read(tmp_path, "p.psf")


def test_a_damaged_first_frame_says_nothing_of_bonds(demo_data, peptide, right, tmp_path):
    """Detects bonds that are guessed or judged in a frame of zeros, where another frame is whole."""
    (tmp_path / "p.psf").write_text(psf_of(demo_data))
    R = peptide.R.copy()
    R[0] = 0.0
    System(**{**peptide.__dict__, "R": R}).write(tmp_path / "p.pdb", tmp_path / "p.trr")
    for topology in ("p.pdb", "p.psf"):
        assert bonds(read(tmp_path, topology).atoms) == bonds(right)


def test_psf_of_mdcath_that_belongs_to_other_atoms(demo_data, right, tmp_path):
    """Detects bonds of other atoms in mdCATH's psf."""
    lines = psf_of(demo_data).splitlines()
    start = next(i for i, line in enumerate(lines) if "!NBOND" in line)
    lines[start + 1 : start + 46] = [" ".join(map(str, (pair + 7) % len(right) + 1)) for pair in right.bonds]
    with (
        pytest.raises(UserError, match=r"m\.h5.*(impossible length|hydrogens have)"),
        open_mdcath(mdcath(demo_data, tmp_path, psf="\n".join(lines)), "", (), ()),
    ):
        pass


@pytest.mark.parametrize("extra", ["second bond", "no bond"])
def test_hydrogens_of_mdcath(demo_data, right, tmp_path, extra):
    """Detects a hydrogen tied to two atoms, or to none."""
    lines = psf_of(demo_data).splitlines()
    start = next(i for i, line in enumerate(lines) if "!NBOND" in line)
    alpha, hydrogen = right.name.index("CA"), right.name.index("HA")
    pairs = [pair for pair in right.bonds.tolist() if extra == "second bond" or hydrogen not in pair]
    pairs += [(hydrogen, alpha + 2)] if extra == "second bond" else []
    rows = [" ".join(str(i + 1) for i in pair) for pair in pairs]
    lines = [*lines[:start], f"{len(pairs)} !NBOND: bonds", *rows, ""]
    with (
        pytest.raises(UserError, match=r"1 hydrogens have (several bonds|no bond)"),
        open_mdcath(mdcath(demo_data, tmp_path, psf="\n".join(lines)), "", (), ()),
    ):
        pass


def test_insertion_codes_that_mdcath_lost(demo_data, right, tmp_path):
    """Detects neighbours of equal number and name (TYR 1, TYR 2 as 1 and 1A) taken for one residue."""
    resid = np.where(right.residue == 2, 1, right.residue)
    with open_mdcath(mdcath(demo_data, tmp_path, resid=resid), "", (), ()) as reader:
        beads = map_alpha_carbons(reader.atoms, {}, "p")
    assert len(beads) == 10 and (np.diff(beads.residue) == 1).all()


# -------------------------------------------------------------------------------------------------------------- sites


def with_sites(text, mass):
    """The PSF with one hydrogen of another mass."""
    return "\n".join(
        f"{line[:48]}{mass:14.4f}{line[62:]}" if line[24:28].strip() == "HH" and "TYR" in line else line
        for line in text.splitlines()
    )


def test_sites_without_mass(demo_data, peptide, tmp_path):
    """Detects virtual sites and Drude particles whose forces no bead would get."""
    (tmp_path / "p.psf").write_text(with_sites(psf_of(demo_data), 0.4))
    peptide.write(tmp_path / "p.trr")
    with pytest.raises(UserError, match=r"p\.psf: \d+ of the selected sites are no atoms .*first is TYR 1 HH"):
        read(tmp_path, "p.psf")


def test_lone_pairs_by_name(peptide, tmp_path):
    """Detects a site that has neither element nor mass, in a topology that lists names alone."""
    renamed = System(**{**peptide.__dict__, "name": ["LP1" if n == "HH" else n for n in peptide.name]})
    renamed.write(tmp_path / "p.gro", tmp_path / "p.trr")
    with pytest.raises(UserError, match=r"sites are no atoms .*LP1"):
        read(tmp_path, "p.gro")
