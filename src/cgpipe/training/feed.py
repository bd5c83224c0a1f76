"""Batches of frames: which frames a step sees is a pure function of (seed, step), whatever runs it.

In every epoch each bucket is shuffled and cut into batches, and the batches of all buckets are shuffled together, so
lengths alternate. A bucket's last batch may be short: the missing rows repeat its first frame with weight 0, and the
others keep the weight that they have in a full batch, so each frame counts the same in every epoch. Frames weigh 1 or
as their protein does, divided by the mean over all frames, so that weights do not change the size of the steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology


class Batch(NamedTuple):
    """Frames of one length; ``weight`` is 1 on average, and 0 on rows that only fill up the batch."""

    R: Float[Array | ndarray, "frames beads 3"]
    F: Float[Array | ndarray, "frames beads 3"]
    topology: Topology
    weight: Float[Array | ndarray, " frames"]


class Place(NamedTuple):
    """The frames of a batch: bucket, and rows in it (fewer than the batch holds if it is a bucket's last)."""

    bucket: int
    rows: Int[ndarray, " frames"]


class Feed:
    """Training frames in the order that the seed decides."""

    def __init__(self, buckets: Sequence[Frames], batch: int, seed: int, weights: Sequence[float] = ()):
        """Set up.

        Args:
            buckets: frames by padded length.
            batch: frames per step, over all devices.
            seed: of the order.
            weights: of each protein's frames in the loss, in the order of the frames' index; empty: all the same.
        """
        self.buckets = tuple(buckets)
        self.batch = batch
        self.seed = seed
        self.steps_per_epoch = sum(-(-len(frames.R) // batch) for frames in buckets)
        chosen = [np.asarray(weights or np.ones(f.protein.max() + 1), np.float64)[f.protein] for f in self.buckets]
        mean = np.concatenate(chosen).mean()
        self._weights = [(own / mean).astype(np.float32) for own in chosen]
        self._epoch = -1
        self._order: list[Place] = []

    def places(self, epoch: int) -> list[Place]:
        """The batches of an epoch, in order."""
        if epoch != self._epoch:
            cuts = []
            for number, frames in enumerate(self.buckets):
                order = np.random.default_rng((self.seed, epoch, number)).permutation(len(frames.R))
                cuts += [Place(number, order[i : i + self.batch]) for i in range(0, len(order), self.batch)]
            mixed = np.random.default_rng((self.seed, epoch, len(self.buckets))).permutation(len(cuts))
            self._order = [cuts[i] for i in mixed]
            self._epoch = epoch
        return self._order

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        epoch, number = divmod(step, self.steps_per_epoch)
        place = self.places(epoch)[number]
        batch = gather(self.buckets[place.bucket], place.rows, self.batch)
        weight = np.zeros(self.batch, np.float32)
        weight[: len(place.rows)] = self._weights[place.bucket][place.rows]
        return batch._replace(weight=weight)


def gather(frames: Frames, rows: Int[ndarray, " some"], size: int) -> Batch:
    """A batch of the given rows, filled up to ``size`` with rows of weight 0."""
    filled = np.concatenate([rows, np.full(size - len(rows), rows[0])])
    topology = Topology(*(field[filled] for field in frames.topology))
    weight = (np.arange(size) < len(rows)).astype(np.float32)
    return Batch(frames.R[filled], frames.F[filled], topology, weight)


def on_devices(batch: Batch, sharding: jax.sharding.Sharding) -> Batch:
    """The batch spread over the devices of ``sharding``; every process passes the whole batch and keeps its part."""
    if sharding.is_fully_addressable:
        return jax.device_put(batch, sharding)
    return jax.tree.map(lambda x: jax.make_array_from_callback(x.shape, sharding, lambda where: x[where]), batch)
