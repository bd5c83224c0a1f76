"""Native structures from PDBs: the right atoms of the right protein; whether they are native is for nobody to say."""

from typing import NamedTuple

import numpy as np
import pytest
from synthetic_run import alpha_pdb

from cgpipe.data.native import read_native
from cgpipe.errors import UserError

NAMES = ("ALA", "HIS", "GLY", "MET")
R = np.array([[0.0, 0.0, 0.0], [3.8, 0.0, 0.0], [3.8, 3.8, 0.0], [7.6, 3.8, 1.0]])


class Chain(NamedTuple):
    """The beads that a structure is read for."""

    residue_name: tuple[str, ...] = NAMES
    chain: np.ndarray = np.zeros(4, np.int32)
    residue: np.ndarray = np.arange(4, dtype=np.int32)


ONE = Chain()


@pytest.fixture
def read(tmp_path):
    """Read a text as the native structure of such a chain."""

    def of(text: str, beads: Chain = ONE, **aliases: str) -> np.ndarray:
        (tmp_path / "n.pdb").write_text(text)
        return read_native(tmp_path / "n.pdb", beads, aliases, "p")

    return of


def row(atom: str, residue: str, number: int, place, kind: str = "ATOM", chain: str = "A") -> str:
    x, y, z = place
    return f"{kind:<6}    1 {atom:<4} {residue:<4}{chain}{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00\n"


def whole(names=NAMES, places=R, chains="AAAA", ends="") -> str:
    """Backbones of residues; N and C are near the Cα."""
    residues = zip(names, places, chains, strict=True)
    return "".join(
        "".join(row(f" {atom:<3}", name, 1 + (number if chain == "A" else 0), place + shift, chain=chain)
                for shift, atom in enumerate(("CA", "N", "C"))) + ends
        for number, (name, place, chain) in enumerate(residues)
    )  # fmt: skip


def test_alpha_carbons_of_any_pdb(read):
    """Detects other atoms, calcium that passes for a bead, later models, and names of force fields that are strange."""
    np.testing.assert_allclose(read(alpha_pdb(NAMES, R)), R, atol=1e-3)
    calcium = row("CA  ", "CA", 90, (9, 9, 9), "HETATM")
    np.testing.assert_allclose(read(alpha_pdb(NAMES, R).replace("END", calcium)), R, atol=1e-3)
    ligand = row(" CA ", "LIG", 91, (9, 9, 9), "HETATM")
    cap = row(" C  ", "ACE", 0, (1, 1, 1), "HETATM")
    text = cap + whole(("NALA", "HSD", "GLY", "MSE")) + ligand + calcium
    np.testing.assert_allclose(read(f"MODEL 1\n{text}ENDMDL\n{text}", MSE="MET"), R, atol=1e-3)


def test_chains_without_names_that_count_from_one(read):
    """Detects residues of a second chain that are taken for those of the first."""
    beads = Chain(chain=np.array([0, 0, 1, 1], np.int32), residue=np.array([0, 1, 0, 1], np.int32))
    pair = whole(NAMES[:2], R[:2], "AA") + "TER\n" + whole(NAMES[2:], R[2:], "AA")
    np.testing.assert_allclose(read(pair, beads), R, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (alpha_pdb(NAMES[:3], R[:3]), r"n\.pdb: 3 residues, but p has 4 beads; give native a PDB of this protein"),
        (alpha_pdb(("ALA", "HIS", "PRO", "MET"), R), "residue A3 is PRO, but bead 3 of p is GLY"),
        (alpha_pdb(("ALA", "HIS", "GLY", "MSE"), R), "residue A4: unknown residue 'MSE'.*species.aliases"),
        (alpha_pdb(NAMES, R / 10), "residues A1 and A2 are 0.38 Å apart, but bonded ones are"),
        (alpha_pdb(NAMES, R).replace("3.800", "  nan"), "expected three coordinates"),
        ("data_1ABC\n", "no atoms CA; expected a PDB"),
        ("", "empty"),
    ],
)
def test_what_is_no_structure_of_the_protein_is_refused(read, text, message):
    """Detects a structure of another protein, in other units, or none, that is measured to or ends in a traceback."""
    with pytest.raises(UserError, match=message) as refusal:
        read(text)
    assert "\n" not in str(refusal.value)
