"""All frames of a dataset padded to its longest protein, for programs that read no HDF5; streamed, never in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cgpipe.artefact import Rows, write_npz_rows
from cgpipe.data.padding import pad_frames
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import Dataset, open_dataset

CARBON = 6


def write_seed_layout(path: Path, source: Path) -> None:
    """Write the NPZ: frames sorted by set as in `SPLITS`, then by padded length.

    Arrays: R [Å] and F [kcal/mol/Å] f32 [frames, atoms, 3], species i32 and mask f32 [frames, atoms], Z i32 [atoms].

    Args:
        path: NPZ to write.
        source: dataset to read.
    """
    with open_dataset(source) as dataset:
        atoms = int(dataset.statistics["max_beads"])
        frames = sum(dataset.statistics["frames"].values())
        vectors, scalars = (frames, atoms, 3), (frames, atoms)
        parked_at = float(dataset.statistics["parked_at"])
        write_npz_rows(
            path,
            {
                "R": Rows(vectors, np.float32, _vectors(dataset, "R", atoms, parked_at)),
                "F": Rows(vectors, np.float32, _vectors(dataset, "F", atoms, 0.0)),
                "species": Rows(scalars, np.int32, _scalars(dataset, "species", atoms)),
                "mask": Rows(scalars, np.float32, _scalars(dataset, "mask", atoms)),
                "Z": Rows((atoms,), np.int32, iter([np.full(atoms, CARBON, np.int32)])),
            },
        )


def _vectors(dataset: Dataset, name: str, atoms: int, fill: float) -> Iterator[np.ndarray]:
    for split in SPLITS:
        for part in dataset.vectors(name, split):
            yield pad_frames(part, atoms, fill)


def _scalars(dataset: Dataset, name: str, atoms: int) -> Iterator[np.ndarray]:
    for split in SPLITS:
        for topology in dataset.topologies(split):
            values = np.asarray(getattr(topology, name))
            yield np.pad(values, ((0, 0), (0, atoms - values.shape[1])))
