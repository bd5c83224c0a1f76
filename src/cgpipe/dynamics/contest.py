"""Members of an ensemble in short dynamics, side by side in one compiled program: which holds, and which looks right.

A low error of forces does not promise good dynamics: what is rare in the data decides whether a chain holds (Fu et al.,
Trans. Mach. Learn. Res. 2023, arXiv:2210.07237). Members are ranked by how many replicas survive, and among equals by
the mean Jensen–Shannon divergence of bonds, angles and dihedrals from the training and validation frames. Test frames
take no part, so that they can still judge the choice.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Float64

from cgpipe.data.store import Dataset
from cgpipe.data.topology import Topology
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.field import ForceField, force_field
from cgpipe.dynamics.plans import spread_rows, watch_bonds
from cgpipe.dynamics.stability import FRAME_INTERVAL, living_frames
from cgpipe.dynamics.trials import Condition, Trials
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.potential import Evaluation, Potential
from cgpipe.physics.ensembles import pooled_divergence, quantities

REPLICAS, PICOSECONDS = 8, 20.0
"""Of every member and protein."""

MOST_PROTEINS = 4
"""Proteins that are simulated; of more, so many spread evenly over the lengths."""

BINS = 60
LOCAL = ("bond", "angle", "dihedral")


def contest(
    members: Sequence[Potential], dataset: Dataset, timestep: float, damping: float, bond_tolerance: float
) -> list[dict[str, Any]]:
    """Simulate every member on proteins of the training set.

    Args:
        members: models of one shape.
        dataset: its training and validation frames are where replicas begin and what they are compared with.
        timestep: [fs].
        damping: of the thermostat [ps].
        bond_tolerance: a replica is lost when a bond is off its mean by more [Å].

    Returns:
        By member: ``replicas``, ``survived``, ``js_by_protein`` and their mean ``js``; None without a frame.
    """
    found: list[dict[str, Any]] = [{"replicas": 0, "survived": 0, "js_by_protein": {}} for _ in members]
    for name in _proteins(dataset):
        reference, topology, temperature = _reference(dataset, name)
        masses = np.array(dataset.vocabulary.masses)[topology.species]
        bonds = watch_bonds(reference, np.asarray(topology.chain), np.asarray(topology.residue), bond_tolerance)
        field = members_field(members, topology)
        start = reference[spread_rows(REPLICAS, len(reference))].astype(np.float64)
        condition = Condition(f"contest/{name}", temperature, timestep, damping)
        for one, (frames, survived) in zip(found, _raced(field, members, start, masses, bonds, condition), strict=True):
            one["replicas"] += REPLICAS
            one["survived"] += survived
            one["js_by_protein"][name] = local_divergence(topology, reference, frames)
    for one in found:
        values = list(one["js_by_protein"].values())
        one["js"] = None if None in values else float(np.mean(values))
    return found


def ranking(found: Sequence[dict[str, Any]]) -> list[int]:
    """Members from best to worst: survivors first, then the lowest divergence."""
    score = [(-one["survived"], np.inf if one["js"] is None else one["js"]) for one in found]
    return sorted(range(len(found)), key=lambda member: score[member])


def members_field(members: Sequence[Potential], topology: Topology) -> ForceField:
    """Forces on the replicas of all members, one member's after the other's, in a program with one network in it."""
    arrays, rest = eqx.partition(Ensemble.of(members).members, eqx.is_array)

    def of_one(given: tuple[Any, Array]) -> Evaluation:
        return force_field(eqx.combine(given[0], rest), topology)(given[1])

    def evaluate(R: Float64[Array, "replicas beads 3"]) -> Evaluation:
        found = jax.lax.map(of_one, (arrays, R.reshape(len(members), -1, *R.shape[1:])))
        return jax.tree.map(lambda values: values.reshape(len(R), *values.shape[2:]), found)

    return evaluate


def local_divergence(
    topology: Topology, reference: Float[np.ndarray, "frames beads 3"], R: Float[np.ndarray, "others beads 3"]
) -> float | None:
    """Mean JS of bonds, angles and dihedrals between two ensembles [Å]; None where the second has no frames."""
    compared = [q for q in quantities(topology, reference[0].astype(np.float64), 8.0, 3) if q.name in LOCAL]
    found = [pooled_divergence(quantity, reference, R, BINS) for quantity in compared]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _raced(
    field: ForceField,
    members: Sequence[Potential],
    start: Float64[np.ndarray, "replicas beads 3"],
    masses: Float64[np.ndarray, " beads"],
    bonds: BondWatch,
    condition: Condition,
) -> list[tuple[Float[np.ndarray, "frames beads 3"], int]]:
    """Frames and number of survivors of each member, from the same structures."""
    R = np.concatenate([start] * len(members))
    # one device: the field deals the replicas to the members itself
    trials = Trials(field, members[0].neighbour_slots, masses, bonds, len(R), devices=1)
    trial = trials.run(trials.start(R, condition), condition, PICOSECONDS, FRAME_INTERVAL)
    return [
        (living_frames(trial, mine), int(trial.survived[mine].sum()))
        for mine in (slice(n * len(start), (n + 1) * len(start)) for n in range(len(members)))
    ]


def _proteins(dataset: Dataset) -> list[str]:
    """Names of proteins with training frames."""
    able = [p for p in dataset.proteins if len(dataset.load_protein(p.name, "train").R)]
    able.sort(key=lambda p: len(p.species))
    rows = np.unique(np.linspace(0, len(able) - 1, min(len(able), MOST_PROTEINS)).round().astype(int))
    return [able[row].name for row in rows]


def _reference(dataset: Dataset, name: str) -> tuple[Float[np.ndarray, "frames beads 3"], Topology, float]:
    """Training and validation frames at the temperature [K] that most of them have."""
    parts = [dataset.load_protein(name, split) for split in ("train", "val")]
    R, temperature = (np.concatenate([getattr(part, key) for part in parts]) for key in ("R", "temperature"))
    temperatures, counts = np.unique(temperature, return_counts=True)
    usual = temperatures[np.argmax(counts)]
    return R[temperature == usual], Topology(*(column[0] for column in parts[0].topology)), float(usual)
