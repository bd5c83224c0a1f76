"""Whether positions are in Å, seen before any bond is known: by the distance of Cα and C in every residue."""

from collections.abc import Iterable
from typing import Any

import MDAnalysis as mda
import numpy as np

from cgpipe.data.bond_ranges import likely_unit
from cgpipe.errors import UserError

ALPHA_TO_CARBON = 1.53
"""Length of the bond [Å]."""
LOOKED_AT = 20
"""So many frames are looked at for one that is not damaged."""


def go_to_sane_frame(trajectory: Any, frames: Iterable[int], atoms: mda.AtomGroup, where: str) -> Any:
    """Go to the first frame whose residues are of the right size, else to the first one; returns it.

    Raises:
        UserError: the residues of the first frame are too large or too small by a factor that tells another unit.
    """
    frames = list(frames)[:LOOKED_AT]
    for frame in frames:
        step = trajectory[frame]
        scale = _scale(atoms)
        if np.isnan(scale) or 0.5 < scale < 1.6:
            return step
    step = trajectory[frames[0]]
    if unit := likely_unit(_scale(atoms)):
        raise UserError(f"{where}: bonds are {_scale(atoms):.2g} times as long as bonds are; {unit}")
    return step


def _scale(atoms: mda.AtomGroup) -> float:
    """Median distance of Cα and C over what it should be; NaN without such atoms or numbers."""
    ends = []
    for name in ("CA", "C"):
        rows = np.flatnonzero(atoms.names == name)
        residue, first = np.unique(atoms.resindices[rows], return_index=True)
        ends.append((residue, rows[first]))
    (one, alpha), (other, carbon) = ends
    _, of_alpha, of_carbon = np.intersect1d(one, other, return_indices=True)
    if not len(of_alpha):
        return np.nan
    apart = atoms.positions[alpha[of_alpha]].astype(np.float64) - atoms.positions[carbon[of_carbon]]
    return float(np.median(np.linalg.norm(apart, axis=-1))) / ALPHA_TO_CARBON
