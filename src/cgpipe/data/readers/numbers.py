"""Topologies with residue numbers that MDAnalysis does not read: it is given plain ones, and told the right ones later.

Such are insertion codes and negative numbers in a PSF, and what programs write beyond 9999.
"""

from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import MDAnalysis as mda
from MDAnalysis.lib.util import NamedStream, openany

from cgpipe.data.atoms import psf_words
from cgpipe.data.residue_numbers import read_numbers


class Row(NamedTuple):
    """The line of an atom, the text of its residue's number with insertion code, its chain and its residue's name."""

    line: int
    number: str
    chain: str
    residue: str


def open_universe(topology: str) -> mda.Universe:
    """The system that a topology describes, nothing guessed, with residue numbers and insertion codes as it has them.

    Raises:
        Exception: whatever MDAnalysis raises on a file that it cannot read.
    """
    kind = topology_kind(topology)
    if kind not in (".psf", ".pdb", ".ent"):
        return mda.Universe(topology, to_guess=())
    with openany(topology) as file:
        lines = file.read().splitlines()
    rows = list(_psf_rows(lines) if kind == ".psf" else _pdb_rows(lines))
    if all(row.number.isdecimal() and row.number != "9999" for row in rows):
        return mda.Universe(topology, to_guess=())
    return _renumbered(topology, lines, rows)


def topology_kind(topology: str) -> str:
    """Suffix of a topology in small letters, without that of a compression."""
    path = Path(topology)
    return (path.with_suffix("") if path.suffix.lower() in (".gz", ".bz2") else path).suffix.lower()


def _psf_rows(lines: Sequence[str]) -> Iterator[Row]:
    start = next((number for number, line in enumerate(lines) if "!NATOM" in line), len(lines))
    count = int(lines[start].split()[0]) if start < len(lines) else 0
    for number in range(start + 1, min(start + 1 + count, len(lines))):
        _, segment, residue, name, *_ = psf_words(lines[0], lines[number])
        yield Row(number, residue, segment, name)


def _pdb_rows(lines: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(lines):
        if line.startswith("END"):
            return
        if line.startswith(("ATOM", "HETATM")):
            yield Row(number, line[22:27].replace(" ", ""), line[21:22] + line[72:76], line[17:21])


def _renumbered(topology: str, lines: list[str], rows: Sequence[Row]) -> mda.Universe:
    """The system read from a file with running numbers in place of the given ones, which are set afterwards."""
    numbers = read_numbers([row.number for row in rows], [row.chain for row in rows])
    is_psf = topology_kind(topology) == ".psf"
    for row, running in zip(rows, _running(rows), strict=True):
        line = lines[row.line]
        if is_psf:
            serial, segment, _, *rest = psf_words(lines[0], line)
            lines[row.line] = " ".join([serial, segment, str(running), *rest])
        else:
            lines[row.line] = f"{line[:22]}{running % 10000:4d} {line[27:]}"
    if is_psf:
        lines[0] += " NAMD"  # words between blanks, however long
    universe = mda.Universe(NamedStream(StringIO("\n".join(lines) + "\n"), topology), to_guess=())
    first = [int(residue.atoms.ix[0]) for residue in universe.residues]
    universe.residues.resids = [numbers[atom][0] for atom in first]
    universe.add_TopologyAttr("icodes", [numbers[atom][1] for atom in first])
    return universe


def _running(rows: Sequence[Row]) -> Iterator[int]:
    """Numbers from 1 of the runs of atoms of one residue."""
    count, previous = 0, None
    for row in rows:
        if row[1:] != previous:
            count += 1
        previous = row[1:]
        yield count
