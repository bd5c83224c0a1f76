"""Elements of atoms in amino acids, where names say more than the column of a file.

Programs write ``HG`` and ``CA`` into element columns, which then are mercury and calcium. Inside amino acids the first
letter of a name is its element; an element that a name spells out (``SE``, ``CL``) is believed.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from cgpipe.data.residues import BACKBONE
from cgpipe.residues import RESIDUE_MASSES, common_name

CAPS = ("ACE", "NME", "NMA", "NH2", "NHE", "FOR")

ORGANIC = {
    "H": (1, 1.008), "B": (5, 10.81), "C": (6, 12.011), "N": (7, 14.007), "O": (8, 15.999), "F": (9, 18.998),
    "SI": (14, 28.085), "P": (15, 30.974), "S": (16, 32.06), "CL": (17, 35.45), "SE": (34, 78.971), "BR": (35, 79.904),
    "I": (53, 126.904),
}  # fmt: skip
"""Elements of amino acids, natural or not: atomic number and mass [g/mol]."""

LETTERS = ("H", "C", "N", "O", "S")

MASS_TOLERANCE = 0.015
"""Force fields round masses; a united CH2 is only 0.02 heavier than nitrogen [g/mol]."""


def element_of_mass(mass: float) -> int:
    """Atomic number of the organic element with this mass; 0 where there is none (masses may be repartitioned)."""
    return next((number for number, own in ORGANIC.values() if abs(own - mass) < MASS_TOLERANCE), 0)


def amino_acid_elements(
    names: Sequence[str],
    residue_names: Sequence[str],
    residue: Int[np.ndarray, " atoms"],
    given: Int[np.ndarray, " atoms"],
    mass: Float[np.ndarray, " atoms"] | None = None,
) -> tuple[Int[np.ndarray, " atoms"], Bool[np.ndarray, " atoms"]]:
    """Atomic numbers, inside amino acids by name.

    Args:
        names: of the atoms.
        residue_names: of their residues.
        residue: which atoms are of one residue.
        given: atomic numbers as the source has them; 0 where it has none.
        mass: of each atom [g/mol], where the source has such.

    Returns:
        Atomic numbers (0: neither name nor mass is that of an element), and which atoms are in amino acids.
    """
    sizes = np.bincount(residue)
    standard = {name: common_name(name) in RESIDUE_MASSES or name.upper() in CAPS for name in set(residue_names)}
    whole = _with_backbone(names, residue)
    found = given.copy()
    inside = np.zeros(len(given), dtype=bool)
    for i, name in enumerate(names):
        named = standard[residue_names[i]]
        inside[i] = sizes[residue[i]] > 1 and (named or whole[residue[i]])
        if inside[i]:
            by_mass = 0 if mass is None else element_of_mass(float(mass[i]))
            found[i] = _element(name, int(given[i]), by_mass, named=named)
    return found, inside


def _element(name: str, given: int, by_mass: int, *, named: bool) -> int:
    """Atomic number of an atom of an amino acid, ``named`` if of a common one."""
    letters = "".join(c for c in name.upper() if c.isalpha())
    spelt = next((z for symbol, (z, _) in ORGANIC.items() if z == given and letters.startswith(symbol)), 0)
    organic = given if given in {z for z, _ in ORGANIC.values()} else 0
    first = ORGANIC[letters[0]][0] if letters[:1] in LETTERS else 0
    return spelt or (first or by_mass if named else by_mass or organic or (34 if letters.startswith("SE") else first))


def _with_backbone(names: Sequence[str], residue: Int[np.ndarray, " atoms"]) -> Bool[np.ndarray, " residues"]:
    """Whether each residue has atoms called N, CA and C."""
    has = np.zeros((int(residue.max(initial=-1)) + 1, len(BACKBONE)), dtype=bool)
    for column, name in enumerate(BACKBONE):
        has[residue[[i for i, own in enumerate(names) if own == name]], column] = True
    return np.asarray(has.all(axis=1))
