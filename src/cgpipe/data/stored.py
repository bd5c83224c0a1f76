"""Frames that stay on disk until they are asked for: a set may be larger than the memory.

Chunks of a dataset are not compressed, and without a chunk cache HDF5 reads from them only the bytes it needs, so a
frame at random costs little more than its own bytes.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import h5py
import numpy as np
from jaxtyping import Bool, Float32, Int, Int32

from cgpipe.data.splits import MEAN_FORCE, STORED
from cgpipe.data.topology import Topology


class Taken(NamedTuple):
    """Some frames of one padded length: positions [Å], forces [kcal/mol/Å] and beads."""

    R: Float32[np.ndarray, "frames capacity 3"]
    F: Float32[np.ndarray, "frames capacity 3"]
    topology: Topology


@runtime_checkable
class Source(Protocol):
    """Frames of one padded length, in memory or on disk.

    ``protein`` is the index of each one's protein; ``temperature`` is in K; ``weight`` is how many single frames each
    one's label is worth; ``averaged`` tells labels that are mean forces.
    """

    @property
    def protein(self) -> Int32[np.ndarray, " frames"]: ...

    @property
    def temperature(self) -> Float32[np.ndarray, " frames"]: ...

    @property
    def weight(self) -> Float32[np.ndarray, " frames"]: ...

    @property
    def averaged(self) -> Bool[np.ndarray, " frames"]: ...

    def take(self, rows: Int[np.ndarray, " some"]) -> Taken:
        """The frames in some rows, in that order; a row may come more than once."""
        ...


class StoredFrames:
    """Frames of some sets in a bucket of an open dataset."""

    def __init__(self, bucket: h5py.Group, rows: Int[np.ndarray, " frames"], beads: Topology):
        """Set up; no positions or forces are read.

        Args:
            bucket: group with ``R``, ``F`` and what a `Source` has per frame.
            rows: of the sets in the bucket, ascending.
            beads: of every protein, padded to the bucket's length.
        """
        self.protein = bucket["protein"][()][rows]
        self.temperature = bucket["temperature"][()][rows]
        self.weight = bucket["weight"][()][rows]
        self.averaged = bucket["split"][()][rows] == STORED[MEAN_FORCE]
        self._rows, self._beads = rows, beads
        self._R, self._F = _uncached(bucket, "R"), _uncached(bucket, "F")

    def take(self, rows: Int[np.ndarray, " some"]) -> Taken:
        """See `Source`."""
        wanted, place = np.unique(self._rows[rows], return_inverse=True)
        R, F = (_read(values, wanted)[place] for values in (self._R, self._F))
        return Taken(R, F, Topology(*(field[self.protein[rows]] for field in self._beads)))


def _uncached(bucket: h5py.Group, name: str) -> h5py.Dataset:
    """A dataset of a bucket, opened without a chunk cache."""
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(0, 0, 0.0)
    return h5py.Dataset(h5py.h5d.open(bucket.id, name.encode(), access))


def _read(values: h5py.Dataset, rows: Int[np.ndarray, " some"]) -> Float32[np.ndarray, "some capacity 3"]:
    """Rows in ascending order; neighbouring ones are read at once."""
    read = np.empty((len(rows), *values.shape[1:]), np.float32)
    ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    start = 0
    for end in ends:
        values.read_direct(read, np.s_[rows[start] : rows[start] + end - start], np.s_[start:end])
        start = end
    return read
