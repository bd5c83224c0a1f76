"""The backbone of a protein in a PDB, read without any simulation package: chains of a start, Cα of a structure."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cgpipe.data.chains import describe_chains
from cgpipe.data.residues import BACKBONE
from cgpipe.errors import UserError

LONGEST_PEPTIDE_BOND = 2.0
"""[Å]; farther apart, residues are missing in between."""

DISULPHIDE = 2.5
"""[Å]; bonded sulphurs are 2.05 Å apart, others 3.5 Å or more."""

Residue = tuple[str, str, str, int]
"""Chain with segment, number with insertion code, name, and how many TER there were before."""


class AlphaCarbon(NamedTuple):
    """The Cα of a residue: what the PDB calls the residue (chain and number), its name, and the position [Å]."""

    label: str
    name: str
    place: Float64[np.ndarray, "3"]


def alpha_carbons(text: str, where: str) -> list[AlphaCarbon]:
    """The Cα of every residue of a PDB's first model with N, CA and C; where there are none of these, every CA.

    Args:
        text: of the PDB.
        where: its name, for messages.

    Raises:
        UserError: none, or coordinates that are no numbers.
    """
    residues = _residues(text, where)
    whole = {key: atoms for key, atoms in residues.items() if len(atoms) == len(BACKBONE)}
    # a residue that is called CA is calcium
    alone = {key: atoms for key, atoms in residues.items() if "CA" in atoms and key[2] != "CA"}
    found = [AlphaCarbon(f"{key[0]}{key[1]}", key[2], atoms["CA"]) for key, atoms in (whole or alone).items()]
    if not found:
        raise UserError(f"{where}: no atoms CA; expected a PDB of a protein")
    return found


def describe_start(text: str, where: str) -> str:
    """Beads, chains and gaps of a PDB's first model, as `describe_chains` says it.

    Args:
        text: of the PDB.
        where: its name, for messages.

    Raises:
        UserError: fewer than two residues with N, CA and C, or coordinates that are no numbers.
    """
    places = {key: atoms for key, atoms in _residues(text, where).items() if len(atoms) == len(BACKBONE)}
    if len(places) < 2:
        raise UserError(f"{where}: {len(places)} residues with atoms N, CA and C; expected a PDB of a protein")
    keys = list(places)
    chain, residue = [0], [_plain(keys[0][1])]
    for before, after in pairwise(keys):
        apart = np.linalg.norm(places[before]["C"] - places[after]["N"])
        same = before[0] == after[0]
        bonded = same and apart < LONGEST_PEPTIDE_BOND
        chain.append(chain[-1] if same else chain[-1] + 1)
        number = _plain(after[1])
        residue.append(residue[-1] + 1 if bonded else max(number, residue[-1] + 2) if same else number)
    return describe_chains([name for _, _, name, _ in keys], np.array(chain), np.array(residue))


def disulphides_of(text: str) -> list[str]:
    """Pairs of residues of a PDB's first model whose sulphurs SG are bonded, in words."""
    first = text.split("ENDMDL")[0].splitlines()
    rows = [line for line in first if line.startswith(("ATOM  ", "HETATM")) and line[12:16].strip() == "SG"]
    names = [" ".join(["chain", *row[21:22].split(), row[17:21].strip(), row[22:27].strip()]) for row in rows]
    R = np.array([[float(row[start : start + 8]) for start in (30, 38, 46)] for row in rows]).reshape(-1, 3)
    apart = np.linalg.norm(R[:, None] - R, axis=-1)
    return [f"{names[i]} and {names[j]}" for i, j in np.argwhere(np.triu(apart < DISULPHIDE, 1)).tolist()]


def _residues(text: str, where: str) -> dict[Residue, dict[str, Float64[np.ndarray, "3"]]]:
    """Backbone atoms of every residue of the first model; of alternate locations the first."""
    found: dict[Residue, dict[str, Float64[np.ndarray, "3"]]] = {}
    ends = 0
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            break
        ends += line.startswith("TER")
        name = line[12:16].strip()
        if line.startswith(("ATOM  ", "HETATM")) and name in BACKBONE:
            key = (line[21:22] + line[72:76].strip(), line[22:27].strip(), line[17:21].strip(), ends)
            try:
                place = np.array([float(line[start : start + 8]) for start in (30, 38, 46)])
                if not np.isfinite(place).all():
                    raise ValueError
            except ValueError:
                raise UserError(f"{where}: {line[:54].rstrip()!r}: expected three coordinates") from None
            found.setdefault(key, {}).setdefault(name, place)
    return found


def _plain(number: str) -> int:
    digits = number.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return int(digits) if digits.lstrip("-").isdigit() else 0
