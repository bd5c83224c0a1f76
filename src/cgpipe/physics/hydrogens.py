"""Whether all hydrogens are there whose bonds the all-atom MD held rigid.

Along a rigid bond only the sum of the forces on both atoms is known, so a force on a carbon without its hydrogens is
biased. United atoms (GROMOS, CHARMM19) are no such case: no hydrogen was simulated there, as their masses tell.
"""

import numpy as np
from jaxtyping import Int

from cgpipe.data.atoms import Atoms
from cgpipe.errors import UserError
from cgpipe.residues import RESIDUE_MASSES, common_name

CARBONS = ("CA", "CB", "CG", "CG1", "CG2", "CD", "CD1", "CD2", "CE", "CE1", "CE2", "CE3", "CZ", "CZ2", "CZ3", "CH2")

BARE = {
    "ARG": ("CZ",), "ASN": ("CG",), "ASP": ("CG",), "GLN": ("CD",), "GLU": ("CD",), "HIS": ("CG",), "PHE": ("CG",),
    "TRP": ("CG", "CD2", "CE2"), "TYR": ("CG", "CZ"),
}  # fmt: skip
"""Side-chain carbons without hydrogen."""

UNITED_ABOVE = 12.5
"""A carbon that weighs more includes its hydrogens [g/mol]."""


def require_hydrogens(atoms: Atoms, constraints: str, where: str) -> None:
    """Raise UserError where bonds to hydrogen were rigid, but hydrogens are missing.

    Args:
        atoms: the protein's atoms.
        constraints: ``hbonds`` or ``none``.
        where: protein, for the message.
    """
    if constraints == "none":
        return
    rigid = "project.constraints: hbonds says that bonds to hydrogen were rigid, so forces without them are biased"
    otherwise = "or set project.constraints: none if nothing was rigid"
    if atoms.hydrogens_left_out:
        count, first = len(atoms.hydrogens_left_out), atoms.hydrogens_left_out[0]
        raise UserError(
            f"{where}: {count} hydrogens are bonded to selected atoms but not selected, the first is {first}; {rigid}: "
            f"select them too, {otherwise}"
        )
    bare = _without_hydrogen(atoms)
    if bare:
        united = "" if atoms.mass is not None else " (of united atoms only a topology with masses can tell, e.g. a TPR)"
        raise UserError(
            f"{where}: {len(bare)} atoms lack their hydrogens, the first is {atoms.describe(bare[0])}; {rigid}: use "
            f"trajectories that were saved with all hydrogens, {otherwise}{united}"
        )


def _without_hydrogen(atoms: Atoms) -> list[int]:
    """Atoms that always have a hydrogen, but here have none."""
    hydrogens, partners = _neighbours(atoms)
    mass = np.full(len(atoms), 12.0) if atoms.mass is None else atoms.mass
    alone = hydrogens == 0
    carbon = alone & (partners < 4) & (mass < UNITED_ABOVE)
    nitrogen = alone & (partners < 3)
    found = []
    for index in np.flatnonzero(carbon | nitrogen).tolist():
        name, residue = atoms.name[index], common_name(atoms.residue_name[index])
        lacks = carbon[index] and name in CARBONS and name not in BARE.get(residue, ())
        if residue in RESIDUE_MASSES and (lacks or (nitrogen[index] and name == "N" and residue != "PRO")):
            found.append(index)
    return found


def _neighbours(atoms: Atoms) -> tuple[Int[np.ndarray, " atoms"], Int[np.ndarray, " atoms"]]:
    """Bonded hydrogens of every atom, and all its bonded atoms."""
    ends = np.concatenate([atoms.bonds, atoms.bonds[:, ::-1]])
    to_hydrogen = ends[atoms.atomic_number[ends[:, 1]] == 1, 0]
    return np.bincount(to_hydrogen, minlength=len(atoms)), np.bincount(ends[:, 0], minlength=len(atoms))
