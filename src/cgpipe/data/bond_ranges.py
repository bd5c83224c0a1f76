"""How long bonds can be: what a frame of a whole molecule in Å is told by.

A covalent bond is between `SHORTEST` and `STRETCH` times the sum of the covalent radii of its atoms, bonded Cα are
2.8–4.1 Å apart. The ranges are wide: they are for frames that are damaged, not for those that are strained.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cgpipe.data.atoms import Atoms
from cgpipe.data.bonding import COVALENT_RADIUS

SHORTEST, STRETCH = 0.5, 1.6
LONGEST_UNKNOWN = 5.0
"""Bonds of elements without a covalent radius, as to a metal, are shorter [Å]."""
CLOSEST_ALPHA, USUAL_ALPHA, FARTHEST_ALPHA = 2.5, 3.8, 6.0
"""Bonded Cα [Å]; a cis peptide bond makes 2.9."""
PIECE = 50
"""Frames at a time, so that what is computed of them stays in a cache."""

UNITS_OF_LENGTH = {
    0.1: "they look like nm, but Å are expected",
    10.0: "they look multiplied by 10 once too often (Å taken for nm)",
    100.0: "they look like pm, but Å are expected",
    1 / 0.529177: "they look like Bohr, but Å are expected",
}
"""How much too long all bonds are, and what that tells."""


@dataclass(frozen=True)
class BondRanges:
    """Pairs of rows of a frame, how far apart they usually are, at least and at most [Å], and what they are called.

    ``usual`` is NaN where nothing is known.
    """

    pairs: Int[np.ndarray, "bonds 2"]
    usual: Float[np.ndarray, " bonds"]
    shortest: Float[np.ndarray, " bonds"]
    longest: Float[np.ndarray, " bonds"]
    names: tuple[str, ...]

    def broken(self, R: Float[np.ndarray, "frames rows 3"]) -> Bool[np.ndarray, " frames"]:
        """Frames in which a bond is out of its range."""
        low, high = (np.square(limit, dtype=np.float32)[:, None] for limit in (self.shortest, self.longest))
        middle, half = (low + high) / 2, (high - low) / 2
        first, second = self.pairs.T
        found = np.zeros(len(R), bool)
        for start in range(0, len(R), PIECE):
            square: np.ndarray | float = 0.0
            # by component and atom, so that what belongs to a bond is a row: fetched three times as fast
            for component in np.ascontiguousarray(R[start : start + PIECE].transpose(2, 1, 0)):
                apart = component[first]
                apart -= component[second]
                apart *= apart
                square = square + apart
            found[start : start + PIECE] = (np.abs(square - middle) > half).any(axis=0)
        return found

    def lengths(self, frame: Float[np.ndarray, "rows 3"]) -> Float[np.ndarray, " bonds"]:
        """Lengths of all bonds in a frame [Å]."""
        first, second = self.pairs.T
        return np.linalg.norm(frame[first].astype(np.float64) - frame[second], axis=-1)

    def scale(self, frame: Float[np.ndarray, "rows 3"]) -> float:
        """Median of the bonds' lengths over their usual ones; NaN where none is known."""
        known = np.isfinite(self.usual)
        return float(np.median(self.lengths(frame)[known] / self.usual[known])) if known.any() else np.nan

    def worst(self, frame: Float[np.ndarray, "rows 3"]) -> str:
        """The bond that is farthest out of its range, in words."""
        length = self.lengths(frame)
        out = np.maximum(self.shortest - length, length - self.longest)
        one = int(np.argmax(out))
        return (
            f"{self.names[one]} are {length[one]:.1f} Å apart, bonded ones {self.shortest[one]:.1f} to "
            f"{self.longest[one]:.1f} Å"
        )


def likely_unit(scale: float) -> str:
    """What positions likely are whose bonds are so many times too long; empty where no unit explains it."""
    for factor, text in UNITS_OF_LENGTH.items():
        if abs(np.log(max(scale, 1e-9) / factor)) < np.log(1.25):
            return f"check the unit of the positions: {text}"
    return ""


def bead_bonds(
    chain: Int[np.ndarray, " beads"], residue: Int[np.ndarray, " beads"], rows: Int[np.ndarray, " beads"]
) -> BondRanges:
    """Bonds between consecutive Cα.

    Args:
        chain, residue: of the beads; consecutive residue numbers are bonded.
        rows: of the Cα in a frame.
    """
    first = np.flatnonzero((np.diff(residue) == 1) & (np.diff(chain) == 0))
    constant = np.ones(len(first))
    return BondRanges(
        pairs=np.stack([rows[first], rows[first + 1]], axis=1),
        usual=USUAL_ALPHA * constant,
        shortest=CLOSEST_ALPHA * constant,
        longest=FARTHEST_ALPHA * constant,
        names=tuple(f"beads {i + 1} and {i + 2}" for i in first.tolist()),
    )


def atom_bonds(atoms: Atoms) -> BondRanges:
    """The covalent bonds of a topology."""
    radius = np.array([COVALENT_RADIUS.get(z, np.nan) for z in atoms.atomic_number.tolist()])
    usual = radius[atoms.bonds].sum(axis=1)
    known = np.isfinite(usual)
    return BondRanges(
        pairs=atoms.bonds,
        usual=usual,
        shortest=np.where(known, SHORTEST, 0.0),
        longest=np.where(known, STRETCH * usual, LONGEST_UNKNOWN),
        names=tuple(f"{atoms.describe(i)} and {atoms.describe(j)}" for i, j in atoms.bonds.tolist()),
    )


def together(*ranges: BondRanges) -> BondRanges:
    """All bonds of several."""
    fields = ("pairs", "usual", "shortest", "longest")
    joined = {name: np.concatenate([getattr(one, name) for one in ranges]) for name in fields}
    return BondRanges(**joined, names=tuple(name for one in ranges for name in one.names))
