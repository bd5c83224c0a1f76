"""The same frames under the names of several proteins: a file that is listed twice, or a copy of it.

They would be trained on and tested on. A few of them are no mistake, such as the start that several simulations have in
common: they are left out of the protein that comes later.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cgpipe.data.equal_frames import are_equal, fingerprints, may_be_equal
from cgpipe.data.projection import Projection, read_projection
from cgpipe.errors import UserError

FEW, SHARE = 10, 0.01
"""Two proteins may share so many frames, or such a share of those of the one with fewer."""


class _Known(NamedTuple):
    name: str
    file: Path
    marks: Float64[np.ndarray, "frames searched"]


class SharedFrames:
    """The proteins seen so far, by what their frames are searched by; their frames stay in their files."""

    def __init__(self) -> None:
        self._known: dict[int, list[_Known]] = {}

    def add(self, projection: Projection, file: Path) -> Bool[np.ndarray, " frames"]:
        """Take in a protein; which of its frames an earlier one has too.

        Raises:
            UserError: they are too many for a coincidence.
        """
        marks = fingerprints(projection.R)
        shared = np.zeros(len(marks), bool)
        known = self._known.setdefault(projection.beads, [])
        for other in (one for one in known if one.name != projection.protein):
            pairs = may_be_equal(marks, other.marks)
            if len(pairs):
                shared |= _shared(projection, file, other, pairs)
        known.append(_Known(projection.protein, file, marks))
        return shared


def _shared(
    projection: Projection, file: Path, other: _Known, pairs: Int64[np.ndarray, "pairs 2"]
) -> Bool[np.ndarray, " frames"]:
    earlier = read_projection(other.file)
    pairs = pairs[are_equal(projection.R, earlier.R, pairs)]
    found = np.zeros(len(projection), bool)
    found[pairs[:, 0]] = True
    count, fewer = int(found.sum()), min(len(projection), len(earlier))
    if count > max(FEW, SHARE * fewer):
        own, its = pairs[0].tolist()
        raise UserError(
            f"{other.name} and {projection.protein} have {count} equal frames, e.g. {_place(earlier, its)} and "
            f"{_place(projection, own)} ({other.file}, {file}); frames that are trained on and tested on make every "
            "number too good: list them under one name only"
        )
    return found


def _place(projection: Projection, row: int) -> str:
    trajectory = projection.trajectories[projection.trajectory[row]]
    return f"{projection.protein} {trajectory} frame {projection.frame[row]}"
