"""What the atoms of a system are that MDAnalysis has read: elements, masses, and whether they are atoms at all."""

from typing import Any

import MDAnalysis as mda
import numpy as np
from jaxtyping import Bool, Float, Int
from MDAnalysis.guesser.tables import SYMB2Z

from cgpipe.data.elements import amino_acid_elements
from cgpipe.data.readers.guess import element_of
from cgpipe.errors import UserError

LIGHTEST = 0.5
"""What weighs less is no atom: virtual sites, lone pairs, Drude particles [g/mol]."""


def find_elements(
    group: mda.AtomGroup,
    residue: Int[np.ndarray, " atoms"],
    alone: Bool[np.ndarray, " atoms"],
    mass: Float[np.ndarray, " atoms"] | None,
) -> tuple[Int[np.ndarray, " atoms"], Bool[np.ndarray, " atoms"], Bool[np.ndarray, " atoms"]]:
    """Atomic numbers; which had to be guessed, and which of the topology's are wrong."""
    symbols = attribute(group, "elements")
    given = np.array([int(SYMB2Z.get(symbol.strip().capitalize(), 0)) for symbol in symbols], dtype=np.int64)
    names, residues = list(map(str, group.names)), list(map(str, group.resnames))
    found, inside = amino_acid_elements(names, residues, residue, given, mass)
    for i in np.flatnonzero((found == 0) & ~inside).tolist():
        found[i] = element_of(names[i], residues[i], bool(alone[i]))
    return found, given == 0, (given != 0) & (found != given)


def about_elements(
    group: mda.AtomGroup,
    atomic_number: Int[np.ndarray, " atoms"],
    guessed: Bool[np.ndarray, " atoms"],
    corrected: Bool[np.ndarray, " atoms"],
) -> list[str]:
    notes = []
    if guessed.any():
        notes.append(f"elements of {guessed.sum()} atoms taken from their names: the topology has none")
    if corrected.any():
        first = group[int(np.flatnonzero(corrected)[0])]
        symbol = next(s for s, z in SYMB2Z.items() if z == atomic_number[first.ix == group.ix][0])
        notes.append(
            f"elements of {corrected.sum()} atoms corrected by their names, the first is {first.resname} {first.resid} "
            f"{first.name}: {symbol}, not {first.element}"
        )
    return notes


def find_masses(group: mda.AtomGroup) -> Float[np.ndarray, " atoms"] | None:
    """Masses [g/mol] where the topology has such; some formats have a column that nobody filled in."""
    masses: Any = getattr(group, "masses", None)
    if masses is None or not np.isfinite(masses).all() or np.max(masses) < 2.0 or len(np.unique(masses)) < 2:
        return None
    return np.asarray(masses, dtype=np.float64)


def refuse_sites(
    group: mda.AtomGroup,
    selected: Bool[np.ndarray, " atoms"],
    atomic_number: Int[np.ndarray, " atoms"],
    alone: Bool[np.ndarray, " atoms"],
    mass: Float[np.ndarray, " atoms"] | None,
    where: str,
) -> None:
    """Raise UserError for sites without mass or element, on which forces act that no bead would get."""
    light = np.zeros(len(group), dtype=bool) if mass is None else mass < LIGHTEST
    strange = np.flatnonzero(selected & (light | ((atomic_number == 0) & ~alone)))
    if len(strange):
        atom = group[int(strange[0])]
        raise UserError(
            f"{where}: {len(strange)} of the selected sites are no atoms (virtual sites, lone pairs, Drude?), "
            f"the first is {atom.resname} {atom.resid} {atom.name}; forces on such sites cannot be mapped"
        )


def attribute(group: mda.AtomGroup, name: str) -> list[str]:
    """A text of every atom, empty where the topology has no such thing."""
    values: Any = getattr(group, name, None)
    return [""] * len(group) if values is None else [str(value) for value in values]
