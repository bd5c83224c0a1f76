"""Which atoms form a residue, whatever their order.

A residue is the atoms of equal chain, number, insertion code and name: programs put hydrogens behind all heavy atoms
(Maestro, Anton) or sort atoms otherwise. Two residues may be described alike (numbers that start again in one
segment, lost insertion codes). Then names of atoms occur twice, and bonds tell them apart: those within residues
join the atoms of one, while C–N and S–S bonds link different ones.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import scipy.sparse
from jaxtyping import Int
from scipy.sparse.csgraph import connected_components

BACKBONE = ("N", "CA", "C")
"""Atoms that make a residue an amino acid."""


def label_residues(
    keys: Sequence[Hashable], names: Sequence[str], bonds: Int[np.ndarray, "bonds 2"]
) -> Int[np.ndarray, " atoms"]:
    """The residue of every atom, counted from 0 in the order in which residues first appear.

    Args:
        keys: what the source says about each atom's residue: chain, number, insertion code, name.
        names: of the atoms.
        bonds: covalent bonds.
    """
    described = _first_seen(keys)
    if len(set(zip(described, names, strict=True))) == len(names):
        return np.array(described, dtype=np.int64)
    piece = _pieces(np.array(described), names, bonds)
    members: dict[int, list[int]] = {}
    for atom, label in enumerate(described):
        members.setdefault(label, []).append(atom)
    told_apart: list[Hashable] = [(label,) for label in described]
    for label, atoms in members.items():
        if len({names[atom] for atom in atoms}) < len(atoms) and _amino_acids(atoms, names, piece) != 1:
            for atom in atoms:
                told_apart[atom] = (label, piece[atom])
    return np.array(_first_seen(told_apart), dtype=np.int64)


def _first_seen(keys: Sequence[Hashable]) -> list[int]:
    """Numbers of the keys in the order of their first appearance."""
    number: dict[Hashable, int] = {}
    return [number.setdefault(key, len(number)) for key in keys]


def _pieces(described: Int[np.ndarray, " atoms"], names: Sequence[str], bonds: Int[np.ndarray, "bonds 2"]) -> list[int]:
    """Atoms that are described alike and joined by bonds other than those that link residues."""
    name = np.array(names)[bonds]
    links = ((name == ("C", "N")) | (name == ("N", "C"))).all(axis=1) & (name[:, 0] != name[:, 1])
    links |= np.char.startswith(name, "S").all(axis=1)
    within = bonds[(described[bonds[:, 0]] == described[bonds[:, 1]]) & ~links]
    count = len(described)
    graph = scipy.sparse.coo_array((np.ones(len(within)), (within[:, 0], within[:, 1])), shape=(count, count))
    return [int(piece) for piece in connected_components(graph, directed=False)[1]]


def _amino_acids(atoms: Sequence[int], names: Sequence[str], piece: Sequence[int]) -> int:
    """How many pieces of some atoms have a whole backbone."""
    of_piece: dict[int, set[str]] = {}
    for atom in atoms:
        of_piece.setdefault(piece[atom], set()).add(names[atom])
    return sum(found.issuperset(BACKBONE) for found in of_piece.values())
