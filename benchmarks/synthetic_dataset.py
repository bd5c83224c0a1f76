"""Datasets of any size for benchmarks: random compact chains that tremble, with random forces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cgpipe.artefact import header
from cgpipe.data.padding import choose_capacities
from cgpipe.data.splits import SPLITS
from cgpipe.data.statistics import Moments, neighbour_counts
from cgpipe.data.store import ProteinBeads, create_dataset

CUTOFF = 12.0
DIFFERENT = 2000
"""Frames of a protein that differ; more are repetitions of them."""


def write_dataset(path: Path, lengths: Sequence[int], frames: int, held_out: int, buckets: int = 8) -> None:
    """Write a dataset of one protein per length, ``held_out`` frames of each for validation."""
    random_ = np.random.default_rng(0)
    capacities = choose_capacities(lengths, [frames] * len(lengths), buckets, 0.05)
    split = np.full(frames, SPLITS["train"], np.int32)
    split[:held_out] = SPLITS["val"]
    moments, all_train = Moments(), np.ones(100, bool)
    with create_dataset(path, header("dataset", {}, {}), vocabulary="residues", cutoff=CUTOFF, parked_at=999.0) as out:
        for number, beads in enumerate(lengths):
            start = np.cumsum(2.0 * random_.normal(size=(beads, 3)), axis=0)
            start *= 2.2 * beads**0.38 / np.sqrt(((start - start.mean(axis=0)) ** 2).sum(axis=1).mean())
            some = (start + random_.normal(scale=0.5, size=(min(frames, DIFFERENT), beads, 3))).astype(np.float32)
            R = np.resize(some, (frames, beads, 3))
            F = np.resize(random_.normal(scale=12.0, size=some.shape).astype(np.float32), R.shape)
            counts = neighbour_counts(some[:100], CUTOFF)
            moments.add(F[:100], all_train[: len(counts)], counts)
            zeros, rows = np.zeros(beads, np.int32), np.arange(beads, dtype=np.int32)
            chain = ProteinBeads(f"p{number:04d}", ("ALA",) * beads, zeros, zeros, rows, ("320/0",))
            origin = {"temperature": np.full(frames, 320.0, np.float32), "trajectory": np.zeros(frames, np.int32)}
            origin |= {"frame": np.arange(frames, dtype=np.int32), "split": split}
            out.add(chain, min(c for c in capacities if c >= beads), R, F, origin)
        # with room for the frames that were not counted
        room = {"neighbour_slots": moments.max_slots + 6, "neighbour_capacity": 2 * moments.max_slots}
        out.finish({"force_rms": 12.0, "mean_neighbours": moments.mean_neighbours, **room})
