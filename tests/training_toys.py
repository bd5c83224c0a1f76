"""Frames with forces that a known potential gives, and settings to train on them in seconds."""

import jax
import jax.numpy as jnp
import numpy as np
from model_toys import CUTOFF, chain_positions, toy_network

from cgpipe.config.models import Training
from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes

TINY = Sizes(layers=1, radial=4, embed=(4, 6), mlp_width=6, mlp_depth=1, readout=4)
PROTEINS = ("first", "second")


def tiny_network(seed: int = 0) -> Allegro:
    return toy_network(l_max=1, seed=seed, sizes=TINY)


def tiny_potential(seed: int = 0) -> Potential:
    """Network only, of the smallest size."""
    return Potential(None, tiny_network(seed), CUTOFF, 8)


def toy_frames(
    frames: int, beads: int, padding: int = 0, protein: int = 0, seed: int = 0, noise: float = 0.0
) -> Frames:
    """A shaken chain; forces are those of harmonic bonds of 3.8 Å, plus noise; padded rows hold NaN."""
    rng = np.random.default_rng(seed)
    R = np.asarray(chain_positions(beads, seed=seed)) + rng.normal(scale=0.2, size=(frames, beads, 3))
    bonds = np.diff(R, axis=1)
    length = np.linalg.norm(bonds, axis=-1, keepdims=True)
    pull = 10.0 * (length - 3.8) * bonds / length
    F = np.zeros_like(R)
    F[:, :-1] += pull
    F[:, 1:] -= pull
    F += rng.normal(scale=noise, size=F.shape)
    rows = np.arange(beads + padding, dtype=np.int32)
    topology = Topology(rows % 4, np.zeros_like(rows), rows, rows < beads)
    filler = np.full((frames, padding, 3), np.nan)
    return Frames(
        R=np.concatenate([R, filler], axis=1).astype(np.float32),
        F=np.concatenate([F, filler], axis=1).astype(np.float32),
        topology=Topology(*(np.broadcast_to(x, (frames, len(rows))).copy() for x in topology)),
        protein=np.full(frames, protein, np.int32),
        temperature=np.full(frames, 300.0, np.float32),
        trajectory=np.zeros(frames, np.int32),
        frame=np.arange(frames, dtype=np.int32),
        weight=np.ones(frames, np.float32),
        averaged=np.zeros(frames, bool),
    )


def toy_settings(**changes) -> Training:
    """A short training; ``changes`` replace keys."""
    keys = {"batch_per_device": 4, "epochs_adabelief": 2, "checkpoint_steps": 3, "ema_decay": 0.9, **changes}
    return Training.model_validate(keys)


def same_bits(first, second) -> bool:
    """Every leaf of two trees is bit-equal."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(bool(jnp.array_equal(a, b)) for a, b in pairs)
