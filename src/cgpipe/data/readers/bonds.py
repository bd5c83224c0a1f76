"""Covalent bonds of a system that MDAnalysis has read: the topology's where they can be, else guessed by distance.

A topology may hold no bonds, some (CONECT of a PDB), or those of another system. What it says is compared with a
frame: real bonds are never longer there than `LONGEST` times the sum of the covalent radii.
"""

import MDAnalysis as mda
import numpy as np
from jaxtyping import Bool, Int
from MDAnalysis.lib.distances import calc_bonds

from cgpipe.data.bonding import refuse_wrong_degree, too_long
from cgpipe.data.readers.guess import guess_bonds
from cgpipe.data.readers.numbers import topology_kind
from cgpipe.errors import UserError

CONECT_ONLY = (".pdb", ".ent", ".pdbqt")
"""Topologies that list some bonds at most, and often by wrong numbers."""

Bonds = Int[np.ndarray, "bonds 2"]


def find_bonds(
    group: mda.AtomGroup,
    atomic_number: Int[np.ndarray, " atoms"],
    needed: Bool[np.ndarray, " atoms"],
    where: str,
) -> tuple[Bonds, tuple[str, ...]]:
    """Bonds among some atoms, and notes, at the frame that the universe is at.

    Args:
        group: the atoms.
        atomic_number: of each.
        needed: atoms that must have a bond.
        where: the topology, for messages.

    Raises:
        UserError: bonds of impossible length, hydrogens with several, or needed atoms that have none.
    """
    hydrogen = atomic_number == 1
    given = _given(group)
    given = given[~hydrogen[given].all(axis=1)]  # some topologies hold water rigid by a bond H–H
    long = _too_long(group, atomic_number, given)
    frame = group.universe.trajectory.frame
    guessing = topology_kind(where) in CONECT_ONLY
    if long.any() and not guessing:
        first, second = (_named(group, atom) for atom in given[long][0].tolist())
        raise UserError(
            f"{where}: {long.sum()} of {len(given)} bonds are of impossible length in frame {frame}, the first from "
            f"{first} to {second}; topology and trajectory do not fit together (atoms in another order?)"
        )
    bonds = given[~long]
    bare = needed & ~np.isin(np.arange(len(group)), bonds)
    notes: tuple[str, ...] = ()
    if guessing or bare.any():
        bonds = _with_guessed(group, atomic_number, bonds)
        if bare.any() or long.any():
            notes = (
                f"the topology bonds {needed.sum() - bare.sum()} of {needed.sum()} atoms: bonds guessed by distance in "
                f"frame {frame}; a topology with bonds (TPR, PSF, PRMTOP) is safer",
            )
    if long.any():
        first, second = (_named(group, atom) for atom in given[long][0].tolist())
        notes += (f"{long.sum()} bonds of the topology are impossibly long and left out, the first {first}–{second}",)
    refuse_wrong_degree(lambda atom: _named(group, atom), hydrogen, needed, bonds, where)
    return bonds, notes


def _given(group: mda.AtomGroup) -> Bonds:
    """The topology's bonds among the atoms, each once."""
    try:
        indices = np.asarray(group.universe.bonds.indices, dtype=np.int64).reshape(-1, 2)
    except mda.NoDataError:
        return np.zeros((0, 2), dtype=np.int64)
    row = np.full(len(group.universe.atoms), -1)
    row[group.indices] = np.arange(len(group))
    bonds = row[indices]
    bonds = bonds[(bonds >= 0).all(axis=1) & (bonds[:, 0] != bonds[:, 1])]
    return np.unique(np.sort(bonds, axis=1), axis=0)


def _too_long(
    group: mda.AtomGroup, atomic_number: Int[np.ndarray, " atoms"], bonds: Bonds
) -> Bool[np.ndarray, " bonds"]:
    ends = group.positions[bonds]
    length = calc_bonds(ends[:, 0], ends[:, 1], box=group.universe.dimensions) if len(bonds) else np.zeros(0)
    return too_long(atomic_number, bonds, length)


def _with_guessed(
    group: mda.AtomGroup, atomic_number: Int[np.ndarray, " atoms"], bonds: Bonds
) -> Int[np.ndarray, "all_bonds 2"]:
    """Guessed bonds, and those given that a guess cannot know: a hydrogen keeps a single one."""
    guessed = guess_bonds(group.positions.astype(np.float64), atomic_number, group.universe.dimensions)
    served = (atomic_number == 1) & np.isin(np.arange(len(group)), guessed)
    return np.unique(np.sort(np.concatenate([bonds[~served[bonds].any(axis=1)], guessed]), axis=1), axis=0)


def _named(group: mda.AtomGroup, index: int) -> str:
    atom = group[index]
    return f"{atom.resname} {atom.resid} {atom.name}"
