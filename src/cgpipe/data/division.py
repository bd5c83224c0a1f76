"""How one protein's frames are divided into sets, as the user chose or as its runs allow, and why."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32

from cgpipe.data.memory import Lengths, block_lengths, conformation_memory
from cgpipe.data.plan import Plan
from cgpipe.data.projection import Projection
from cgpipe.data.runs import FEWEST, choose_runs
from cgpipe.data.splits import (
    Block,
    generator_of,
    split_blocks,
    split_protein,
    split_trajectories,
    whole_protein,
    whole_runs,
)

LENGTHS = ("memory_frames", "block_frames", "gap_frames", "blocks_independent")
"""What `Lengths` are called in the record."""


class Divided(NamedTuple):
    """The set of each frame, the blocks by trajectory, and the record of the division for the summary."""

    split: Int32[np.ndarray, " frames"]
    blocks: dict[str, list[Block]]
    record: dict[str, Any]


def divide_protein(projection: Projection, plan: Plan, of_protein: Mapping[str, str]) -> Divided:
    """Divide the frames of a protein.

    Args:
        projection: its frames.
        plan: the user's choices.
        of_protein: sets of whole proteins, where families are dealt.

    Raises:
        UserError: gaps that swallow blocks.
    """
    name, trajectory = projection.protein, projection.trajectory
    names = [f"{name}/{one}" for one in projection.trajectories]
    if name in plan.held_out or name in of_protein:
        split, cut = whole_protein(trajectory, names, of_protein.get(name, "test"))
        return _divided(split, cut, "proteins")
    if plan.split == "trajectories":
        split, cut = split_trajectories(trajectory, names, protein=name, fractions=plan.fractions, seed=plan.seed)
        return _divided(split, cut, "runs")
    if plan.split == "blocks":
        return _by_blocks(projection, plan, names, None)
    if plan.fold:
        return _by_fold(projection, plan, names)
    random = generator_of(plan.seed, name)
    sets = choose_runs(projection.R, trajectory, plan.fractions, random, projection.temperature)
    if sets is not None:
        return _divided(*whole_runs(trajectory, names, sets), "runs")
    count = len(np.unique(trajectory))
    nothing = f"of its {count} runs none can be left out whose conformations and temperature the others cover"
    return _by_blocks(projection, plan, names, nothing if count >= FEWEST else f"it has fewer than {FEWEST} runs")


def _by_blocks(projection: Projection, plan: Plan, names: list[str], why: str | None) -> Divided:
    trajectory = projection.trajectory
    memory = conformation_memory(projection.R, trajectory, projection.frame)
    lengths = block_lengths(memory, int(np.bincount(trajectory).max()), plan.block_frames, plan.gap_frames)
    # blocks of a length that the user chose are dealt run by run, so that another run changes none of the others
    deal = partial(split_blocks, protein=projection.protein) if plan.block_frames is None else split_protein
    split, cut = deal(
        trajectory,
        names,
        fractions=plan.fractions,
        block_frames=lengths.block,
        gap_frames=lengths.gap,
        seed=plan.seed,
    )
    return _divided(split, cut, "blocks", why, lengths)


def _by_fold(projection: Projection, plan: Plan, names: list[str]) -> Divided:
    """Test is the fold's share of the runs of each temperature; validation comes from blocks of time of the others."""
    number, folds = map(int, plan.fold.split("/"))
    trajectory = projection.trajectory
    runs, first = np.unique(trajectory, return_index=True)
    order = generator_of(plan.seed, projection.protein).permutation(len(runs))
    order = runs[order[np.argsort(projection.temperature[first[order]], kind="stable")]]
    left = [int(run) for run in order[number - 1 :: folds]]
    rest = np.flatnonzero(~np.isin(trajectory, left))
    inner = replace(plan, fractions={**plan.fractions, "test": 0.0})
    split, cut = whole_runs(trajectory, names, dict.fromkeys(left, "test"))
    if not len(rest):
        return _divided(split, cut, "runs")
    others = _by_blocks(projection.take(rest), inner, names, None)
    split[rest] = others.split
    lengths = Lengths(*(others.record[key] for key in LENGTHS))
    cut |= others.blocks
    return _divided(split, {name: cut[name] for name in names if name in cut}, "runs", None, lengths)


def _divided(
    split: Int32[np.ndarray, " frames"],
    blocks: dict[str, list[Block]],
    by: str,
    why: str | None = None,
    lengths: Lengths | None = None,
) -> Divided:
    """With the record: what was dealt, why not runs, lengths of blocks, whole runs for validation and test."""
    whole = {name: {block.split for block in cut} for name, cut in blocks.items()}
    record = {
        "by": by,
        "why_not_runs": why,
        **dict(zip(LENGTHS, lengths or (None,) * len(LENGTHS), strict=True)),
        "validation_runs": [name for name, sets in whole.items() if sets == {"val"}],
        "test_runs": [name for name, sets in whole.items() if sets == {"test"}],
    }
    return Divided(split, blocks, record)


def note(protein: str, record: Mapping[str, Any], runs: int) -> str | None:
    """What the user should know about the division of a protein with so many runs, or None."""
    parts = []
    if record["why_not_runs"] and runs >= FEWEST:
        parts.append(f"divided by blocks of time, because {record['why_not_runs']}")
    if record["blocks_independent"] is False and record["by"] == "blocks":
        parts.append(
            f"blocks of {record['block_frames']} frames with gaps of {record['gap_frames']} are too short for a "
            f"memory of {record['memory_frames']:.0f} frames, so that numbers on test frames come out too good"
        )
    return f"note: {protein}: {'; '.join(parts)}" if parts else None
