"""Which atom carries which bead: one bead per amino-acid residue, at its Cα.

A bead sits on the atom named exactly ``CA`` that is a carbon and whose residue also has the backbone atoms N and C.
So calcium (``CA`` too), cap carbons (``CAY``, ``CAT``, ``CH3``) and carbons of ligands give no bead. Two residues are
bonded in the chain exactly when the C of one is bonded to the N of the next; where they are not, the bead's residue
number jumps by more than one, which is how every later stage sees the gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int32

from cgpipe.data.atoms import Atoms
from cgpipe.data.species import canonical_residue
from cgpipe.errors import UserError

BACKBONE = {"N": 7, "CA": 6, "C": 6}
"""Backbone atoms that make a residue an amino acid, with their atomic numbers."""


@dataclass(frozen=True)
class BeadMapping:
    """Beads of a protein in chain order.

    ``atom`` is the index of each bead's Cα; ``residue`` numbers are consecutive exactly where beads are bonded.
    """

    atom: Int[np.ndarray, " beads"]
    residue_name: tuple[str, ...]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]

    def __len__(self) -> int:
        return len(self.atom)


def map_alpha_carbons(atoms: Atoms, aliases: Mapping[str, str], where: str) -> BeadMapping:
    """Find the bead of every amino-acid residue.

    Args:
        atoms: the protein's atoms.
        aliases: the user's names for non-standard residues.
        where: protein, for error messages.

    Raises:
        UserError: an unknown residue, two Cα in one residue, a ring of residues, or fewer than two beads.
    """
    candidates = [_backbone(atoms, members, where) for members in _residues(atoms)]
    backbone = [found for found in candidates if found is not None]
    if len(backbone) < 2:
        raise UserError(f"{where}: {len(backbone)} amino-acid residue(s) found; a chain of beads needs at least 2")
    row_of_n = {n: row for row, (n, _, _) in enumerate(backbone)}
    row_of_c = {c: row for row, (_, _, c) in enumerate(backbone)}
    bonded = set()
    for first, second in np.vstack([atoms.bonds, atoms.bonds[:, ::-1]]).tolist():
        if first in row_of_c and second in row_of_n and row_of_c[first] != row_of_n[second]:
            before, after = row_of_c[first], row_of_n[second]
            if after != before + 1:
                raise UserError(
                    f"{where}: {atoms.describe(first)} is bonded to {atoms.describe(second)}; "
                    "rings and chains out of order cannot be mapped"
                )
            bonded.add(after)
    alpha = np.array([ca for _, ca, _ in backbone])
    chain, residue = _numbering(atoms, alpha, bonded)
    for number, count in zip(*np.unique(chain, return_counts=True), strict=True):
        if count == 1:
            atom = int(alpha[chain == number][0])
            raise UserError(
                f"{where}: chain {atoms.chain[atom]} has one amino-acid residue, {atoms.residue_name[atom]} "
                f"{atoms.residue[atom]}; a chain of beads needs at least 2: leave it out of the selection"
            )
    names = tuple(_residue_name(atoms, ca, aliases, where) for ca in alpha.tolist())
    return BeadMapping(atom=alpha, residue_name=names, chain=chain, residue=residue)


def _residues(atoms: Atoms) -> list[list[int]]:
    """Runs of atoms that share chain, residue number and residue name."""
    runs: list[list[int]] = []
    previous = None
    for index, key in enumerate(zip(atoms.chain, atoms.residue.tolist(), atoms.residue_name, strict=True)):
        if key != previous:
            runs.append([])
        runs[-1].append(index)
        previous = key
    return runs


def _backbone(atoms: Atoms, members: list[int], where: str) -> tuple[int, int, int] | None:
    """Indices of N, Cα and C of a residue, or None where it is no amino acid."""
    found: dict[str, int] = {}
    for index in members:
        name = atoms.name[index]
        if atoms.atomic_number[index] != BACKBONE.get(name):
            continue
        if name in found:
            raise UserError(
                f"{where}: two atoms {atoms.describe(index)} in one residue (alternate locations, or insertion "
                "codes?); keep one location and give every residue its own number"
            )
        found[name] = index
    return (found["N"], found["CA"], found["C"]) if len(found) == len(BACKBONE) else None


def _numbering(
    atoms: Atoms, alpha: Int[np.ndarray, " beads"], bonded: set[int]
) -> tuple[Int32[np.ndarray, " beads"], Int32[np.ndarray, " beads"]]:
    """Chain ids from 0, and residue numbers that are consecutive exactly along bonds."""
    chains: dict[str, int] = {}
    chain = np.zeros(len(alpha), np.int32)
    residue = np.zeros(len(alpha), np.int32)
    for row, atom in enumerate(alpha.tolist()):
        number = int(atoms.residue[atom])
        if row in bonded:
            chain[row], residue[row] = chain[row - 1], residue[row - 1] + 1
            continue
        chain[row] = chains.setdefault(atoms.chain[atom], len(chains))
        same_chain = row > 0 and chain[row] == chain[row - 1]
        residue[row] = max(number, residue[row - 1] + 2) if same_chain else number
    return chain, residue


def _residue_name(atoms: Atoms, atom: int, aliases: Mapping[str, str], where: str) -> str:
    try:
        return canonical_residue(atoms.residue_name[atom], aliases)
    except UserError as error:
        raise UserError(f"{where}, chain {atoms.chain[atom]}, residue {atoms.residue[atom]}: {error}") from None
