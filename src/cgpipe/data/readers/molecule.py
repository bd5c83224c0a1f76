"""The protein in a simulated system: which atoms it has, what they are, and how they are bonded.

Works on an MDAnalysis universe. What a topology leaves out (elements, bonds, chains) is guessed, and every guess is
told in a note.
"""

from dataclasses import dataclass
from typing import Any

import MDAnalysis as mda
import numpy as np
import scipy.sparse
from jaxtyping import Bool, Int
from MDAnalysis.guesser.tables import SYMB2Z
from scipy.sparse.csgraph import connected_components

from cgpipe.data.atoms import Atoms
from cgpipe.data.readers.guess import element_of, guess_bonds
from cgpipe.errors import UserError

BACKBONE = ("N", "CA", "C")


@dataclass(frozen=True)
class Molecule:
    """The chosen atoms: their indices in the system, what they are, and what had to be guessed, in words."""

    index: Int[np.ndarray, " atoms"]
    atoms: Atoms
    notes: tuple[str, ...]


def drop_alternates(universe: mda.Universe) -> tuple[mda.AtomGroup, tuple[str, ...]]:
    """The atoms without alternate locations: of each residue that with the highest mean occupancy, the first of equals.

    Returns:
        The atoms that are left, and a note where there were others.
    """
    everything = universe.atoms
    labels = _attribute(everything, "altLocs")
    marked = [i for i, label in enumerate(labels) if label.strip()]
    if not marked:
        return everything, ()
    occupancy = getattr(everything, "occupancies", np.ones(len(everything)))
    insertion = _attribute(everything, "icodes")
    places: dict[tuple[str, int, str], dict[str, list[int]]] = {}
    for i in marked:
        atom = everything[i]
        key = (f"{atom.segid}/{getattr(atom, 'chainID', '')}", int(atom.resid), insertion[i])
        places.setdefault(key, {}).setdefault(labels[i], []).append(i)
    kept = np.ones(len(everything), dtype=bool)
    for choices in places.values():
        best = max(choices, key=lambda label: float(np.mean(occupancy[choices[label]])))
        for label, members in choices.items():
            kept[members] = label == best
    if kept.all():
        return everything, ()
    dropped = int((~kept).sum())
    note = f"{dropped} atoms in alternate locations left out: each residue keeps that of the highest occupancy"
    return everything[kept], (note,)


def find_molecule(everything: mda.AtomGroup, selection: str, where: str) -> Molecule:
    """The chosen atoms of a system, at the frame that its universe is at.

    Amino acids with names that are not in MDAnalysis' list of residues (``SEP``, ``CSO``…) are taken too where they are
    bonded to what was selected: without them a chain would end where it does not.

    Args:
        everything: all atoms to choose from.
        selection: what to select, in MDAnalysis' language.
        where: the topology, for error messages.

    Raises:
        UserError: a selection that is not understood or empty, or a hydrogen that is not bonded.
    """
    try:
        chosen = everything.select_atoms(selection)
    except (mda.SelectionError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{where}: selection {selection!r} is not understood: {' '.join(str(error).split())}") from None
    if not len(chosen):
        names = sorted(set(everything.residues.resnames))[:10]
        raise UserError(f"{where}: selection {selection!r} selects no atom; residues are named {', '.join(names)}, …")
    strangers = _unknown_amino_acids(everything, chosen)
    group = (chosen | strangers) if len(strangers) else chosen
    atomic_number, notes = _elements(group)
    bonds, bond_notes = _bonds(group, atomic_number, where)
    notes += bond_notes
    if len(strangers):
        kept = _connected(len(group), bonds, np.isin(group.indices, chosen.indices))
        taken = group[kept & np.isin(group.indices, strangers.indices)].residues
        if len(taken):
            added = ", ".join(f"{residue.resname} {residue.resid}" for residue in taken)
            notes += (f"{added}: taken as well, bonded to the selection {selection!r}",)
        renumbered = np.cumsum(kept) - 1
        group, atomic_number = group[kept], atomic_number[kept]
        bonds = renumbered[bonds[kept[bonds].all(axis=1)]]
    chain, residue, numbering_notes = _numbering(group)
    atoms = Atoms(
        name=tuple(map(str, group.names)),
        atomic_number=atomic_number,
        residue_name=tuple(map(str, group.resnames)),
        residue=residue,
        chain=chain,
        bonds=bonds,
    )
    return Molecule(np.asarray(group.indices, dtype=np.int64), atoms, notes + numbering_notes)


def _unknown_amino_acids(everything: mda.AtomGroup, chosen: mda.AtomGroup) -> mda.AtomGroup:
    """Atoms of residues that have a backbone, are not selected, and have no name that MDAnalysis knows as protein's."""
    names, residue = everything.names, everything.resindices
    found = set(residue.tolist())
    for name in BACKBONE:
        found &= set(residue[names == name].tolist())
    found -= set(chosen.resindices.tolist())
    if not found:
        return everything[[]]
    candidates = everything[np.isin(residue, sorted(found))]
    return candidates - candidates.select_atoms("protein")


def _elements(group: mda.AtomGroup) -> tuple[Int[np.ndarray, " atoms"], tuple[str, ...]]:
    """Atomic numbers: the topology's, else from names."""
    symbols = _attribute(group, "elements")
    known = [int(SYMB2Z.get(symbol.strip().capitalize(), 0)) for symbol in symbols]
    alone = _alone(group)
    missing = [i for i, number in enumerate(known) if not number]
    for i in missing:
        known[i] = element_of(str(group.names[i]), str(group.resnames[i]), bool(alone[i]))
    note = f"elements of {len(missing)} of {len(group)} atoms taken from their names: the topology has none"
    return np.array(known, dtype=np.int64), (note,) if missing else ()


def _bonds(
    group: mda.AtomGroup, atomic_number: Int[np.ndarray, " atoms"], where: str
) -> tuple[Int[np.ndarray, "bonds 2"], tuple[str, ...]]:
    """Bonds among the atoms: the topology's where it bonds every atom, else those guessed by distance as well."""
    try:
        given = np.asarray(group.universe.bonds.indices, dtype=np.int64).reshape(-1, 2)
    except mda.NoDataError:
        given = np.zeros((0, 2), dtype=np.int64)
    row = np.full(len(group.universe.atoms), -1)
    row[group.indices] = np.arange(len(group))
    bonds = row[given]
    bonds = bonds[(bonds >= 0).all(axis=1)]
    without = int((~_alone(group) & ~np.isin(np.arange(len(group)), bonds)).sum())
    notes: tuple[str, ...] = ()
    if without:
        guessed = guess_bonds(group.positions.astype(np.float64), atomic_number, group.universe.dimensions)
        bonds = np.unique(np.sort(np.concatenate([bonds, guessed]), axis=1), axis=0)
        frame = group.universe.trajectory.frame
        notes = (
            f"the topology bonds {len(group) - without} of {len(group)} atoms: bonds guessed by distance in frame "
            f"{frame}; a topology with bonds (TPR, PSF, PRMTOP) is safer",
        )
    bare = np.flatnonzero((atomic_number == 1) & ~np.isin(np.arange(len(group)), bonds))
    if len(bare):
        atom = group[bare[0]]
        raise UserError(
            f"{where}: {len(bare)} hydrogens have no bond and are close to no atom, the first is {atom.resname} "
            f"{atom.resid} {atom.name}; use a topology with bonds (TPR, PSF, PRMTOP)"
        )
    return bonds, notes


def _alone(group: mda.AtomGroup) -> Bool[np.ndarray, " atoms"]:
    """Whether an atom is the only one of its residue, as ions are."""
    _, place, atoms = np.unique(group.resindices, return_inverse=True, return_counts=True)
    return atoms[place] == 1


def _connected(
    count: int, bonds: Int[np.ndarray, "bonds 2"], chosen: Bool[np.ndarray, " atoms"]
) -> Bool[np.ndarray, " atoms"]:
    """Atoms that are chosen, or in one molecule with chosen ones."""
    graph = scipy.sparse.coo_array((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(count, count))
    _, molecule = connected_components(graph, directed=False)
    return np.isin(molecule, molecule[chosen])


def _numbering(group: mda.AtomGroup) -> tuple[tuple[str, ...], Int[np.ndarray, " atoms"], tuple[str, ...]]:
    """Chain and residue number of every atom."""
    segments, chains = _attribute(group, "segids"), _attribute(group, "chainIDs")
    both = [f"{segment}/{chain}" for segment, chain in zip(segments, chains, strict=True)]
    # the shortest name that tells all chains apart
    chain = next(names for names in (chains, segments, both) if len(set(names)) == len(set(both)))
    residue = np.asarray(group.resids, dtype=np.int64)
    notes: tuple[str, ...] = ()
    if any(code.strip() for code in _attribute(group, "icodes")):
        residue = np.asarray(group.resindices, dtype=np.int64) + 1
        notes += ("residues are numbered anew: the topology has insertion codes",)
    if len(set(chain)) == 1 and (np.diff(residue) < 0).any():
        part = np.concatenate([[0], np.cumsum(np.diff(residue) < 0)])
        chain = [str(number + 1) for number in part.tolist()]
        notes += (f"{part[-1] + 1} chains told apart by residue numbers that start again: the topology names one",)
    return tuple(chain), residue, notes


def _attribute(group: mda.AtomGroup, name: str) -> list[str]:
    """A text of every atom, empty where the topology has no such thing."""
    values: Any = getattr(group, name, None)
    return [""] * len(group) if values is None else [str(value) for value in values]
