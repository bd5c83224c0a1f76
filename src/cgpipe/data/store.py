"""The dataset of a run: beads of all proteins, padded into a few lengths, each frame with its set.

HDF5, kind ``dataset``. Group ``proteins/<name>`` holds the chain once (``residue_name``, ``species``, ``chain``,
``residue``, ``trajectories``, and the attribute ``weight``); group ``buckets/<capacity>`` holds ``R`` [Å] and ``F``
[kcal/mol/Å] of shape (frames, capacity, 3), and per frame ``protein`` (index in the list of the attribute
``proteins``), ``temperature`` [K], ``trajectory``, ``frame`` (number in the source), ``weight`` (how many single frames
its label is worth: 1, except for mean forces) and ``split`` (see `STORED`). Every frame is centred on the mean of its
beads.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from jaxtyping import Bool, Float32, Int, Int32

from cgpipe.artefact import create_h5, open_h5
from cgpipe.data.padding import capacity_for, pad_beads, pad_frames
from cgpipe.data.species import Vocabulary, vocabulary
from cgpipe.data.splits import MEAN_FORCE, STORED
from cgpipe.data.stored import StoredFrames, Taken
from cgpipe.data.topology import Topology
from cgpipe.errors import UserError

ROWS = 1024
"""Frames read or written at a time."""
CHUNK = 2**18
"""Bytes of an HDF5 chunk, about. No compression: forces do not shrink (by 1–5 %), and reading them is 3–8× slower."""

ORIGIN = ("protein", "temperature", "trajectory", "frame", "weight")


class Frames(NamedTuple):
    """Frames of one padded length; topology arrays are numpy, [frames, capacity]."""

    R: Float32[np.ndarray, "frames capacity 3"]
    F: Float32[np.ndarray, "frames capacity 3"]
    topology: Topology
    protein: Int32[np.ndarray, " frames"]
    temperature: Float32[np.ndarray, " frames"]
    trajectory: Int32[np.ndarray, " frames"]
    frame: Int32[np.ndarray, " frames"]
    weight: Float32[np.ndarray, " frames"]
    averaged: Bool[np.ndarray, " frames"]

    def take(self, rows: Int[np.ndarray, " some"]) -> Taken:
        """The frames in some rows."""
        return Taken(self.R[rows], self.F[rows], Topology(*(field[rows] for field in self.topology)))


@dataclass(frozen=True)
class ProteinBeads:
    """One protein's chain of beads, unpadded, the names of its trajectories, and the weight of its frames."""

    name: str
    residues: tuple[str, ...]
    species: Int32[np.ndarray, " beads"]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]
    trajectories: tuple[str, ...]
    weight: float = 1.0

    def topology(self, capacity: int) -> Topology:
        """Padded to a capacity: the mask is false and species, residue 0, chain −1 in the added rows."""
        return Topology(
            species=pad_beads(self.species, capacity, 0),
            chain=pad_beads(self.chain, capacity, -1),
            residue=pad_beads(self.residue, capacity, 0),
            mask=np.arange(capacity) < len(self.species),
        )


NOTHING = np.zeros(0, np.int32)
NO_BEADS = ProteinBeads("", (), NOTHING, NOTHING, NOTHING, ())
"""Stands in for proteins that are in another bucket."""


class Dataset:
    """An open dataset."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        try:
            self.header: dict[str, Any] = json.loads(file.attrs["cgpipe"])
            self.vocabulary: Vocabulary = vocabulary(str(file.attrs["vocabulary"]))
            self.cutoff = float(file.attrs["cutoff"])
            self.statistics: dict[str, Any] = json.loads(file.attrs["statistics"])
            self.proteins = tuple(_read_beads(file, name) for name in json.loads(file.attrs["proteins"]))
        except (KeyError, OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{file.filename}: damaged ({error}); rerun the dataset stage") from None
        if any("weight" not in bucket for bucket in file.get("buckets", {}).values()):
            raise UserError(f"{file.filename}: frames have no weights (an earlier cgpipe?); rerun the dataset stage")

    def load(self, split: str, protein: str | None = None) -> list[Frames]:
        """Frames of a set, of all proteins or one: an element per bucket that has any, padded to its capacity.

        Args:
            split: ``train``, ``val``, ``test``, ``gap`` or ``mean_force``.
            protein: name; None takes all.

        Raises:
            UserError: no such protein.
        """
        only = None if protein is None else self._index(protein)
        loaded = (self._frames(capacity, split, only) for capacity in self._capacities())
        return [frames for frames in loaded if len(frames.R)]

    def stored(self, *splits: str) -> list[StoredFrames]:
        """The frames that `load` gives of some sets, to be read while the dataset is open."""
        found = []
        for capacity in self._capacities():
            bucket = self._file[f"buckets/{capacity}"]
            rows = np.flatnonzero(np.isin(bucket["split"][()], [STORED[split] for split in splits]))
            if len(rows):
                found.append(StoredFrames(bucket, rows, self._table(capacity)))
        return found

    def load_protein(self, name: str, split: str) -> Frames:
        """Frames of one protein in a set, without padding; possibly none.

        Raises:
            UserError: no such protein.
        """
        index = self._index(name)
        beads = len(self.proteins[index].species)
        padded = self._frames(capacity_for(beads, self._capacities()), split, index)
        topology = Topology(*(values[:, :beads] for values in padded.topology))
        return padded._replace(R=padded.R[:, :beads], F=padded.F[:, :beads], topology=topology)

    def vectors(self, name: str, split: str) -> Iterator[Float32[np.ndarray, "frames capacity 3"]]:
        """``R`` or ``F`` of a set, some frames at a time, in the order of `load`."""
        for capacity in self._capacities():
            bucket = self._file[f"buckets/{capacity}"]
            for start, chosen in self._windows(bucket, split):
                yield bucket[name][start : start + ROWS][chosen]

    def topologies(self, split: str) -> Iterator[Topology]:
        """Beads of a set, some frames at a time, in the order of `vectors`."""
        for capacity in self._capacities():
            bucket = self._file[f"buckets/{capacity}"]
            table = self._table(capacity)
            for start, chosen in self._windows(bucket, split):
                index = bucket["protein"][start : start + ROWS][chosen]
                yield Topology(*(field[index] for field in table))

    def _windows(self, bucket: h5py.Group, split: str) -> Iterator[tuple[int, Bool[np.ndarray, " rows"]]]:
        """First row of every stretch of rows that holds frames of a set, and which rows these are."""
        wanted = bucket["split"][()] == STORED[split]
        for start in range(0, len(wanted), ROWS):
            chosen = wanted[start : start + ROWS]
            if chosen.any():
                yield start, chosen

    def _table(self, capacity: int) -> Topology:
        """Beads of every protein, padded; proteins of longer buckets have none."""
        rows = [(p if len(p.species) <= capacity else NO_BEADS).topology(capacity) for p in self.proteins]
        return Topology(*(np.stack(field) for field in zip(*rows, strict=True)))

    def _capacities(self) -> list[int]:
        return sorted(map(int, self._file["buckets"]))

    def _index(self, name: str) -> int:
        names = [protein.name for protein in self.proteins]
        if name not in names:
            raise UserError(f"{self._file.filename}: no protein {name!r}; it has {', '.join(names)}")
        return names.index(name)

    def _frames(self, capacity: int, split: str, only: int | None) -> Frames:
        bucket = self._file[f"buckets/{capacity}"]
        chosen = bucket["split"][()] == STORED[split]
        if only is not None:
            chosen &= bucket["protein"][()] == only
        per_frame = {name: bucket[name][()][chosen] for name in ORIGIN}
        topology = Topology(*(field[per_frame["protein"]] for field in self._table(capacity)))
        return Frames(
            R=_read_rows(bucket["R"], chosen),
            F=_read_rows(bucket["F"], chosen),
            topology=topology,
            averaged=np.full(len(topology.mask), split == MEAN_FORCE),
            **per_frame,
        )


class DatasetWriter:
    """A dataset being written, protein by protein."""

    def __init__(self, file: h5py.File, vocabulary: str, cutoff: float, parked_at: float) -> None:
        self._file = file
        self._parked_at = parked_at
        self._names: list[str] = []
        file.attrs["vocabulary"] = vocabulary
        file.attrs["cutoff"] = cutoff

    def add(
        self,
        beads: ProteinBeads,
        capacity: int,
        R: Float32[np.ndarray, "frames beads 3"],
        F: Float32[np.ndarray, "frames beads 3"],
        per_frame: Mapping[str, np.ndarray],
    ) -> None:
        """Append the frames of a protein to the bucket of a capacity.

        Args:
            beads: the protein's chain.
            capacity: padded length.
            R: positions [Å].
            F: forces [kcal/mol/Å].
            per_frame: ``temperature``, ``trajectory``, ``frame``, ``split``, and ``weight`` where it is not 1.
        """
        _write_beads(self._file.create_group(f"proteins/{beads.name}"), beads)
        protein, single = np.full(len(R), len(self._names), np.int32), np.ones(len(R), np.float32)
        values = {"protein": protein, "weight": single, **per_frame}
        self._names.append(beads.name)
        bucket = self._file.require_group(f"buckets/{capacity}")
        chunk = max(1, CHUNK // (12 * capacity))
        for name in (*ORIGIN, "split"):
            _append(bucket, name, values[name], chunk=ROWS)
        for start in range(0, len(R), ROWS):
            _append(bucket, "R", pad_frames(R[start : start + ROWS], capacity, self._parked_at), chunk)
            _append(bucket, "F", pad_frames(F[start : start + ROWS], capacity, 0.0), chunk)

    def finish(self, statistics: Mapping[str, Any]) -> None:
        """Write the list of proteins and the statistics."""
        self._file.attrs["proteins"] = json.dumps(self._names)
        self._file.attrs["statistics"] = json.dumps(statistics, allow_nan=False)


@contextmanager
def create_dataset(
    path: Path, head: Mapping[str, Any], *, vocabulary: str, cutoff: float, parked_at: float
) -> Iterator[DatasetWriter]:
    """A dataset to write; it gets its name only when the block ends well, `DatasetWriter.finish` included."""
    with create_h5(path, head) as file:
        yield DatasetWriter(file, vocabulary, cutoff, parked_at)


@contextmanager
def open_dataset(path: Path) -> Iterator[Dataset]:
    """A dataset for reading.

    Raises:
        UserError: missing, damaged, or not a dataset.
    """
    with open_h5(path, "dataset") as file:
        yield Dataset(file)


def _write_beads(group: h5py.Group, beads: ProteinBeads) -> None:
    for name in ("species", "chain", "residue"):
        group.create_dataset(name, data=getattr(beads, name))
    group.attrs["weight"] = beads.weight
    group.create_dataset("residue_name", data=list(beads.residues), dtype=h5py.string_dtype())
    group.create_dataset("trajectories", data=list(beads.trajectories), dtype=h5py.string_dtype())


def _read_beads(file: h5py.File, name: str) -> ProteinBeads:
    group = file[f"proteins/{name}"]
    return ProteinBeads(
        name=name,
        residues=tuple(group["residue_name"].asstr()[()]),
        species=group["species"][()],
        chain=group["chain"][()],
        residue=group["residue"][()],
        trajectories=tuple(group["trajectories"].asstr()[()]),
        weight=float(group.attrs["weight"]),
    )


def _append(bucket: h5py.Group, name: str, values: np.ndarray, chunk: int) -> None:
    """Append rows to a dataset that grows, creating it at first."""
    if name not in bucket:
        shape = values.shape[1:]
        bucket.create_dataset(name, (0, *shape), values.dtype, maxshape=(None, *shape), chunks=(chunk, *shape))
    dataset = bucket[name]
    start = len(dataset)
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values


def _read_rows(dataset: h5py.Dataset, chosen: Bool[np.ndarray, " all"]) -> Float32[np.ndarray, "frames capacity 3"]:
    """The chosen rows, without ever holding the others in memory."""
    rows = np.empty((int(chosen.sum()), *dataset.shape[1:]), np.float32)
    filled = 0
    for start in range(0, len(dataset), ROWS):
        wanted = chosen[start : start + ROWS]
        if wanted.any():
            part = dataset[start : start + ROWS][wanted]
            rows[filled : filled + len(part)] = part
            filled += len(part)
    return rows
