"""What the atoms of a protein are: names, elements, residues, chains and covalent bonds.

The bonds come from a PSF (X-PLOR/NAMD format: counted sections, whitespace-separated), the names from a PDB
(fixed columns, wwPDB format 3.3).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from cgpipe.errors import UserError


@dataclass(frozen=True)
class Atoms:
    """The atoms of one protein, in the order of its trajectories.

    ``chain`` and ``residue`` are as the source numbers them; ``bonds`` are pairs of atom indices.
    """

    name: tuple[str, ...]
    atomic_number: Int[np.ndarray, " atoms"]
    residue_name: tuple[str, ...]
    residue: Int[np.ndarray, " atoms"]
    chain: tuple[str, ...]
    bonds: Int[np.ndarray, "bonds 2"]

    def __len__(self) -> int:
        return len(self.name)

    def describe(self, index: int) -> str:
        """Atom ``index`` for an error message, e.g. ``chain P0 TYR 10 CA``."""
        return f"chain {self.chain[index]} {self.residue_name[index]} {self.residue[index]} {self.name[index]}"


def pdb_atom_names(text: str) -> tuple[str, ...]:
    """Atom names of the first model of a PDB, columns 13-16."""
    names = []
    for line in text.splitlines():
        if line.startswith(("ATOM  ", "HETATM")):
            names.append(line[12:16].strip())
        elif line.startswith("ENDMDL"):
            break
    return tuple(names)


def psf_names_and_bonds(text: str, atoms: int, where: str) -> tuple[tuple[str, ...], Int[np.ndarray, "bonds 2"]]:
    """Names of the first ``atoms`` atoms of a PSF, and the bonds among them.

    A PSF of the solvated system lists the protein first, so its first rows are the protein's.

    Args:
        text: content of the PSF.
        atoms: number of atoms of the protein.
        where: file and group, for error messages.

    Raises:
        UserError: no such sections, or fewer atoms or bonds than announced.
    """
    lines = text.splitlines()
    start, count = _section(lines, "!NATOM", where)
    if count < atoms:
        raise UserError(f"{where}: the PSF holds {count} atoms, but the protein has {atoms}")
    rows = [line.split() for line in lines[start : start + atoms]]
    if len(rows) < atoms or any(len(row) < 8 for row in rows):
        raise UserError(f"{where}: the PSF's atom section ends early or has short lines; the file is damaged")
    start, count = _section(lines, "!NBOND", where)
    numbers: list[int] = []
    for line in lines[start:]:
        if len(numbers) >= 2 * count:
            break
        try:
            numbers.extend(map(int, line.split()))
        except ValueError:
            break
    if len(numbers) != 2 * count:
        raise UserError(f"{where}: the PSF announces {count} bonds, but holds {len(numbers) / 2:g}")
    bonds = np.array(numbers, dtype=np.int64).reshape(-1, 2) - 1
    return tuple(row[4] for row in rows), bonds[(bonds < atoms).all(axis=1)]


def _section(lines: list[str], title: str, where: str) -> tuple[int, int]:
    """First line after a section's title, and the count in the title."""
    for number, line in enumerate(lines):
        if title in line:
            words = line.split()
            if words and words[0].isdigit():
                return number + 1, int(words[0])
    raise UserError(f"{where}: the PSF has no {title} section")
