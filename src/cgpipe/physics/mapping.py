"""Which atom carries which bead: one bead per amino-acid residue, at its Cα.

A bead sits on the atom named exactly ``CA`` that is a carbon and whose residue also has the backbone atoms N and C.
So calcium (``CA`` too), cap carbons (``CAY``, ``CAT``, ``CH3``) and carbons of ligands give no bead. Two residues are
bonded in the chain exactly when the C of one is bonded to the N of the next; where they are not, the bead's residue
number jumps by more than one, which is how every later stage sees the gap. The order of beads follows these bonds,
not that of the atoms (see `cgpipe.physics.chain_order`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int32

from cgpipe.data.atoms import Atoms
from cgpipe.data.residues import BACKBONE
from cgpipe.data.species import canonical_residue
from cgpipe.errors import UserError
from cgpipe.physics.chain_order import order_beads
from cgpipe.physics.states import merged_states, states_of
from cgpipe.residues import RESIDUE_MASSES, common_name

ATOMIC_NUMBER = dict(zip(BACKBONE, (7, 6, 6), strict=True))

CAPS = ("ACE", "FOR", "NME", "NMA", "NH2", "NHE", "AMD", "CT3", "CT2")
"""Groups at the ends of chains that have no bead, as everybody expects."""


@dataclass(frozen=True)
class BeadMapping:
    """Beads of a protein in chain order.

    ``atom`` is the index of each bead's Cα; ``residue`` numbers are consecutive exactly where beads are bonded.
    ``notes`` say in words what the user should know: residues without a bead, chains that had to be told apart.
    """

    atom: Int[np.ndarray, " beads"]
    residue_name: tuple[str, ...]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.atom)


def map_alpha_carbons(atoms: Atoms, aliases: Mapping[str, str], where: str, states: bool = False) -> BeadMapping:
    """Find the bead of every amino-acid residue.

    Args:
        atoms: the protein's atoms.
        aliases: the user's names for non-standard residues.
        where: protein, for error messages.
        states: whether beads are named by protonation and bonding states too; else a note tells what is merged.

    Raises:
        UserError: an unknown residue, two Cα in one residue, a ring or a fork of residues, backbone atoms that are not
            bonded, or fewer than two beads.
    """
    found = {label: _backbone(atoms, members, where) for label, members in enumerate(_residues(atoms))}
    backbone = {label: three for label, three in found.items() if three is not None}
    if len(backbone) < 2:
        raise UserError(
            f"{where}: {len(backbone)} amino-acid residue(s) found (with atoms N, CA and C); a chain of beads needs at "
            "least 2"
        )
    bonded = {frozenset(pair) for pair in atoms.bonds.tolist()}
    for n, ca, c in backbone.values():
        for partner in (n, c):
            if frozenset((ca, partner)) not in bonded:
                raise UserError(
                    f"{where}: {atoms.describe(ca)} is not bonded to its {atoms.name[partner]}: the bonds are not "
                    "those of these atoms; do topology and trajectory fit together?"
                )
    ordered = order_beads(atoms, list(backbone.values()), where)
    for number, count in zip(*np.unique(ordered.chain, return_counts=True), strict=True):
        if count == 1:
            atom = int(ordered.atom[ordered.chain == number][0])
            raise UserError(
                f"{where}: chain {atoms.chain[atom]} has one amino-acid residue, {atoms.residue_name[atom]} "
                f"{atoms.number(atom)}; a chain of beads needs at least 2: leave it out of the selection"
            )
    names = tuple(_residue_name(atoms, ca, aliases, where) for ca in ordered.atom.tolist())
    notes = (*ordered.notes, *_without_bead(atoms, backbone))
    if states:
        found_states = states_of(atoms)
        labels = atoms.member[ordered.atom].tolist()
        names = tuple(found_states.get(label, name) for label, name in zip(labels, names, strict=True))
    else:
        notes += tuple(merged_states(atoms, ordered.atom))
    return BeadMapping(ordered.atom, names, ordered.chain, ordered.residue, notes)


def _residues(atoms: Atoms) -> list[list[int]]:
    """The atoms of each residue."""
    members: list[list[int]] = [[] for _ in range(int(atoms.member.max(initial=-1)) + 1)]
    for index, label in enumerate(atoms.member.tolist()):
        members[label].append(index)
    return members


def _backbone(atoms: Atoms, members: Sequence[int], where: str) -> tuple[int, int, int] | None:
    """Indices of N, Cα and C of a residue, or None where it is no amino acid."""
    found: dict[str, int] = {}
    for index in members:
        name = atoms.name[index]
        if atoms.atomic_number[index] != ATOMIC_NUMBER.get(name):
            continue
        if name in found:
            raise UserError(
                f"{where}: two atoms {atoms.describe(index)} in one residue (alternate locations, or insertion "
                "codes?); keep one location and give every residue its own number"
            )
        found[name] = index
    return (found["N"], found["CA"], found["C"]) if len(found) == len(BACKBONE) else None


def _without_bead(atoms: Atoms, backbone: Mapping[int, tuple[int, int, int]]) -> list[str]:
    """Notes on residues that a reader would expect to have a bead: those in a chain, and amino acids by name."""
    ends = {end: name for n, _, c in backbone.values() for end, name in ((n, "N"), (c, "C"))}
    label = atoms.member.tolist()
    touched: dict[int, set[str]] = {}
    for pair in atoms.bonds.tolist():
        for end, other in (pair, pair[::-1]):
            if end in ends and label[other] not in backbone:
                touched.setdefault(label[other], set()).add(ends[end])
    notes = []
    for number, members in enumerate(_residues(atoms)):
        name, first = atoms.residue_name[members[0]], members[0]
        if number in backbone or name.upper() in CAPS:
            continue
        sides = touched.get(number, set())
        if sides or common_name(name) in RESIDUE_MASSES:
            missing = "it has no atoms N, CA and C as amino acids have"
            cut = "; the chain has a gap there" if len(sides) == 2 else ""
            notes.append(f"{atoms.describe_residue(first)} gets no bead: {missing}{cut}")
    return notes


def _residue_name(atoms: Atoms, atom: int, aliases: Mapping[str, str], where: str) -> str:
    try:
        return canonical_residue(atoms.residue_name[atom], aliases)
    except UserError as error:
        raise UserError(f"{where}, chain {atoms.chain[atom]}, residue {atoms.number(atom)}: {error}") from None
