"""Sums of products of group forces over the frames: all that a force map is fitted to.

They are gathered while the frames stream by, one sum per fold of the cross-fit, in double precision. `Gram` holds
all pairs of groups: memory and time grow with the square of the atoms. `LocalGram` holds, for every bead, the pairs
within its window only: both grow linearly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

PADDED = -1
"""Fills up the list of a window with fewer groups than the widest one."""


@dataclass
class Gram:
    """Streamed Σ f fᵀ of group forces, one matrix per fold, and the number of rows (3 × frames) in each."""

    folds: int
    groups: int

    def __post_init__(self) -> None:
        self.total = np.zeros((self.folds, self.groups, self.groups))
        self._product = np.empty((self.groups, self.groups))
        self.rows = np.zeros(self.folds, dtype=np.int64)

    def add(self, forces: Float64[np.ndarray, "groups rows"], fold: int) -> None:
        """Take in rows of group forces that belong to one fold."""
        # into memory that is in use already: fresh pages for every chunk cost more than the sum
        np.matmul(forces, forces.T, out=self._product)
        self.total[fold] += self._product
        self.rows[fold] += forces.shape[1]

    def mean(self, *, without: int | None = None) -> Float64[np.ndarray, "groups groups"]:
        """Mean over rows [(kcal/mol/Å)²], of all folds or of all but one."""
        summed = np.zeros((self.groups, self.groups))
        for fold in _used(self.folds, without):
            summed += self.total[fold]
        summed /= _rows(self.rows, without)
        return summed

    def local(self, windows: Int[np.ndarray, "beads width"]) -> "LocalGram":
        """The blocks of the beads' windows."""
        blocks = LocalGram(self.folds, windows)
        blocks.rows = self.rows.copy()
        for bead, members in enumerate(windows):
            inside = np.flatnonzero(members != PADDED)
            block = self.total[:, members[inside][:, None], members[inside]]
            blocks.total[:, bead, inside[:, None], inside] = block
        return blocks


@dataclass
class LocalGram:
    """Streamed Σ f fᵀ of the group forces in each bead's window; see `Gram`. Padded rows and columns are zero."""

    folds: int
    windows: Int[np.ndarray, "beads width"]

    def __post_init__(self) -> None:
        beads, width = self.windows.shape
        self.total = np.zeros((self.folds, beads, width, width))
        self.rows = np.zeros(self.folds, dtype=np.int64)

    def add(self, forces: Float64[np.ndarray, "groups rows"], fold: int) -> None:
        """Take in rows of group forces that belong to one fold."""
        for bead, members in enumerate(self.windows):
            inside = np.flatnonzero(members != PADDED)
            own = forces[members[inside]]
            self.total[fold, bead, inside[:, None], inside] += own @ own.T
        self.rows[fold] += forces.shape[1]

    def mean(self, *, without: int | None = None) -> Float64[np.ndarray, "beads width width"]:
        """Mean over rows [(kcal/mol/Å)²], of all folds or of all but one."""
        return self.total[_used(self.folds, without)].sum(axis=0) / _rows(self.rows, without)


def _used(folds: int, without: int | None) -> list[int]:
    return [fold for fold in range(folds) if fold != without]


def _rows(rows: Int[np.ndarray, " folds"], without: int | None) -> int:
    return max(int(rows[_used(len(rows), without)].sum()), 1)
