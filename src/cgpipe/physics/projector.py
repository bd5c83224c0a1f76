"""From an all-atom trajectory to beads, in two passes over the frames; only the beads' frames are kept in memory.

The first pass checks frames and constraints and sums the Gram matrices that the map is fitted to; the second maps
positions and forces. The map is fitted to all temperatures and trajectories of a protein together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from cgpipe.data.frames import Chunk, usable_frames
from cgpipe.data.projection import Projection
from cgpipe.data.readers.reader import Reader
from cgpipe.errors import UserError
from cgpipe.physics.constraints import BondFluctuations, check_constraints, rigid_bonds, rigid_groups
from cgpipe.physics.crossfit import Folds, crossfit_coefficients, heldout_rms, make_folds, overfit_ratio, refuse_overfit
from cgpipe.physics.forcemap import (
    Gram,
    Groups,
    atom_map,
    bead_groups,
    check_map,
    group_forces,
    mapped_rms,
    optimal_coefficients,
    slice_map,
    uniform_coefficients,
)
from cgpipe.physics.mapping import BeadMapping, map_alpha_carbons

WARN_OVERFIT = 0.1
LONGEST_BOND = 6.0
"""Bonded Cα are 2.8-4.1 Å apart; farther means a molecule cut by a periodic boundary [Å]."""


@dataclass(frozen=True)
class Choices:
    """What the user chooses: the keys of ``project`` in the configuration, and aliases of residue names."""

    map: str = "optimal"
    constraints: str = "hbonds"
    ridge: float = 0.0
    folds: int = 5
    max_overfit: float = 0.3
    non_finite: str = "refuse"
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FittedMap:
    """W, and for each fold the group coefficients of a fit to the other folds (the slice map is not fitted: none)."""

    W: Float64[np.ndarray, "beads atoms"]
    by_fold: Float64[np.ndarray, "folds beads groups"] | None


def project(protein: str, reader: Reader, choices: Choices) -> Projection:
    """Project a protein's frames onto its Cα beads.

    Args:
        protein: its name.
        reader: its frames.
        choices: force map, constraints and policies.

    Raises:
        UserError: frames, residues or constraints that cannot be used, or too few frames for the map.
    """
    mapping = map_alpha_carbons(reader.atoms, choices.aliases, protein)
    rigid = rigid_bonds(reader.atoms, choices.constraints)
    groups = bead_groups(rigid_groups(len(reader.atoms), rigid), mapping.atom, protein)
    folds = make_folds(reader.lengths, choices.folds)

    gram, fluctuations = Gram(folds.count, groups.count), BondFluctuations(reader.atoms.bonds)
    for chunk in _usable(protein, reader, choices):
        _refuse_broken(chunk, mapping, f"{protein}: {reader.where(chunk.trajectory)}")
        fluctuations.add(chunk.R)
        forces = group_forces(chunk.F, groups)
        for fold, rows in _rows_by_fold(chunk, folds, reader):
            gram.add(forces[rows], fold)
    frames = int(gram.rows.sum()) // 3
    if not frames:
        raise UserError(f"{protein}: no usable frame is left, {sum(reader.lengths)} were dropped")

    ratio = overfit_ratio(groups, frames)
    fitted, rms, rms_heldout = _fit(protein, gram, groups, choices, ratio)
    check_map(fitted.W, groups, tied=choices.map != "slice")
    violation, notes = check_constraints(fluctuations, rigid)
    if choices.map == "optimal" and ratio > WARN_OVERFIT:
        notes += (f"overfit ratio {ratio:.2f} is above {WARN_OVERFIT}: more frames would give less noisy forces",)
    arrays, measured = _map_frames(_usable(protein, reader, choices), mapping, groups, fitted, folds, reader)
    by_temperature = measured.pop("rms_heldout_by_temperature")
    rms["slice"] = rms_heldout["slice"] = measured.pop("slice")
    return Projection(
        protein=protein,
        residue_name=mapping.residue_name,
        chain=mapping.chain,
        residue=mapping.residue,
        trajectories=reader.trajectories,
        W=fitted.W,
        atom_name=reader.atoms.name,
        atom_residue=tuple(map(str, reader.atoms.residue.tolist())),
        quality={
            "map": choices.map,
            "frames": frames,
            "frames_dropped": sum(reader.lengths) - frames,
            "free_coefficients": len(groups.free),
            "overfit_ratio": ratio,
            "rms": rms,
            "rms_heldout": rms_heldout,
            "rms_heldout_by_temperature": by_temperature,
            **measured,
            "constraints_from_topology": len(rigid),
            "constraint_violation_max": violation,
            "notes": [*reader.notes, *notes],
        },
        **arrays,
    )


def _usable(protein: str, reader: Reader, choices: Choices) -> Iterator[Chunk]:
    for chunk in reader.chunks():
        usable = usable_frames(chunk, choices.non_finite, f"{protein}: {reader.where(chunk.trajectory)}")
        if len(usable.frame):
            yield usable


def _refuse_broken(chunk: Chunk, mapping: BeadMapping, where: str) -> None:
    """Raise UserError where bonded Cα are too far apart for a whole molecule."""
    bonded = (np.diff(mapping.residue) == 1) & (np.diff(mapping.chain) == 0)
    length = np.linalg.norm(np.diff(chunk.R[:, mapping.atom], axis=1), axis=-1)[:, bonded]
    if length.size and length.max() > LONGEST_BOND:
        frame, _ = np.unravel_index(np.argmax(length), length.shape)
        raise UserError(
            f"{where}, frame {chunk.frame[frame]}: bonded Cα are {length.max():.1f} Å apart; the molecule is cut by a "
            "periodic boundary: make molecules whole first"
        )


def _rows_by_fold(chunk: Chunk, folds: Folds, reader: Reader) -> Iterator[tuple[int, Bool[np.ndarray, " rows"]]]:
    """Each fold present in a chunk with its rows of ``group_forces`` (three per frame)."""
    position = np.searchsorted(reader.frames[chunk.trajectory], chunk.frame)
    fold_of_frame = folds.of(chunk.trajectory, position)
    for fold in np.unique(fold_of_frame).tolist():
        yield fold, np.repeat(fold_of_frame == fold, 3)


def _fit(
    protein: str, gram: Gram, groups: Groups, choices: Choices, ratio: float
) -> tuple[FittedMap, dict[str, float], dict[str, float]]:
    """The chosen map, and RMS in sample and held out of the maps that can be had from the Gram matrix."""
    uniform, mean = uniform_coefficients(groups), gram.mean()
    rms = {"uniform": mapped_rms(uniform, mean)}
    if choices.map == "slice":
        return FittedMap(slice_map(groups), None), rms, dict(rms)
    if choices.map == "uniform":
        return FittedMap(atom_map(uniform, groups), np.stack([uniform] * gram.folds)), rms, dict(rms)
    refuse_overfit(ratio, choices.max_overfit, groups, protein)
    optimal = optimal_coefficients(mean, groups, choices.ridge, protein)
    by_fold = crossfit_coefficients(gram, groups, choices.ridge, protein)
    heldout = {"optimal": heldout_rms(by_fold, gram), **rms}
    return FittedMap(atom_map(optimal, groups), by_fold), {"optimal": mapped_rms(optimal, mean), **rms}, heldout


def _map_frames(
    chunks: Iterator[Chunk], mapping: BeadMapping, groups: Groups, fitted: FittedMap, folds: Folds, reader: Reader
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays of the projection, and the figures that need positions, single atoms or temperatures."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("R", "F", "temperature", "trajectory", "frame")}
    squares: dict[float, list[float]] = {}
    slice_square = net_square = torque_square = 0.0
    for chunk in chunks:
        count = len(chunk.frame)
        R = chunk.R[:, mapping.atom]
        F = np.einsum("ia,fax->fix", fitted.W, chunk.F, optimize=True)
        mapped = F if fitted.by_fold is None else _map_heldout(chunk, groups, fitted.by_fold, folds, reader)
        squares.setdefault(chunk.temperature, []).append(float((mapped**2).sum()))
        slice_square += float((chunk.F[:, mapping.atom].astype(np.float64) ** 2).sum())
        centred = R - R.mean(axis=1, keepdims=True, dtype=np.float64)
        net_square += float((F.sum(axis=1) ** 2).sum())
        torque_square += float((np.cross(centred, F).sum(axis=1) ** 2).sum())
        parts["R"].append(R)
        parts["F"].append(F.astype(np.float32))
        parts["temperature"].append(np.full(count, chunk.temperature, np.float32))
        parts["trajectory"].append(np.full(count, chunk.trajectory, np.int32))
        parts["frame"].append(chunk.frame.astype(np.int32))
    arrays = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    components = 3 * len(arrays["R"])
    of_temperature = {t: 3 * len(mapping) * int((arrays["temperature"] == np.float32(t)).sum()) for t in squares}
    return arrays, {
        "slice": float(np.sqrt(slice_square / (components * len(mapping)))),
        "rms_heldout_by_temperature": {
            f"{t:g}": float(np.sqrt(sum(pieces) / of_temperature[t])) for t, pieces in squares.items()
        },
        "net_force_rms": float(np.sqrt(net_square / components)),
        "net_torque_rms": float(np.sqrt(torque_square / components)),
    }


def _map_heldout(
    chunk: Chunk, groups: Groups, by_fold: Float64[np.ndarray, "folds beads groups"], folds: Folds, reader: Reader
) -> Float64[np.ndarray, "rows beads"]:
    """Bead forces of a chunk, each frame mapped by the fit that has not seen it."""
    forces = group_forces(chunk.F, groups)
    mapped = np.empty((len(forces), len(groups.bead)))
    for fold, rows in _rows_by_fold(chunk, folds, reader):
        mapped[rows] = forces[rows] @ by_fold[fold].T
    return mapped
