"""Which frames are for training, which choose the model, and which give the final numbers.

Frames of one trajectory that are close in time resemble each other, so single frames must never be dealt to different
sets. By blocks, each trajectory is cut into blocks of consecutive frames, whole blocks are drawn for validation and
test, and where neighbouring blocks belong to different sets some frames on both sides of the border belong to none. By
trajectories, whole ones are drawn, or chosen so that training covers what they visit (`cgpipe.data.runs`). By proteins,
whole families are dealt (`cgpipe.data.families`). Held-out proteins are test data altogether, together with everything
of their family.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int32, Int64

from cgpipe.errors import UserError

SPLITS = {"train": 0, "val": 1, "test": 2, "gap": -1}

MEAN_FORCE = "mean_force"
"""Frames to train on whose label is a mean force. They are no sample of any ensemble, so they are in none of the sets
above: whatever counts frames, fits distributions to them or judges models by them does not meet them."""

STORED = {**SPLITS, MEAN_FORCE: 3}
"""Number of each set in a dataset."""


class Block(NamedTuple):
    """Consecutive frames of a trajectory in one set: positions first … last, both included."""

    first: int
    last: int
    split: str


def split_protein(
    trajectory: Int[np.ndarray, " frames"],
    names: Sequence[str],
    *,
    fractions: Mapping[str, float],
    block_frames: int,
    gap_frames: int,
    seed: int,
) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    """Deal the blocks of every trajectory of a protein to the sets.

    Args:
        trajectory: index of each frame's trajectory, frames of a trajectory in order of time.
        names: a unique name per trajectory, e.g. ``cln025/348/0``; with the seed it decides the draw, so adding a
            protein or a replica leaves all other draws as they are.
        fractions: share of each trajectory's blocks for ``val`` and ``test``.
        block_frames: frames in a block; a shorter rest joins the last block.
        gap_frames: frames left out on each side of a border.
        seed: of the draw.

    Returns:
        The set of each frame as in `SPLITS`, and the blocks by trajectory.

    Raises:
        UserError: gaps that swallow blocks.
    """
    _refuse_gaps(block_frames, gap_frames)
    split = np.full(len(trajectory), SPLITS["gap"], dtype=np.int32)
    blocks: dict[str, list[Block]] = {}
    for index, name in enumerate(names):
        rows = np.flatnonzero(trajectory == index)
        if len(rows):
            drawn = _draw(max(1, len(rows) // block_frames), fractions, generator_of(seed, name))
            blocks[name] = _cut(len(rows), block_frames, drawn)
            split[rows] = _with_gaps(blocks[name], gap_frames)
    return split, blocks


def split_trajectories(
    trajectory: Int[np.ndarray, " frames"],
    names: Sequence[str],
    *,
    protein: str,
    fractions: Mapping[str, float],
    seed: int,
) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    """Deal the whole trajectories of a protein to the sets; of fewer than three, all train.

    Args:
        trajectory: index of each frame's trajectory.
        names: of the trajectories, as for `split_protein`.
        protein: its name; with the seed it decides the draw.
        fractions: share of the trajectories for ``val`` and ``test``.
        seed: of the draw.
    """
    present = [index for index in range(len(names)) if (trajectory == index).any()]
    drawn = _draw(len(present), fractions, generator_of(seed, protein))
    return whole_runs(trajectory, names, dict(zip(present, drawn, strict=True)))


def whole_runs(
    trajectory: Int[np.ndarray, " frames"], names: Sequence[str], sets: Mapping[int, str]
) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    """All frames of each trajectory in the set given for its number, in the form of `split_protein`."""
    split = np.full(len(trajectory), SPLITS["gap"], dtype=np.int32)
    blocks = {}
    for index, own in sets.items():
        split[trajectory == index] = SPLITS[own]
        blocks[names[index]] = [Block(0, int((trajectory == index).sum()) - 1, own)]
    return split, blocks


def split_blocks(
    trajectory: Int[np.ndarray, " frames"],
    names: Sequence[str],
    *,
    protein: str,
    fractions: Mapping[str, float],
    block_frames: int,
    gap_frames: int,
    seed: int,
) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    """Deal the blocks of all trajectories of a protein together, so that few long blocks still give the right shares.

    Args:
        trajectory: index of each frame's trajectory, frames of a trajectory in order of time.
        names: of the trajectories, as for `split_protein`.
        protein: its name; with the seed it decides the draw.
        fractions: share of the protein's blocks for ``val`` and ``test``.
        block_frames: frames in a block; a shorter rest joins the last block.
        gap_frames: frames left out on each side of a border.
        seed: of the draw.

    Raises:
        UserError: gaps that swallow blocks.
    """
    _refuse_gaps(block_frames, gap_frames)
    rows = {name: np.flatnonzero(trajectory == index) for index, name in enumerate(names)}
    rows = {name: own for name, own in rows.items() if len(own)}
    counts = {name: max(1, len(own) // block_frames) for name, own in rows.items()}
    drawn = iter(_draw(sum(counts.values()), fractions, generator_of(seed, protein)))
    split = np.full(len(trajectory), SPLITS["gap"], dtype=np.int32)
    blocks = {}
    for name, own in rows.items():
        blocks[name] = _cut(len(own), block_frames, [next(drawn) for _ in range(counts[name])])
        split[own] = _with_gaps(blocks[name], gap_frames)
    return split, blocks


def whole_protein(
    trajectory: Int[np.ndarray, " frames"], names: Sequence[str], own: str
) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    """All frames of a protein in one set, in the form of `split_protein`."""
    lengths = {name: int((trajectory == index).sum()) for index, name in enumerate(names)}
    blocks = {name: [Block(0, length - 1, own)] for name, length in lengths.items() if length}
    return np.full(len(trajectory), SPLITS[own], np.int32), blocks


def spread(frames: int, quota: int) -> Int64[np.ndarray, " kept"]:
    """Rows of at most ``quota`` frames spread evenly over all of them; a quota of 0 takes all."""
    kept = min(frames, quota) if quota else frames
    return np.arange(kept) * frames // max(kept, 1)


def check_held_out(proteins: Sequence[str], held_out: Sequence[str], families: Mapping[str, str]) -> None:
    """Refuse held-out proteins that are unknown or have relatives in training.

    Args:
        proteins: all proteins of the run.
        held_out: those kept out of training.
        families: protein → family; a protein without an entry is a family of its own.

    Raises:
        UserError: as said; the message names the proteins.
    """
    for protein in held_out:
        if protein not in proteins:
            raise UserError(f"dataset.held_out: no protein {protein!r} in this run; it has {', '.join(proteins)}")
        family = families.get(protein, protein)
        for other in proteins:
            if other not in held_out and families.get(other, other) == family:
                raise UserError(
                    f"dataset.held_out: {protein} is held out, but {other} of the same family {family!r} is in "
                    f"training; hold out {other} too"
                )


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Randomness of what is called so, whatever else there is."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed % 2**32, int.from_bytes(digest[:4], "big")])


def _refuse_gaps(block_frames: int, gap_frames: int) -> None:
    if 2 * gap_frames >= block_frames:
        raise UserError(
            f"dataset.gap_frames {gap_frames} on both sides leaves nothing of a block of {block_frames} frames: "
            "dataset.block_frames must be more than twice as large"
        )


def _cut(frames: int, block_frames: int, names: Sequence[str]) -> list[Block]:
    """Blocks of a trajectory, with the set of each."""
    edges = [block * block_frames for block in range(len(names))] + [frames]
    return [Block(edges[i], edges[i + 1] - 1, own) for i, own in enumerate(names)]


def _draw(count: int, fractions: Mapping[str, float], random: np.random.Generator) -> list[str]:
    """The set of each of ``count`` blocks or trajectories; fewer than three all train."""
    drawn = iter(random.permutation(count).tolist())
    names = ["train"] * count
    for split in ("val", "test"):
        for _ in range(number_of(fractions[split], count)):
            names[next(drawn)] = split
    return names


def number_of(fraction: float, count: int) -> int:
    """Blocks or runs of a set: the nearest number to its share, but at least one where there are three."""
    if fraction == 0.0 or count < 3:
        return 0
    return min(max(1, round(fraction * count)), (count - 1) // 2)


def _with_gaps(blocks: Sequence[Block], gap_frames: int) -> Int32[np.ndarray, " frames"]:
    split = np.concatenate([np.full(b.last - b.first + 1, SPLITS[b.split], dtype=np.int32) for b in blocks])
    for before, after in pairwise(blocks):
        if before.split != after.split:
            split[after.first - gap_frames : after.first + gap_frames] = SPLITS["gap"]
    return split
