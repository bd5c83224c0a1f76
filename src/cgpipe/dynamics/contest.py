"""Members of an ensemble in short dynamics, side by side in one compiled program: which holds, and which looks right.

A low error of forces does not promise good dynamics: what is rare in the data decides whether a chain holds (Fu et al.,
Trans. Mach. Learn. Res. 2023, arXiv:2210.07237). Members are ranked by how many replicas survive, and among equals by
the mean Jensen–Shannon divergence of bonds, angles and dihedrals from the training and validation frames. Divergences
have an error (jackknife over replicas); members that it does not set apart from the lowest one are ranked by their
validation error, so that noise does not choose. Test frames take no part, so that they can still judge the choice.
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
from cgpipe.model.temperature import at_temperature
from cgpipe.physics.divergences import bin_counts, bin_edges, jensen_shannon
from cgpipe.physics.ensembles import quantities

REPLICAS, PICOSECONDS = 8, 20.0
"""Of every member and protein."""

MOST_PROTEINS = 4
"""Proteins that are simulated; of more, so many spread evenly over the lengths."""

BINS = 60
LOCAL = ("bond", "angle", "dihedral")

APART = 2.0
"""Standard errors by which a divergence must exceed the lowest one to count as higher."""


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
        By member: ``replicas``, ``survived``, ``js_by_protein``, their mean ``js`` and its ``js_error``; None without
        a frame.
    """
    found: list[dict[str, Any]] = [{"replicas": 0, "survived": 0, "js_by_protein": {}} for _ in members]
    errors: list[list[float]] = [[] for _ in members]
    for name in _proteins(dataset):
        reference, topology, temperature = _reference(dataset, name)
        masses = np.array(dataset.vocabulary.masses)[topology.species]
        bonds = watch_bonds(reference, np.asarray(topology.chain), np.asarray(topology.residue), bond_tolerance)
        field = members_field([at_temperature(member, temperature) for member in members], topology)
        start = reference[spread_rows(REPLICAS, len(reference))].astype(np.float64)
        condition = Condition(f"contest/{name}", temperature, timestep, damping)
        raced = _raced(field, members, start, masses, bonds, condition)
        for one, mine, (runs, survived) in zip(found, errors, raced, strict=True):
            one["replicas"] += REPLICAS
            one["survived"] += survived
            one["js_by_protein"][name], error = divergence(topology, reference, runs)
            mine.append(error)
    for one, mine in zip(found, errors, strict=True):
        values = list(one["js_by_protein"].values())
        one["js"] = None if None in values else float(np.mean(values))
        one["js_error"] = None if None in values else float(np.sqrt(np.sum(np.square(mine))) / len(mine))
    return found


def ranking(found: Sequence[dict[str, Any]], validation: Sequence[float]) -> list[int]:
    """Members from best to worst.

    Args:
        found: what `contest` gives.
        validation: error of each member on validation frames, which ranks those that cannot be told from the leader.
    """

    def score(member: int) -> tuple[float, ...]:
        one = found[member]
        if one["js"] is None:
            return float(-one["survived"]), 2.0, validation[member]
        rivals = [other for other in found if other["survived"] == one["survived"] and other["js"] is not None]
        leader = min(rivals, key=lambda other: other["js"])
        behind = one["js"] - leader["js"] > APART * np.hypot(one["js_error"], leader["js_error"])
        return float(-one["survived"]), float(behind), one["js"] if behind else validation[member]

    return sorted(range(len(found)), key=score)


def members_field(members: Sequence[Potential], topology: Topology) -> ForceField:
    """Forces on the replicas of all members, one member's after the other's, in a program with one network in it."""
    arrays, rest = eqx.partition(Ensemble.of(members).members, eqx.is_array)

    def of_one(given: tuple[Any, Array]) -> Evaluation:
        return force_field(eqx.combine(given[0], rest), topology)(given[1])

    def evaluate(R: Float64[Array, "replicas beads 3"]) -> Evaluation:
        found = jax.lax.map(of_one, (arrays, R.reshape(len(members), -1, *R.shape[1:])))
        return jax.tree.map(lambda values: values.reshape(len(R), *values.shape[2:]), found)

    return evaluate


def divergence(
    topology: Topology, reference: Float[np.ndarray, "frames beads 3"], runs: Sequence[Float[np.ndarray, "_ beads 3"]]
) -> tuple[float | None, float]:
    """Mean JS of bonds, angles and dihedrals of some runs from a reference [Å]; None without a frame.

    A jackknife, which leaves out one run at a time, gives its error and takes off the bias from runs of finite length.
    """
    runs = [run for run in runs if len(run)]
    if not runs:
        return None, 0.0
    compared = [q for q in quantities(topology, None, 8.0, 3) if q.name in LOCAL]
    true, counts = [], []
    for quantity in compared:
        values = quantity.measure(reference).ravel()
        edges = bin_edges(values, BINS, quantity.period)
        true.append(bin_counts(values, edges))
        counts.append(np.array([bin_counts(quantity.measure(run).ravel(), edges) for run in runs]))

    def of_runs(some: Float[np.ndarray, " runs"]) -> float:
        return float(np.mean([jensen_shannon(p, some @ q) for p, q in zip(true, counts, strict=True)]))

    everything = np.ones(len(runs))
    value = of_runs(everything)
    if len(runs) == 1:
        return value, 0.0
    without = np.array([of_runs(everything - row) for row in np.eye(len(runs))])
    unbiased = value + (len(runs) - 1) * (value - float(without.mean()))
    return unbiased, float(np.sqrt((len(runs) - 1) * np.var(without)))


def _raced(
    field: ForceField,
    members: Sequence[Potential],
    start: Float64[np.ndarray, "replicas beads 3"],
    masses: Float64[np.ndarray, " beads"],
    bonds: BondWatch,
    condition: Condition,
) -> list[tuple[list[Float[np.ndarray, "_ beads 3"]], int]]:
    """Frames of every replica and number of survivors of each member, from the same structures."""
    R = np.concatenate([start] * len(members))
    # one device: the field deals the replicas to the members itself
    trials = Trials(field, members[0].neighbour_slots, masses, bonds, len(R), devices=1)
    trial = trials.run(trials.start(R, condition), condition, PICOSECONDS, FRAME_INTERVAL)
    frames = [living_frames(trial, slice(replica, replica + 1)) for replica in range(len(R))]
    firsts = range(0, len(R), len(start))
    return [(frames[n : n + len(start)], int(trial.survived[n : n + len(start)].sum())) for n in firsts]


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
