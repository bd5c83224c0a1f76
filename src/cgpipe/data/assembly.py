"""From the projections of a run to its dataset: sets, padded lengths, statistics, protein by protein."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int32

from cgpipe.data.averaged import Averaged, averaged_frames, centred
from cgpipe.data.conformations import nearness
from cgpipe.data.diagnostics import Diagnostics
from cgpipe.data.division import divide_protein
from cgpipe.data.families import Division, Member, divide
from cgpipe.data.mean_forces import MeanForces, found_in, refuse_shared
from cgpipe.data.one_temperature import unfit_temperatures
from cgpipe.data.padding import PARKED_AT, box_extent, capacity_for, choose_capacities, padding_waste
from cgpipe.data.plan import Plan
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.shared_frames import SharedFrames
from cgpipe.data.species import Vocabulary, vocabulary
from cgpipe.data.splits import MEAN_FORCE, SPLITS, STORED, check_held_out, spread
from cgpipe.data.statistics import Moments, neighbour_counts
from cgpipe.data.store import ProteinBeads, create_dataset
from cgpipe.errors import UserError


def assemble(
    path: Path,
    head: Mapping[str, Any],
    projections: Sequence[Path],
    plan: Plan,
    tests: Mapping[str, MeanForces],
    training: Mapping[str, MeanForces],
) -> dict[str, Any]:
    """Write the dataset; one protein is in memory at a time.

    Args:
        path: dataset to write.
        head: its header.
        projections: projections to read, one per protein.
        plan: the user's choices.
        tests: mean forces of some proteins that later judge the model; a frame at one of their configurations goes
            neither into training nor into validation.
        training: mean forces of some proteins that are trained on; a frame at one of their configurations goes neither
            into validation nor into the test set.

    Returns:
        The summary: proteins, how they were divided, blocks of every trajectory with their sets, statistics, and
        diagnostics.

    Raises:
        UserError: no frames, frames at temperatures that the model cannot have, the same protein twice or the same
            frames under two names, no training or validation frames, or a split that would leak.
    """
    refuse_shared(training, tests)
    known = SharedFrames()
    sizes = [_size(file, plan, training, known) for file in projections]
    names = [size.name for size in sizes]
    for name in {*tests, *training}.difference(names):
        raise UserError(f"mean forces of {name!r}, but the projections are of {', '.join(names)}")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"protein {name!r} is in more than one of {', '.join(map(str, projections))}")
    if unfit := unfit_temperatures({size.name: size.temperatures for size in sizes}, plan.temperature == "input"):
        raise UserError(f"{unfit.complaint} (in proteins.yaml)")
    division = _divide(sizes, plan)
    beads, frames = [size.beads for size in sizes], [size.frames for size in sizes]
    capacities = choose_capacities(beads, frames, plan.max_buckets, plan.max_padding)
    parked_at = PARKED_AT * box_extent(max(size.radius for size in sizes), plan.cutoff)
    kinds = vocabulary(plan.vocabulary)
    total, diagnostics, proteins, splits = Moments(), Diagnostics(), {}, {}
    trained: dict[str, tuple[set[float], set[float]]] = {}
    with create_dataset(path, head, vocabulary=kinds.name, cutoff=plan.cutoff, parked_at=parked_at) as writer:
        for file, size in zip(projections, sizes, strict=True):
            projection = read_projection(file)
            split, blocks, record = divide_protein(projection, plan, division.proteins if division else {})
            judging, learnt = (_of_its_beads(labels.get(size.name), projection) for labels in (tests, training))
            taken = _at_configurations(projection, split, judging, ("train", "val"))
            averaged = averaged_frames(learnt, projection, (split == SPLITS["train"]) & ~(taken | size.shared))
            taken |= _at_configurations(projection, split, averaged, ("val", "test"))
            split = np.where(taken | size.shared, np.int32(SPLITS["gap"]), split)
            kept = spread(len(projection), plan.quotas.get(size.name, 0))
            single = {name: getattr(projection, name)[kept] for name in ("temperature", "trajectory", "frame")}
            single["split"] = split[kept]
            origin = _with_mean_forces(single, averaged, len(projection.trajectories))
            R = np.concatenate([centred(projection.R[kept]), averaged.R])
            F = np.concatenate([projection.F[kept], averaged.F])
            train = origin["split"] == SPLITS["train"]
            trained[size.name] = set(single["temperature"].tolist()), set(origin["temperature"][train].tolist())
            counts = neighbour_counts(R, plan.cutoff)
            total.add(F, train, counts)
            own = Moments()
            own.add(F, train if train.any() else np.ones_like(train), counts)
            capacity = capacity_for(size.beads, capacities)
            chain = _beads(projection, kinds, plan.weights.get(size.name, 1.0), averaged)
            writer.add(chain, capacity, R, F, origin)
            diagnostics.add(chain, projection.R[kept], projection.F[kept], single)
            splits[size.name] = {name: [block._asdict() for block in cut] for name, cut in blocks.items()}
            proteins[size.name] = {
                "beads": size.beads,
                "capacity": capacity,
                "family": plan.families.get(size.name, size.name),
                "weight": chain.weight,
                "division": record | nearness(projection.R[kept], single["split"], single["trajectory"]),
                "frames": _counts(single["split"]),
                "frames_beyond_quota": len(projection) - len(kept),
                "frames_reserved": int(taken[kept].sum()),
                "frames_of_another_protein": int(size.shared[kept].sum()),
                "mean_forces": averaged.summary(),
                "trajectories": list(projection.trajectories),
                "force_rms": own.force_rms,
                "mean_neighbours": own.mean_neighbours,
                "max_neighbours": own.max_neighbours,
                "projection_rms_heldout": projection.quality["rms_heldout"],
            }
        per_set = {name: sum(protein["frames"][name] for protein in proteins.values()) for name in SPLITS}
        _refuse_empty(per_set, plan)
        _refuse_untrained(trained, plan)
        statistics = {
            "force_rms": total.force_rms,
            "mean_neighbours": total.mean_neighbours,
            "max_neighbours": total.max_neighbours,
            "max_beads": max(beads),
            # one more, for pairs at the cutoff that rounding brings inside
            "neighbour_slots": min(max(beads) - 1, total.max_slots + 1),
            "neighbour_capacity": min(max(beads) - 1, math.ceil(plan.capacity_margin * total.max_slots)),
            "frames": per_set,
            "padding_waste": padding_waste(beads, frames, capacities),
            "padding_waste_longest": padding_waste(beads, frames, [max(beads)]),
            "buckets": list(capacities),
            "parked_at": parked_at,
            "proteins": proteins,
        }
        writer.finish(statistics)
    return {
        "proteins": names,
        "divided_by": plan.split,
        "families": division.families if division else None,
        "balance": division.balance if division else None,
        "splits": splits,
        "statistics": statistics,
        "buckets": list(capacities),
        "diagnostics": diagnostics.findings(),
    }


class _Size(NamedTuple):
    name: str
    residues: tuple[str, ...]
    frames: int
    radius: float
    temperatures: Sequence[float]
    shared: Bool[np.ndarray, " frames"]

    @property
    def beads(self) -> int:
        return len(self.residues)


def _size(file: Path, plan: Plan, training: Mapping[str, MeanForces], known: SharedFrames) -> _Size:
    """Numbers of a projection that shape the dataset, after a check that it can be used."""
    projection = read_projection(file)
    if not len(projection):
        raise UserError(f"{file}: {projection.protein} has no frames; nothing to train on")
    if not (np.isfinite(projection.R).all() and np.isfinite(projection.F).all()):
        raise UserError(f"{file}: NaN or infinity in positions or forces; rerun the project stage")
    labels = training.get(projection.protein)
    positions = [projection.R, *([] if labels is None else [labels.R])]
    radius = max(float(np.abs(centred(R)).max()) for R in positions)
    frames = len(spread(len(projection), plan.quotas.get(projection.protein, 0)))
    temperatures = np.unique(projection.temperature).tolist()
    shared = known.add(projection, file)
    return _Size(projection.protein, projection.residue_name, frames, radius, temperatures, shared)


def _divide(sizes: Sequence[_Size], plan: Plan) -> Division | None:
    """The sets of whole families where proteins are divided; else only a check of those held out."""
    names = [size.name for size in sizes]
    if plan.split != "proteins":
        check_held_out(names, plan.held_out, plan.families)
        return None
    check_held_out(names, plan.held_out, {})
    members = [Member(s.name, plan.families.get(s.name, s.name), s.frames, s.residues) for s in sizes]
    return divide(members, plan.fractions, plan.held_out, plan.seed)


def _of_its_beads(labels: MeanForces | None, projection: Projection) -> MeanForces | None:
    """The same, after a check that mean forces have the protein's number of beads."""
    if labels is not None and labels.R.shape[1] != projection.beads:
        raise UserError(
            f"{projection.protein}: mean forces of {labels.R.shape[1]} beads, but it has {projection.beads}"
        )
    return labels


def _at_configurations(
    projection: Projection, split: Int32[np.ndarray, " frames"], some: MeanForces | Averaged | None, sets: Sequence[str]
) -> Bool[np.ndarray, " frames"]:
    """Frames of some sets that are at a configuration of mean forces."""
    if some is None or not len(some.R):
        return np.zeros(len(split), bool)
    return np.isin(split, [SPLITS[name] for name in sets]) & found_in(projection.R, some.R)


def _with_mean_forces(single: Mapping[str, np.ndarray], averaged: Averaged, trajectory: int) -> dict[str, np.ndarray]:
    """Origin, set and weight of a protein's frames, and then of its mean forces: a trajectory of their own."""
    more = np.arange(len(averaged.R), dtype=np.int32)
    own = {
        "temperature": averaged.temperature,
        "trajectory": np.full(len(more), trajectory, np.int32),
        "frame": more,
        "split": np.full(len(more), STORED[MEAN_FORCE], np.int32),
    }
    joined = {name: np.concatenate([values, own[name]]) for name, values in single.items()}
    weight = np.concatenate([np.ones(len(single["frame"]), np.float32), averaged.weight])
    return {**joined, "weight": weight}


def _beads(projection: Projection, kinds: Vocabulary, weight: float, averaged: Averaged) -> ProteinBeads:
    return ProteinBeads(
        name=projection.protein,
        residues=projection.residue_name,
        species=np.array([kinds.species(name) for name in projection.residue_name], dtype=np.int32),
        chain=projection.chain,
        residue=projection.residue,
        trajectories=(*projection.trajectories, *(["mean_force_train"] if len(averaged.R) else [])),
        weight=weight,
    )


def _counts(split: Int32[np.ndarray, " frames"]) -> dict[str, int]:
    return {name: int((split == number).sum()) for name, number in SPLITS.items()}


def _refuse_empty(counts: Mapping[str, int], plan: Plan) -> None:
    remedy = {
        "auto": "take more frames, or hold out fewer proteins",
        "blocks": "take more frames, a smaller dataset.block_frames, or hold out fewer proteins",
        "trajectories": "use at least three trajectories of a protein, divide by blocks, or hold out fewer proteins",
        "proteins": "add proteins of other families, or divide by blocks",
    }[plan.split]
    if plan.fold:
        remedy = f"dataset.fold {plan.fold} leaves out whole runs and needs a protein of two or more"
    for name in ("train", "val"):
        if not counts[name]:
            raise UserError(f"no frames are left for {name} (frames per set: {dict(counts)}); {remedy}")


def _refuse_untrained(temperatures: Mapping[str, tuple[set[float], set[float]]], plan: Plan) -> None:
    """Refuse temperatures [K] at which proteins that train have frames, but nothing has training frames.

    Args:
        temperatures: protein → those of its frames, and those of its training frames.
        plan: the user's choices.

    Raises:
        UserError: as said.
    """
    trained = set().union(*(own for _, own in temperatures.values()))
    for name, (found, own) in temperatures.items():
        if own and (missing := sorted(found - trained)):
            chosen = f"dataset.fold {plan.fold}" if plan.fold else f"dataset.split {plan.split}"
            raise UserError(
                f"{name}: {chosen} leaves no training frames at {', '.join(f'{t:g}' for t in missing)} K, whose "
                "entropy the model would not know; give two or more runs at every temperature, or leave that "
                "temperature out (in proteins.yaml)"
            )
