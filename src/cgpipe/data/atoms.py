"""What the atoms of a protein are: names, elements, residues, chains and covalent bonds.

The bonds come from a PSF (X-PLOR/NAMD format: counted sections, whitespace-separated), the names from a PDB
(fixed columns, wwPDB format 3.3).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.residues import label_residues
from cgpipe.errors import UserError


@dataclass(frozen=True)
class Atoms:
    """The atoms of one protein, in the order of its trajectories.

    ``chain`` and ``residue`` are as the source numbers them; ``bonds`` are pairs of atom indices. ``insertion`` holds
    insertion codes, ``mass`` masses [g/mol], where the source has such. ``hydrogens_left_out`` describes hydrogens that
    are bonded to these atoms and not among them.
    """

    name: tuple[str, ...]
    atomic_number: Int[np.ndarray, " atoms"]
    residue_name: tuple[str, ...]
    residue: Int[np.ndarray, " atoms"]
    chain: tuple[str, ...]
    bonds: Int[np.ndarray, "bonds 2"]
    insertion: tuple[str, ...] = ()
    mass: Float[np.ndarray, " atoms"] | None = None
    hydrogens_left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.name)

    @cached_property
    def member(self) -> Int[np.ndarray, " atoms"]:
        """The residue that each atom belongs to, counted from 0 in order of appearance."""
        codes = self.insertion or ("",) * len(self)
        keys = list(zip(self.chain, self.residue.tolist(), codes, self.residue_name, strict=True))
        return label_residues(keys, self.name, self.bonds)

    def number(self, index: int) -> str:
        """Residue number of an atom with its insertion code, e.g. ``52A``."""
        return f"{self.residue[index]}{self.insertion[index] if self.insertion else ''}"

    def describe_residue(self, index: int) -> str:
        """The residue of an atom, for messages, e.g. ``chain P0 TYR 10``."""
        return " ".join(["chain", *filter(None, (self.chain[index], self.residue_name[index])), self.number(index)])

    def describe(self, index: int) -> str:
        """Atom ``index`` for an error message, e.g. ``chain P0 TYR 10 CA``."""
        return f"{self.describe_residue(index)} {self.name[index]}"


def pdb_names_and_codes(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Atom names (columns 13-16) and insertion codes (27) of the first model of a PDB."""
    rows = []
    for line in text.splitlines():
        if line.startswith(("ATOM  ", "HETATM")):
            rows.append(line)
        elif line.startswith("ENDMDL"):
            break
    return tuple(row[12:16].strip() for row in rows), tuple(row[26:27].strip() for row in rows)


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
    rows = [psf_words(lines[0], line) for line in lines[start : start + atoms]]
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


def psf_words(header: str, line: str) -> list[str]:
    """What stands in an atom's line of a PSF, also where its segment has no name.

    Args:
        header: the file's first line, which names its format.
        line: of the atom.
    """
    words = line.split()
    segment = line[11:19] if "EXT" in header.split() else line[9:13]
    if words and "NAMD" not in header.split() and not segment.strip():
        words.insert(1, "SYSTEM")
    return words


def _section(lines: list[str], title: str, where: str) -> tuple[int, int]:
    """First line after a section's title, and the count in the title."""
    for number, line in enumerate(lines):
        if title in line:
            words = line.split()
            if words and words[0].isdigit():
                return number + 1, int(words[0])
    raise UserError(f"{where}: the PSF has no {title} section")
