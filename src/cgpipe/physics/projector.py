"""From an all-atom trajectory to beads.

The source is read once (`cgpipe.physics.gather`); the map is fitted to all temperatures and trajectories of a protein
together; then the forces on the rigid groups are mapped. Only the beads' frames are kept in memory.

The labels are cross-fitted: each frame is mapped by the fit to the folds without it. A map that has seen a frame takes
some of its mean force for noise and makes all labels too small by p/n (p free coefficients, n rows), which every
stiffness that is fitted to them inherits. The map to all frames is published too, for forces it has not seen.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float, Float32, Float64

from cgpipe.data.projection import Projection
from cgpipe.data.readers import Reader
from cgpipe.physics.aggforce_engine import aggforce_map, require_aggforce
from cgpipe.physics.candidates import Candidate, Contest
from cgpipe.physics.constraints import check_constraints, rigid_bonds, rigid_groups
from cgpipe.physics.crossfit import make_folds, overfit_ratio
from cgpipe.physics.forcemap import atom_map, bead_groups, check_map, slice_map
from cgpipe.physics.gather import Gathered, gather, rows_by_fold
from cgpipe.physics.hydrogens import require_hydrogens
from cgpipe.physics.mapping import map_alpha_carbons
from cgpipe.physics.spool import Spool, open_spool
from cgpipe.physics.states import disulphide_names, judge_disulphides
from cgpipe.physics.window import residue_windows
from cgpipe.physics.yvon_born_green import check_identity

WARN_OVERFIT = 0.1

SPARSE_BELOW = 0.25
"""A map with a smaller share of coefficients that are not zero is applied as a sparse one."""

ENGINE_TOLERANCE = 1e-8
"""How far the solver of aggforce may be off the conditions on a map."""


@dataclass(frozen=True)
class Choices:
    """What the user chooses: the keys of ``project`` in the configuration, and of ``species`` what names residues."""

    map: str = "auto"
    window: int = 1
    engine: str = "builtin"
    constraints: str = "hbonds"
    ridge: float = 0.0
    folds: int = 5
    max_overfit: float = 0.3
    non_finite: str = "refuse"
    disulphides: str = "refuse"
    states: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapped:
    """Forces of the beads, each frame mapped by a fit without it, and the sum of their squares by temperature."""

    F: Float32[np.ndarray, "frames beads 3"]
    squares: dict[float, float]


def project(protein: str, reader: Reader, choices: Choices) -> Projection:
    """Project a protein's frames onto its Cα beads.

    Args:
        protein: its name.
        reader: its frames.
        choices: force map, constraints and policies.

    Raises:
        UserError: frames, residues or constraints that cannot be used, too few frames for the map, or no such engine.
    """
    by_aggforce = choices.engine == "aggforce"
    engine = require_aggforce() if by_aggforce else "builtin"
    require_hydrogens(reader.atoms, choices.constraints, protein)
    mapping = map_alpha_carbons(reader.atoms, choices.aliases, protein, choices.states)
    unbonded = judge_disulphides(disulphide_names(reader.atoms), choices.disulphides, protein)
    rigid = rigid_bonds(reader.atoms, choices.constraints)
    groups = bead_groups(rigid_groups(len(reader.atoms), rigid), mapping.atom, protein)
    windows = residue_windows(reader.atoms, groups, choices.window)
    contest = Contest(choices.map, groups, windows, choices.max_overfit, choices.ridge, protein)
    folds = make_folds(reader.lengths, choices.folds)
    gram = contest.gram(sum(reader.lengths), folds.count)
    with open_spool() as spool:
        found = gather(
            protein, reader, choices.non_finite, mapping, groups, folds, gram, spool, keep_all_forces=by_aggforce
        )
        candidates = contest.fit(gram, found.frames)
        used = contest.choose(candidates)
        fitted = candidates.get(used, candidates["uniform"])
        W = slice_map(groups) if used == "slice" else atom_map(fitted.coefficients, groups)
        deviation = 0.0
        if by_aggforce:
            forces, fold = np.concatenate(found.all_forces), np.concatenate(found.fold)
            maps = [
                aggforce_map(forces[seen], mapping.atom, rigid, choices.ridge, protein)
                for seen in (fold >= 0, *(fold != one for one in range(folds.count)))
            ]
            deviation = float(np.abs(maps[0] - W).max() / np.abs(W).max())
            W, by_fold = maps[0], np.stack([one[:, groups.representative] for one in maps[1:]])
            fitted = replace(fitted, coefficients=W[:, groups.representative], by_fold=by_fold)
        check_map(W, groups, tied=used != "slice", tolerance=ENGINE_TOLERANCE if by_aggforce else 0.0)
        mapped = _slice_forces(found) if used == "slice" else _map_forces(found, fitted, spool)

    violation, notes = check_constraints(found.fluctuations, rigid)
    ratio = overfit_ratio(fitted.free, found.frames)
    if ratio > WARN_OVERFIT:
        notes += (f"overfit ratio {ratio:.2f} is above {WARN_OVERFIT}: more frames would give less noisy forces",)
    arrays = found.origins()
    with ThreadPoolExecutor(1) as pool:
        identity = pool.submit(
            check_identity,
            arrays["R"],
            mapped.F,
            mapping.chain,
            mapping.residue,
            arrays["temperature"],
            arrays["trajectory"],
        )
        noise = _noise(found, candidates, mapped, arrays["temperature"]) | _net(arrays["R"], mapped.F)
    return Projection(
        protein=protein,
        residue_name=mapping.residue_name,
        chain=mapping.chain,
        residue=mapping.residue,
        trajectories=reader.trajectories,
        W=W,
        F=mapped.F,
        atom_name=reader.atoms.name,
        atom_residue=tuple(map(reader.atoms.number, range(len(reader.atoms)))),
        quality={
            "map": used,
            "map_asked": choices.map,
            "engine": engine,
            "engine_deviation": deviation,
            "frames": found.frames,
            "frames_dropped": sum(reader.lengths) - found.frames,
            "left_out": found.left_out,
            "free_coefficients": fitted.free,
            "overfit_ratio": ratio,
            "overfit_ratios": {name: overfit_ratio(free, found.frames) for name, free in contest.free().items()},
            **noise,
            "yvon_born_green": identity.result(),
            "constraints_from_topology": len(rigid),
            "constraint_violation_max": violation,
            "notes": [*reader.notes, *mapping.notes, *unbonded, *found.notes, *notes],
        },
        **arrays,
    )


def _map_forces(found: Gathered, fitted: Candidate, spool: Spool) -> Mapped:
    beads = len(fitted.coefficients)
    by_fold = [_operator(one) for one in fitted.by_fold]
    pieces, squares = [], dict.fromkeys(found.temperature, 0.0)
    for forces, fold, temperature in zip(spool.arrays(), found.fold, found.temperature, strict=True):
        in_double = forces.astype(np.float64)
        mapped = np.empty((beads, in_double.shape[1]))
        for one, rows in rows_by_fold(fold):
            mapped[:, rows] = by_fold[one] @ in_double[:, rows]
        squares[temperature] += float(np.vdot(mapped, mapped))
        pieces.append(mapped.reshape(beads, -1, 3).transpose(1, 0, 2).astype(np.float32))
    return Mapped(np.concatenate(pieces), squares)


def _operator(coefficients: Float64[np.ndarray, "beads groups"]) -> Any:
    """A map as what multiplies fastest."""
    few = np.count_nonzero(coefficients) < SPARSE_BELOW * coefficients.size
    return scipy.sparse.csr_array(coefficients) if few else coefficients


def _slice_forces(found: Gathered) -> Mapped:
    squares = dict.fromkeys(found.temperature, 0.0)
    for forces, temperature in zip(found.alpha_force, found.temperature, strict=True):
        squares[temperature] += float((forces.astype(np.float64) ** 2).sum())
    return Mapped(found.alpha_forces(), squares)


def _noise(
    found: Gathered,
    candidates: Mapping[str, Candidate],
    mapped: Mapped,
    temperature: Float32[np.ndarray, " frames"],
) -> dict[str, Any]:
    """RMS per component [kcal/mol/Å] of every map, in sample and held out, and of the map in use by temperature."""
    per_slice = _rms(found.alpha_forces())
    frames_at = {t: int((temperature == np.float32(t)).sum()) for t in mapped.squares}
    components = mapped.F.shape[1] * 3
    return {
        "rms": {name: one.rms for name, one in candidates.items()} | {"slice": per_slice},
        "rms_heldout": {name: one.rms_heldout for name, one in candidates.items()} | {"slice": per_slice},
        "rms_heldout_by_temperature": {
            f"{t:g}": float(np.sqrt(total / (frames_at[t] * components))) for t, total in mapped.squares.items()
        },
    }


def _net(R: Float32[np.ndarray, "frames beads 3"], F: Float32[np.ndarray, "frames beads 3"]) -> dict[str, float]:
    """RMS per component of the net force [kcal/mol/Å], and of the net torque about the centre [kcal/mol]."""
    centred = R - R.mean(axis=1, keepdims=True, dtype=np.float64)
    torque = np.concatenate([np.cross(r, f).sum(axis=1) for r, f in _pieces(centred, F)])
    return {"net_force_rms": _rms(F.sum(axis=1, dtype=np.float64)), "net_torque_rms": _rms(torque)}


def _pieces(*arrays: Float[np.ndarray, "frames ..."]) -> Iterator[tuple[np.ndarray, ...]]:
    """A bounded number of frames at a time: numbers in double precision of all at once would be fresh memory."""
    for start in range(0, len(arrays[0]), 1000):
        yield tuple(array[start : start + 1000] for array in arrays)


def _rms(values: Float[np.ndarray, "..."]) -> float:
    squares = sum(np.square(piece, dtype=np.float64).sum() for (piece,) in _pieces(values))
    return float(np.sqrt(squares / values.size))
