"""The protein in a simulated system: which atoms it has, what they are, and how they are bonded.

Works on an MDAnalysis universe. What a topology leaves out (elements, bonds, chains) is guessed, and every guess is
told in a note.
"""

from dataclasses import dataclass

import MDAnalysis as mda
import numpy as np
import scipy.sparse
from jaxtyping import Bool, Int
from MDAnalysis.lib.distances import capped_distance
from scipy.sparse.csgraph import connected_components

from cgpipe.data.atoms import Atoms
from cgpipe.data.bonding import COVALENT_RADIUS
from cgpipe.data.readers.bonds import find_bonds
from cgpipe.data.readers.sites import about_elements, attribute, find_elements, find_masses, refuse_sites
from cgpipe.data.residues import BACKBONE
from cgpipe.errors import UserError

NEAR = 2.7
"""Farther from a selected atom nothing is bonded to it [Å]."""

SMALLEST, LARGEST = 1.0, 1e5
"""A selection is larger than the one, and nothing is farther from the origin than the other [Å]."""


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
    labels = attribute(everything, "altLocs")
    marked = [i for i, label in enumerate(labels) if label.strip()]
    if not marked:
        return everything, ()
    occupancy = getattr(everything, "occupancies", np.ones(len(everything)))
    insertion = attribute(everything, "icodes")
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

    Residues that MDAnalysis does not count as protein are taken too where they are amino acids bonded to what was
    selected (``SEP``, ``CSO``…), or bonded into its chain (chromophores): else a chain would end where it does not.

    Args:
        everything: all atoms to choose from.
        selection: what to select, in MDAnalysis' language.
        where: the topology, for error messages.

    Raises:
        UserError: a selection that is not understood or empty, a frame that holds no structure, bonds that cannot be,
            or selected sites that are no atoms.
    """
    chosen = _select(everything, selection, where)
    frame = everything.universe.trajectory.frame
    R = chosen.positions
    if not np.isfinite(R).all() or np.abs(R).max() > LARGEST or (len(R) > 1 and np.ptp(R, axis=0).max() < SMALLEST):
        raise UserError(f"{where}: frame {frame} holds no structure (all atoms on one point, or beyond reason)")
    residue_of_all = _same_residue(everything)
    group = _with_surroundings(everything, chosen, residue_of_all)
    rows = np.searchsorted(everything.indices, group.indices)
    residue = residue_of_all[rows]
    alone = _alone(everything, residue_of_all)[rows]
    mass = find_masses(group)
    atomic_number, guessed, inside = find_elements(group, residue, alone, mass)
    selected = np.isin(group.indices, chosen.indices)
    refuse_sites(group, selected, atomic_number, alone, mass, where)
    covalent = np.isin(atomic_number, list(COVALENT_RADIUS))
    bonds, notes = find_bonds(group, atomic_number, selected & covalent & ~alone, where)
    candidate = _in_chain(group, residue, selected, covalent, bonds) & ~selected
    kept = selected | candidate
    inner = bonds[kept[bonds].all(axis=1)]
    kept &= _connected(len(group), inner, selected)
    notes = (*about_elements(group, atomic_number, guessed & kept, inside & kept), *notes)
    if (kept & ~selected).any():
        added = ", ".join(_names_of_residues(group, residue, kept & ~selected))
        notes += (f"{added}: taken as well, bonded to the selection {selection!r}",)
    molecule = group[kept]
    insertion = tuple(code.strip() for code in attribute(molecule, "icodes"))
    if any(insertion):
        notes += ("residues are numbered anew: the topology has insertion codes",)
    atoms = Atoms(
        name=tuple(map(str, molecule.names)),
        atomic_number=atomic_number[kept],
        residue_name=tuple(map(str, molecule.resnames)),
        residue=np.asarray(molecule.resids, dtype=np.int64),
        chain=_chains(molecule),
        bonds=(np.cumsum(kept) - 1)[bonds[kept[bonds].all(axis=1)]],
        insertion=insertion if any(insertion) else (),
        mass=None if mass is None else mass[kept],
        hydrogens_left_out=_hydrogens_left_out(group, atomic_number, kept, bonds),
    )
    return Molecule(np.asarray(molecule.indices, dtype=np.int64), atoms, notes)


def _select(everything: mda.AtomGroup, selection: str, where: str) -> mda.AtomGroup:
    try:
        chosen = everything.select_atoms(selection)
    except (mda.SelectionError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{where}: selection {selection!r} is not understood: {' '.join(str(error).split())}") from None
    if not len(chosen):
        names = sorted(set(everything.residues.resnames))[:10]
        raise UserError(f"{where}: selection {selection!r} selects no atom; residues are named {', '.join(names)}, …")
    return chosen


def _same_residue(group: mda.AtomGroup) -> Int[np.ndarray, " atoms"]:
    """A number of every atom that is equal for equal chains, numbers, insertion codes and names of residues."""
    label = np.zeros(len(group), dtype=np.int64)
    for name in ("segids", "chainIDs", "resids", "icodes", "resnames"):
        values = getattr(group, name, None)
        if values is not None:
            _, number = np.unique(np.asarray(values).astype(str), return_inverse=True)
            _, label = np.unique(label * (int(number.max()) + 1) + number, return_inverse=True)
    return label


def _alone(group: mda.AtomGroup, residue: Int[np.ndarray, " atoms"]) -> Bool[np.ndarray, " atoms"]:
    """Whether the residue of an atom holds no other kind of atom, as with ions."""
    _, name = np.unique(group.names.astype(str), return_inverse=True)
    kinds = np.unique(np.stack([residue, name], axis=1), axis=0)[:, 0]
    return np.bincount(kinds)[residue] == 1


def _with_surroundings(
    everything: mda.AtomGroup, chosen: mda.AtomGroup, residue: Int[np.ndarray, " atoms"]
) -> mda.AtomGroup:
    """The chosen atoms, and all of those residues that something chosen may be bonded to."""
    pairs = capped_distance(
        everything.positions, chosen.positions, NEAR, box=everything.dimensions, return_distances=False
    )
    near = np.zeros(len(everything), dtype=bool)
    near[pairs[:, 0]] = True
    taken = set(chosen.indices.tolist())
    partners = [i for pair in _bonds_across(everything, taken) for i in pair]
    near |= np.isin(everything.indices, partners)
    near |= np.isin(residue, _unknown_amino_acids(everything, residue))
    return everything[np.isin(residue, residue[near]) | np.isin(everything.indices, chosen.indices)]


def _bonds_across(everything: mda.AtomGroup, inside: set[int]) -> list[list[int]]:
    """The topology's bonds between atoms of a set and others."""
    try:
        indices = np.asarray(everything.universe.bonds.indices, dtype=np.int64).reshape(-1, 2)
    except mda.NoDataError:
        return []
    found = np.isin(indices, list(inside))
    return [list(map(int, pair)) for pair in indices[found.any(axis=1) & ~found.all(axis=1)]]


def _unknown_amino_acids(everything: mda.AtomGroup, residue: Int[np.ndarray, " atoms"]) -> Int[np.ndarray, " residues"]:
    """Residues that have a backbone and no name that MDAnalysis knows as protein's."""
    found = np.unique(residue)
    for name in BACKBONE:
        found = np.intersect1d(found, residue[everything.names == name])
    return np.setdiff1d(found, residue[np.isin(everything.indices, everything.select_atoms("protein").indices)])


def _in_chain(
    group: mda.AtomGroup,
    residue: Int[np.ndarray, " atoms"],
    selected: Bool[np.ndarray, " atoms"],
    covalent: Bool[np.ndarray, " atoms"],
    bonds: Int[np.ndarray, "bonds 2"],
) -> Bool[np.ndarray, " atoms"]:
    """Atoms of unknown amino acids, and of other residues bonded to N or C of selected ones or of these."""
    foreign = ~np.isin(residue, residue[np.isin(group.indices, group.select_atoms("protein").indices) | selected])
    amino = foreign & np.isin(residue, _unknown_amino_acids(group, residue))
    end = (selected | amino) & np.isin(group.names, ("N", "C"))
    ends = np.concatenate([bonds, bonds[:, ::-1]])
    touched = ends[end[ends[:, 0]] & covalent[ends].all(axis=1), 1]
    return foreign & (amino | np.isin(residue, residue[touched]))


def _hydrogens_left_out(
    group: mda.AtomGroup,
    atomic_number: Int[np.ndarray, " atoms"],
    kept: Bool[np.ndarray, " atoms"],
    bonds: Int[np.ndarray, "bonds 2"],
) -> tuple[str, ...]:
    """Hydrogens that are bonded to atoms that are kept, and are not kept."""
    ends = np.concatenate([bonds, bonds[:, ::-1]])
    found = np.unique(ends[kept[ends[:, 0]] & ~kept[ends[:, 1]] & (atomic_number[ends[:, 1]] == 1), 1])
    return tuple(f"{atom.resname} {atom.resid} {atom.name}" for atom in group[found])


def _names_of_residues(
    group: mda.AtomGroup, residue: Int[np.ndarray, " atoms"], which: Bool[np.ndarray, " atoms"]
) -> list[str]:
    first = np.unique(residue[which], return_index=True)[1]
    return [f"{atom.resname} {atom.resid}" for atom in group[np.flatnonzero(which)[np.sort(first)]]]


def _connected(
    count: int, bonds: Int[np.ndarray, "bonds 2"], chosen: Bool[np.ndarray, " atoms"]
) -> Bool[np.ndarray, " atoms"]:
    """Atoms that are chosen, or in one molecule with chosen ones."""
    graph = scipy.sparse.coo_array((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(count, count))
    _, molecule = connected_components(graph, directed=False)
    return np.isin(molecule, molecule[chosen])


def _chains(group: mda.AtomGroup) -> tuple[str, ...]:
    """The chain of every atom."""
    segments, chains = attribute(group, "segids"), attribute(group, "chainIDs")
    both = [f"{segment}/{chain}" for segment, chain in zip(segments, chains, strict=True)]
    # the shortest name that tells all chains apart
    return tuple(next(names for names in (chains, segments, both) if len(set(names)) == len(set(both))))
