"""From the projections of a run to its dataset: sets, padded lengths, statistics, protein by protein."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from cgpipe.data.padding import PARKED_AT, box_extent, capacity_for, choose_capacities, pad_frames, padding_waste
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.species import Vocabulary, vocabulary
from cgpipe.data.splits import SPLITS, Block, check_held_out, split_protein
from cgpipe.data.statistics import Moments
from cgpipe.data.store import ProteinBeads, create_dataset, open_dataset
from cgpipe.errors import UserError

CARBON = 6


@dataclass(frozen=True)
class Plan:
    """What the user chooses: the keys of ``dataset`` in the configuration, and what it takes from other sections."""

    vocabulary: str
    cutoff: float
    fractions: Mapping[str, float]
    block_frames: int
    gap_frames: int
    seed: int
    held_out: Sequence[str]
    families: Mapping[str, str]
    max_buckets: int
    capacity_margin: float


def assemble(path: Path, head: Mapping[str, Any], projections: Sequence[Path], plan: Plan) -> dict[str, Any]:
    """Write the dataset; one protein is in memory at a time.

    Args:
        path: dataset to write.
        head: its header.
        projections: projections to read, one per protein.
        plan: the user's choices.

    Returns:
        The summary: proteins, blocks of every trajectory with their sets, and statistics.

    Raises:
        UserError: no frames, the same protein twice, no training or validation frames, or a split that would leak.
    """
    sizes = [_size(file) for file in projections]
    names = [size.name for size in sizes]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"protein {name!r} is in more than one of {', '.join(map(str, projections))}")
    check_held_out(names, plan.held_out, plan.families)
    beads, frames = [size.beads for size in sizes], [size.frames for size in sizes]
    capacities = choose_capacities(beads, frames, plan.max_buckets)
    parked_at = PARKED_AT * box_extent(max(size.radius for size in sizes), plan.cutoff)
    kinds = vocabulary(plan.vocabulary)
    total, proteins, splits = Moments(), {}, {}
    with create_dataset(path, head, vocabulary=kinds.name, cutoff=plan.cutoff, parked_at=parked_at) as writer:
        for file, size in zip(projections, sizes, strict=True):
            projection = read_projection(file)
            R = _centred(projection)
            split, blocks = _split(projection, plan)
            train = split == SPLITS["train"]
            own = Moments()
            for moments in (own, total):
                moments.add(R, projection.F, train, plan.cutoff)
            capacity = capacity_for(size.beads, capacities)
            writer.add(_beads(projection, kinds), capacity, R, projection.F, _per_frame(projection, split))
            splits[size.name] = {name: [block._asdict() for block in cut] for name, cut in blocks.items()}
            proteins[size.name] = {
                "beads": size.beads,
                "capacity": capacity,
                "frames": _counts(split),
                "trajectories": list(projection.trajectories),
                "force_rms": own.force_rms,
                "mean_neighbours": own.mean_neighbours,
                "max_neighbours": own.max_neighbours,
                "projection_rms_heldout": projection.quality["rms_heldout"],
            }
        counts = {name: sum(protein["frames"][name] for protein in proteins.values()) for name in SPLITS}
        _refuse_empty(counts, plan)
        statistics = {
            "force_rms": total.force_rms,
            "mean_neighbours": total.mean_neighbours,
            "max_neighbours": total.max_neighbours,
            "max_beads": max(beads),
            "neighbour_capacity": min(max(beads) - 1, math.ceil(plan.capacity_margin * total.max_neighbours)),
            "frames": counts,
            "padding_waste": padding_waste(beads, frames, capacities),
            "buckets": list(capacities),
            "parked_at": parked_at,
            "proteins": proteins,
        }
        writer.finish(statistics)
    return {"proteins": names, "splits": splits, "statistics": statistics, "buckets": list(capacities)}


def seed_arrays(path: Path) -> dict[str, np.ndarray]:
    """All frames of a dataset in the seed layout, padded to the longest protein and sorted by set as in `SPLITS`.

    Returns:
        R [Å] and F [kcal/mol/Å] f32 [frames, atoms, 3], species i32 and mask f32 [frames, atoms], Z i32 [atoms].
    """
    with open_dataset(path) as dataset:
        atoms = int(dataset.statistics["max_beads"])
        parked_at = float(dataset.statistics["parked_at"])
        loaded = [frames for split in SPLITS for frames in dataset.load(split)]
    return {
        "R": np.concatenate([pad_frames(frames.R, atoms, parked_at) for frames in loaded]),
        "F": np.concatenate([pad_frames(frames.F, atoms, 0.0) for frames in loaded]),
        "species": np.concatenate([_widen(frames.topology.species, atoms, np.int32) for frames in loaded]),
        "mask": np.concatenate([_widen(frames.topology.mask, atoms, np.float32) for frames in loaded]),
        "Z": np.full(atoms, CARBON, dtype=np.int32),
    }


class _Size(NamedTuple):
    name: str
    beads: int
    frames: int
    radius: float


def _size(file: Path) -> _Size:
    """Numbers of a projection that shape the dataset, after a check that it can be used."""
    projection = read_projection(file)
    if not len(projection):
        raise UserError(f"{file}: {projection.protein} has no frames; nothing to train on")
    if not (np.isfinite(projection.R).all() and np.isfinite(projection.F).all()):
        raise UserError(f"{file}: NaN or infinity in positions or forces; rerun the project stage")
    radius = float(np.abs(_centred(projection)).max())
    return _Size(projection.protein, projection.beads, len(projection), radius)


def _centred(projection: Projection) -> Float32[np.ndarray, "frames beads 3"]:
    """Positions [Å] relative to the mean of each frame's beads."""
    R = projection.R.astype(np.float64)
    return (R - R.mean(axis=1, keepdims=True)).astype(np.float32)


def _split(projection: Projection, plan: Plan) -> tuple[Int32[np.ndarray, " frames"], dict[str, list[Block]]]:
    names = [f"{projection.protein}/{trajectory}" for trajectory in projection.trajectories]
    if projection.protein in plan.held_out:
        lengths = {name: int((projection.trajectory == i).sum()) for i, name in enumerate(names)}
        blocks = {name: [Block(0, length - 1, "test")] for name, length in lengths.items() if length}
        return np.full(len(projection), SPLITS["test"], np.int32), blocks
    return split_protein(
        projection.trajectory,
        names,
        fractions=plan.fractions,
        block_frames=plan.block_frames,
        gap_frames=plan.gap_frames,
        seed=plan.seed,
    )


def _beads(projection: Projection, kinds: Vocabulary) -> ProteinBeads:
    return ProteinBeads(
        name=projection.protein,
        residues=projection.residue_name,
        species=np.array([kinds.species(name) for name in projection.residue_name], dtype=np.int32),
        chain=projection.chain,
        residue=projection.residue,
        trajectories=projection.trajectories,
    )


def _per_frame(projection: Projection, split: Int32[np.ndarray, " frames"]) -> dict[str, np.ndarray]:
    return {
        "temperature": projection.temperature,
        "trajectory": projection.trajectory,
        "frame": projection.frame,
        "split": split,
    }


def _counts(split: Int32[np.ndarray, " frames"]) -> dict[str, int]:
    return {name: int((split == number).sum()) for name, number in SPLITS.items()}


def _refuse_empty(counts: Mapping[str, int], plan: Plan) -> None:
    for name in ("train", "val"):
        if not counts[name]:
            raise UserError(
                f"no frames are left for {name} (frames per set: {dict(counts)}); take more frames, a smaller "
                f"dataset.block_frames than {plan.block_frames}, or hold out fewer proteins"
            )


def _widen(values: Any, atoms: int, dtype: type) -> np.ndarray:
    """Values per bead as an array of this type, with zeros in the added columns."""
    return np.pad(np.asarray(values, dtype), ((0, 0), (0, atoms - values.shape[1])))
