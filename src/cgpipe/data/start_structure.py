"""The chains of a PDB that a simulation is to start from, read without any simulation package."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from cgpipe.data.chains import describe_chains
from cgpipe.data.residues import BACKBONE
from cgpipe.errors import UserError

LONGEST_PEPTIDE_BOND = 2.0
"""[Å]; farther apart, residues are missing in between."""

Residue = tuple[str, str, str]
"""Chain with segment, number with insertion code, name."""


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
    return describe_chains([name for _, _, name in keys], np.array(chain), np.array(residue))


def _residues(text: str, where: str) -> dict[Residue, dict[str, Float64[np.ndarray, "3"]]]:
    """Backbone atoms of every residue of the first model; of alternate locations the first."""
    found: dict[Residue, dict[str, Float64[np.ndarray, "3"]]] = {}
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            break
        name = line[12:16].strip()
        if line.startswith(("ATOM  ", "HETATM")) and name in BACKBONE:
            key = (line[21:22] + line[72:76].strip(), line[22:27].strip(), line[17:20].strip())
            try:
                place = np.array([float(line[start : start + 8]) for start in (30, 38, 46)])
            except ValueError:
                raise UserError(f"{where}: {line[:54].rstrip()!r}: expected three coordinates") from None
            found.setdefault(key, {}).setdefault(name, place)
    return found


def _plain(number: str) -> int:
    digits = number.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return int(digits) if digits.lstrip("-").isdigit() else 0
