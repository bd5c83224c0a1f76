"""Batches of frames: which frames a step sees is a pure function of (seed, step), whatever runs it.

In every epoch each bucket is shuffled and cut into batches, and the batches of all buckets are shuffled together, so
lengths alternate. A bucket's last batch may be short: the missing rows repeat its first frame with weight 0, and the
others keep the weight that they have in a full batch, so each frame counts the same in every epoch. A frame weighs as
many single frames as its label is worth (1, or far more for a mean force), times the weight of its protein, divided by
the mean over all frames, so that weights do not change the size of the steps.

A frame that outweighs a whole batch would make steps of its own size: noise of few, large steps that neither clipping
(which takes from such frames what they are worth) nor an optimiser's own scaling bears well. It is drawn several times
per epoch instead, with its weight divided among the draws, as few times as keep each below the weight of a batch. All
of its weight in draws of weight 1 would give the same gradient on average, and cost so many evaluations of one frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from cgpipe.data.stored import Source
from cgpipe.data.topology import Topology

WHOLE = slice(None)


class Batch(NamedTuple):
    """Frames of one length; ``weight`` is 1 on average, and 0 on rows that only fill up the batch.

    ``single`` tells rows with the force of a single frame, whose errors compare with those of other frames;
    ``temperature`` is that of each frame [K].
    """

    R: Float[Array | ndarray, "frames beads 3"]
    F: Float[Array | ndarray, "frames beads 3"]
    topology: Topology
    weight: Float[Array | ndarray, " frames"]
    single: Bool[Array | ndarray, " frames"]
    temperature: Float[Array | ndarray, " frames"]


class Place(NamedTuple):
    """The frames of a batch: bucket, and rows in it (fewer than the batch holds if it is a bucket's last)."""

    bucket: int
    rows: Int[ndarray, " frames"]


class Feed:
    """Training frames in the order that the seed decides; to be used by one thread at a time."""

    def __init__(self, buckets: Sequence[Source], batch: int, seed: int, weights: Sequence[float] = ()):
        """Set up; no frame is read.

        Args:
            buckets: frames by padded length.
            batch: frames per step, over all devices.
            seed: of the order.
            weights: of each protein's frames in the loss, in the order of the frames' index; empty: all the same.
        """
        self.buckets = tuple(buckets)
        self.batch = batch
        self.seed = seed
        of_protein = np.asarray(weights or np.ones(max(f.protein.max() for f in buckets) + 1), np.float64)
        heaviness = [of_protein[frames.protein] * frames.weight for frames in buckets]
        whole_batch = batch * np.mean(np.concatenate(heaviness))
        draws = [np.maximum(np.ceil(own / whole_batch), 1).astype(np.int64) for own in heaviness]
        self._rows = [np.repeat(np.arange(len(number)), number) for number in draws]
        scale = sum(number.sum() for number in draws) / sum(own.sum() for own in heaviness)
        self._weights = [(own / n * scale).astype(np.float32) for own, n in zip(heaviness, draws, strict=True)]
        counts = np.array([-(-len(rows) // batch) for rows in self._rows])
        self.steps_per_epoch = int(counts.sum())
        # of every batch of an epoch, before they are mixed: its bucket, and its number in there
        self._bucket = np.repeat(np.arange(len(counts)), counts)
        self._number = np.concatenate([np.arange(n) for n in counts])
        self._epoch = -1
        self._orders: list[Int[ndarray, " frames"]] = []

    def place(self, step: int) -> Place:
        """Where the frames of a step are, counted from 0."""
        epoch, number = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            sizes = [*map(len, self._rows), self.steps_per_epoch]
            self._orders = [np.random.default_rng((self.seed, epoch, n)).permutation(s) for n, s in enumerate(sizes)]
            self._epoch = epoch
        chosen = self._orders[-1][number]
        bucket, start = int(self._bucket[chosen]), int(self._number[chosen]) * self.batch
        return Place(bucket, self._rows[bucket][self._orders[bucket][start : start + self.batch]])

    def at(self, step: int, part: slice = WHOLE) -> tuple[Batch, int]:
        """Some rows of the batch of a step, and how many frames of weight the whole batch holds."""
        place = self.place(step)
        source = self.buckets[place.bucket]
        batch = gather(source, place.rows, self.batch, part)
        weight = _filled(self._weights[place.bucket][place.rows], self.batch, np.float32(0.0))
        return batch._replace(weight=weight[part]), len(place.rows)


def protein_weights(own: Sequence[float], buckets: Sequence[Source], balance: str) -> tuple[float, ...]:
    """Weight of the frames of each protein in the loss.

    Args:
        own: what the user gives each protein.
        buckets: training frames by padded length.
        balance: ``frames`` takes these weights as they are; ``proteins`` divides them by the sum of the
            protein's frames, each as often as its label is worth single frames.
    """
    if balance == "frames":
        return tuple(own)
    frames = sum(np.bincount(source.protein, source.weight, minlength=len(own)) for source in buckets)
    return tuple((np.asarray(own) / np.where(frames, frames, 1.0)).tolist())


def gather(frames: Source, rows: Int[ndarray, " some"], size: int, part: slice = WHOLE) -> Batch:
    """A batch of the given rows, filled up to ``size`` with rows of weight 0; or only a part of it."""
    taken = frames.take(_filled(rows, size, rows[0])[part])
    weight = _filled(frames.weight[rows], size, np.float32(0.0))
    single = _filled(~frames.averaged[rows], size, np.False_)
    temperature = _filled(frames.temperature[rows], size, frames.temperature[rows[0]])
    return Batch(*taken, weight[part], single[part], temperature[part])


def _filled(values: ndarray, size: int, fill: np.generic) -> ndarray:
    return np.concatenate([values, np.full(size - len(values), fill, values.dtype)])
