"""What covalent bonds can be: how long, and how many an atom has.

Covalent radii are those of Cordero et al., Dalton Trans. 2008, 2832.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from cgpipe.errors import UserError

COVALENT_RADIUS = {
    1: 0.31, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 14: 1.11, 15: 1.07, 16: 1.05, 17: 1.02, 34: 1.20, 35: 1.20, 53: 1.39,
}  # fmt: skip
"""Radius of each element that forms covalent bonds in proteins and their ligands [Å]."""

LONGEST = 1.35
"""Real bonds stay below 1.25 times the sum of the radii in motion; atoms two bonds apart are at 1.4 (in rings of five)
to 1.7 times."""

LONGEST_TO_METAL = 3.5
"""Longest bond of an atom that has no covalent radius here [Å]."""


def too_long(
    atomic_number: Int[np.ndarray, " atoms"], bonds: Int[np.ndarray, "bonds 2"], length: Float[np.ndarray, " bonds"]
) -> Bool[np.ndarray, " bonds"]:
    """Which bonds are of impossible length.

    Args:
        atomic_number: of each atom.
        bonds: pairs of atoms.
        length: of each bond [Å].
    """
    radius = np.array([COVALENT_RADIUS.get(z, 0.0) for z in atomic_number.tolist()])[bonds]
    limit = np.where((radius > 0).all(axis=1), LONGEST * radius.sum(axis=1), LONGEST_TO_METAL)
    return ~(length <= limit)


def refuse_wrong_degree(
    name: Callable[[int], str],
    hydrogen: Bool[np.ndarray, " atoms"],
    needed: Bool[np.ndarray, " atoms"],
    bonds: Int[np.ndarray, "bonds 2"],
    where: str,
) -> None:
    """Raise UserError for atoms without a bond and hydrogens with several.

    Args:
        name: describes an atom by its index.
        hydrogen: which atoms are hydrogens.
        needed: atoms that must have a bond.
        bonds: pairs of atoms.
        where: the topology, for the message.
    """
    count = np.bincount(bonds.reshape(-1), minlength=len(hydrogen))
    remedy = "use a topology with bonds (TPR, PSF, PRMTOP) that fits the trajectory"
    bare = np.flatnonzero(needed & (count == 0))
    if len(bare):
        what = "hydrogens" if hydrogen[bare].all() else "atoms"
        raise UserError(
            f"{where}: {len(bare)} {what} have no bond and are close to no atom, the first is {name(int(bare[0]))}; "
            f"{remedy}"
        )
    several = np.flatnonzero(needed & hydrogen & (count > 1))
    if len(several):
        raise UserError(
            f"{where}: {len(several)} hydrogens have several bonds, the first is {name(int(several[0]))}; {remedy}"
        )
