"""Ideal geometry of the 20 amino acids' heavy atoms, as internal coordinates.

Bond lengths and angles are the averages of Engh and Huber (Acta Cryst. A47, 392, 1991), rounded; dihedrals are those of
a common rotamer. The force field's minimum is near; what must be exact here is handedness.
"""

from typing import NamedTuple


class Placement(NamedTuple):
    """One atom from three that are there already.

    ``name`` is bonded to ``bonded`` at ``length`` [Å]; ``angle`` [°] is name-bonded-second, ``dihedral`` [°] is
    name-bonded-second-third.
    """

    name: str
    bonded: str
    second: str
    third: str
    length: float
    angle: float
    dihedral: float


THREE_LETTERS = {
    "A": "ALA", "C": "CYS", "D": "ASP", "E": "GLU", "F": "PHE", "G": "GLY", "H": "HIS", "I": "ILE", "K": "LYS",
    "L": "LEU", "M": "MET", "N": "ASN", "P": "PRO", "Q": "GLN", "R": "ARG", "S": "SER", "T": "THR", "V": "VAL",
    "W": "TRP", "Y": "TYR",
}  # fmt: skip

PHI = {"PRO": -70.0}
"""Backbone dihedral C-N-CA-C [°] where the ring fixes it; elsewhere `EXTENDED_PHI`."""

EXTENDED_PHI, EXTENDED_PSI = -120.0, 130.0

N_CA, CA_C, C_N, C_O, C_OXT = 1.458, 1.525, 1.329, 1.231, 1.25
N_CA_C, CA_C_N, C_N_CA, CA_C_O, CA_C_OXT = 111.0, 117.2, 121.7, 120.1, 117.0
ACE_CH3_C, ACE_N_C_CH3, ACE_N_C_O = 1.50, 116.6, 123.0


def _cb(length: float = 1.53, angle: float = 110.4) -> Placement:
    """Cβ of an L-amino acid."""
    return Placement("CB", "CA", "N", "C", length, angle, -122.5)


def _gamma(name: str, length: float, angle: float, dihedral: float = -60.0) -> Placement:
    """An atom bonded to Cβ, with its χ1 dihedral."""
    return Placement(name, "CB", "CA", "N", length, angle, dihedral)


_BENZENE = (
    _cb(),
    _gamma("CG", 1.50, 113.8),
    Placement("CD1", "CG", "CB", "CA", 1.39, 120.7, 90.0),
    Placement("CD2", "CG", "CB", "CA", 1.39, 120.7, -90.0),
    Placement("CE1", "CD1", "CG", "CB", 1.39, 120.7, 180.0),
    Placement("CE2", "CD2", "CG", "CB", 1.39, 120.7, 180.0),
    Placement("CZ", "CE1", "CD1", "CG", 1.39, 120.0, 0.0),
)

SIDE_CHAINS: dict[str, tuple[Placement, ...]] = {
    "ALA": (_cb(),),
    "ARG": (
        _cb(),
        _gamma("CG", 1.52, 114.1),
        Placement("CD", "CG", "CB", "CA", 1.52, 111.3, 180.0),
        Placement("NE", "CD", "CG", "CB", 1.46, 112.0, 180.0),
        Placement("CZ", "NE", "CD", "CG", 1.33, 124.2, 180.0),
        Placement("NH1", "CZ", "NE", "CD", 1.33, 120.0, 0.0),
        Placement("NH2", "CZ", "NE", "CD", 1.33, 119.7, 180.0),
    ),
    "ASN": (
        _cb(),
        _gamma("CG", 1.52, 112.6),
        Placement("OD1", "CG", "CB", "CA", 1.23, 120.8, -30.0),
        Placement("ND2", "CG", "CB", "CA", 1.33, 116.4, 150.0),
    ),
    "ASP": (
        _cb(),
        _gamma("CG", 1.52, 112.6),
        Placement("OD1", "CG", "CB", "CA", 1.25, 118.4, -30.0),
        Placement("OD2", "CG", "CB", "CA", 1.25, 118.4, 150.0),
    ),
    "CYS": (_cb(), _gamma("SG", 1.81, 114.4)),
    "GLN": (
        _cb(),
        _gamma("CG", 1.52, 114.1),
        Placement("CD", "CG", "CB", "CA", 1.52, 112.6, 180.0),
        Placement("OE1", "CD", "CG", "CB", 1.23, 120.8, 0.0),
        Placement("NE2", "CD", "CG", "CB", 1.33, 116.4, 180.0),
    ),
    "GLU": (
        _cb(),
        _gamma("CG", 1.52, 114.1),
        Placement("CD", "CG", "CB", "CA", 1.52, 112.6, 180.0),
        Placement("OE1", "CD", "CG", "CB", 1.25, 118.4, 0.0),
        Placement("OE2", "CD", "CG", "CB", 1.25, 118.4, 180.0),
    ),
    "GLY": (),
    "HIS": (
        _cb(),
        _gamma("CG", 1.50, 113.8),
        Placement("ND1", "CG", "CB", "CA", 1.38, 122.7, 90.0),
        Placement("CD2", "CG", "CB", "CA", 1.35, 131.2, -90.0),
        Placement("CE1", "ND1", "CG", "CB", 1.32, 109.3, 180.0),
        Placement("NE2", "CD2", "CG", "CB", 1.37, 107.2, 180.0),
    ),
    "ILE": (
        _cb(1.54, 111.5),
        _gamma("CG1", 1.53, 110.4),
        _gamma("CG2", 1.52, 110.5, 178.0),
        Placement("CD1", "CG1", "CB", "CA", 1.51, 113.8, 170.0),
    ),
    "LEU": (
        _cb(),
        _gamma("CG", 1.53, 116.3),
        Placement("CD1", "CG", "CB", "CA", 1.52, 110.7, 175.0),
        Placement("CD2", "CG", "CB", "CA", 1.52, 110.7, -63.0),
    ),
    "LYS": (
        _cb(),
        _gamma("CG", 1.52, 114.1),
        Placement("CD", "CG", "CB", "CA", 1.52, 111.3, 180.0),
        Placement("CE", "CD", "CG", "CB", 1.52, 111.3, 180.0),
        Placement("NZ", "CE", "CD", "CG", 1.49, 111.9, 180.0),
    ),
    "MET": (
        _cb(),
        _gamma("CG", 1.52, 114.1),
        Placement("SD", "CG", "CB", "CA", 1.80, 112.7, 180.0),
        Placement("CE", "SD", "CG", "CB", 1.79, 100.9, 180.0),
    ),
    "PHE": _BENZENE,
    "PRO": (
        _cb(1.53, 103.0),
        _gamma("CG", 1.49, 104.5, 28.0),
        Placement("CD", "CG", "CB", "CA", 1.50, 106.1, -36.0),
    ),
    "SER": (_cb(), _gamma("OG", 1.42, 111.1)),
    "THR": (_cb(1.54, 111.5), _gamma("OG1", 1.43, 109.6), _gamma("CG2", 1.52, 110.5, 179.0)),
    "TRP": (
        _cb(),
        _gamma("CG", 1.50, 113.6),
        Placement("CD1", "CG", "CB", "CA", 1.365, 126.9, 90.0),
        Placement("CD2", "CG", "CB", "CA", 1.433, 126.8, -90.0),
        Placement("NE1", "CD1", "CG", "CB", 1.374, 110.2, 180.0),
        Placement("CE2", "CD2", "CG", "CB", 1.409, 107.2, 180.0),
        Placement("CE3", "CD2", "CG", "CB", 1.398, 133.9, 0.0),
        Placement("CZ2", "CE2", "CD2", "CG", 1.394, 122.4, 180.0),
        Placement("CZ3", "CE3", "CD2", "CG", 1.382, 118.6, 180.0),
        Placement("CH2", "CZ2", "CE2", "CD2", 1.368, 117.5, 0.0),
    ),
    "TYR": (*_BENZENE, Placement("OH", "CZ", "CE1", "CD1", 1.38, 119.9, 180.0)),
    "VAL": (_cb(1.54, 111.5), _gamma("CG1", 1.52, 110.5, 175.0), _gamma("CG2", 1.52, 110.5, -63.0)),
}
