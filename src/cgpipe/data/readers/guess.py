"""What a topology leaves out and names and distances tell: elements, and covalent bonds.

Two atoms are bonded when they are closer than `SLACK` times the sum of their covalent radii; a hydrogen has
one bond, to the nearest heavy atom. Ions and metals get no bonds.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from MDAnalysis.guesser.tables import SYMB2Z
from MDAnalysis.lib.distances import self_capped_distance

from cgpipe.data.bonding import COVALENT_RADIUS

SLACK = 1.25

ION_NAMES = {"CAL": "CA", "SOD": "NA", "POT": "K", "CES": "CS", "CLA": "CL", "CAD": "CD", "LIT": "LI", "RUB": "RB"}
"""CHARMM's names of ions → symbols."""


def element_of(name: str, residue: str, alone: bool) -> int:
    """Atomic number of an atom, from its name; 0 where the name tells nothing.

    Args:
        name: of the atom, e.g. ``CA``.
        residue: name of its residue; ``CA`` in ``CAL`` or alone in its residue is calcium, else an alpha carbon.
        alone: whether it is the only atom of its residue.
    """
    letters = "".join(c for c in name.upper() if c.isalpha())
    if alone:
        for word in (letters, "".join(c for c in residue.upper() if c.isalpha())):
            symbol = ION_NAMES.get(word, word)
            if symbol.capitalize() in SYMB2Z:
                return int(SYMB2Z[symbol.capitalize()])
    if letters.startswith(("SE", "BR", "ZN", "FE", "MG", "MN")):
        return int(SYMB2Z[letters[:2].capitalize()])
    return int(SYMB2Z.get(letters[:1], 0))


def guess_bonds(
    R: Float[np.ndarray, "atoms 3"],
    atomic_number: Int[np.ndarray, " atoms"],
    box: Float[np.ndarray, "6"] | None,
) -> Int[np.ndarray, "bonds 2"]:
    """Covalent bonds by distance.

    Args:
        R: positions [Å].
        atomic_number: of each atom.
        box: lengths [Å] and angles [°] of the periodic box; None where there is none.
    """
    radius = np.array([COVALENT_RADIUS.get(z, 0.0) for z in atomic_number.tolist()])
    pairs, distance = self_capped_distance(
        R.astype(np.float32), max_cutoff=2 * SLACK * max(COVALENT_RADIUS.values()), box=box
    )
    known = (radius[pairs] > 0).all(axis=1)
    close = known & (distance < SLACK * radius[pairs].sum(axis=1))
    hydrogens = (atomic_number[pairs] == 1).sum(axis=1)
    heavy = pairs[close & (hydrogens == 0)]
    to_hydrogen = _nearest(pairs, distance, close & (hydrogens == 1), atomic_number)
    bonds = np.concatenate([heavy, to_hydrogen]).astype(np.int64)
    return bonds[np.lexsort(bonds.T[::-1])]


def _nearest(
    pairs: Int[np.ndarray, "pairs 2"],
    distance: Float[np.ndarray, " pairs"],
    possible: Bool[np.ndarray, " pairs"],
    atomic_number: Int[np.ndarray, " atoms"],
) -> Int[np.ndarray, "bonds 2"]:
    """Of the possible bonds to hydrogen the shortest of each hydrogen."""
    found = pairs[possible][np.argsort(distance[possible], kind="stable")]
    hydrogen = np.where(atomic_number[found[:, 0]] == 1, found[:, 0], found[:, 1])
    return found[np.unique(hydrogen, return_index=True)[1]]
