"""How good a prior is: its forces on frames it has not seen, and what it makes of a chain when it acts alone.

The terms are fitted one by one but act together, so the check is a short Langevin run under the prior alone: its
bonds, angles and dihedrals must be distributed as in the data. Both numbers come per protein; the divergence between
two halves of the data says how much of a difference the data cannot resolve.
"""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from cgpipe.data.store import Dataset, Frames
from cgpipe.data.topology import Topology
from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.force_errors import force_sums, r_squared
from cgpipe.physics.geometry import bond_lengths
from cgpipe.physics.langevin import langevin, start
from cgpipe.physics.neighbours import find_neighbours
from cgpipe.physics.prior.observed import Observed, merged
from cgpipe.physics.prior.prior import Prior, Weights

BATCH = 64
"""Frames whose forces are computed at once."""
TIMESTEP = 4.0
"""[fs]; 1/32 of the period of the stiffest bond of the lightest beads."""
DAMPING = 1.0
"""[ps]"""
EVERY = 50
FRAMES = 200
"""Kept frames of a run, one every ``EVERY`` steps: 40 ps; the first fifth is discarded."""
BEADS = 80
"""So many beads are simulated per protein, as replicas, or the protein once if it is longer."""
BINS = {"bond": 10, "angle": 3, "dihedral": 2}
"""Histogram bins taken together for divergences: 0.05 Å, 3°, 6°."""


class Check(NamedTuple):
    """A protein's histograms in the data and under the prior alone, and the numbers from them."""

    data: Observed
    alone: Observed
    numbers: dict[str, Any]


@eqx.filter_jit
def term_forces(
    prior: Prior, R: Float[Array, "frames beads 3"], topology: Topology
) -> Float[Array, "5 frames beads 3"]:
    """Forces of every term of a batch of frames, in the order of ``Weights`` [kcal/mol/Å]."""

    def one(R: Float[Array, "beads 3"], topology: Topology) -> Float[Array, "5 beads 3"]:
        def totals(R: Float[Array, "beads 3"]) -> Float[Array, "5"]:
            neighbours = find_neighbours(R, topology, prior.cutoff, len(R) - 1)
            energies = prior.term_energies(R, topology, neighbours)
            return jnp.stack([energies[term].sum() for term in Weights._fields])

        return -jax.jacrev(totals)(R)

    return jnp.swapaxes(jax.vmap(one)(R, topology), 0, 1)


def frames_of(dataset: Dataset, name: str, splits: tuple[str, ...]) -> Frames | None:
    """A protein's frames in some sets together, padded to its bucket; None where it has none."""
    found = [frames for split in splits for frames in dataset.load(split, name)]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *found) if found else None


def force_quality(prior: Prior, frames: Frames | None) -> dict[str, Any]:
    """R² of the prior's forces: all terms, each alone, and all but one; None where there are no frames."""
    if frames is None:
        return {"force_r2": None}
    parts = []
    for first in range(0, len(frames.R), BATCH):
        rows = np.minimum(np.arange(first, first + BATCH), len(frames.R) - 1)
        forces = term_forces(prior, jnp.asarray(frames.R[rows]), Topology(*(field[rows] for field in frames.topology)))
        parts.append(np.asarray(forces)[:, : len(frames.R) - first])
    terms = np.concatenate(parts, axis=1)
    everything = terms.sum(0)
    score = partial(_r2, frames.F)
    return {
        "heldout_frames": len(frames.R),
        "force_r2": score(everything),
        "force_r2_of_term": {name: score(one) for name, one in zip(Weights._fields, terms, strict=True)},
        "force_r2_without_term": {
            name: score(everything - one) for name, one in zip(Weights._fields, terms, strict=True)
        },
    }


def check(prior: Prior, frames: Frames, data: tuple[Observed, Observed], masses: ndarray, seed: int) -> Check:
    """Simulate one protein under the prior alone and compare with its data.

    Args:
        prior: of all proteins.
        frames: of this protein; starting structures are spread over them.
        data: histograms of two halves of these frames.
        masses: by species [g/mol].
        seed: of velocities and noise.
    """
    both = merged(data)
    topology = Topology(*(field[0] for field in frames.topology))
    replicas = max(1, BEADS // int(topology.mask.sum()))
    starts = frames.R[np.linspace(0, len(frames.R) - 1, replicas).astype(int)]
    keys = jax.random.split(jax.random.key(seed), replicas)
    masses_by_species = jnp.asarray(masses, jnp.float32)
    R = np.asarray(_alone(prior, jnp.asarray(starts), topology, masses_by_species, keys, both.temperature))
    R = R[:, FRAMES // 5 :].reshape(-1, *frames.R.shape[1:])
    many = Topology(*(np.broadcast_to(field, (len(R), *field.shape)) for field in topology))
    numbers: dict[str, Any] = {"replicas": replicas, "picoseconds": FRAMES * EVERY * TIMESTEP / 1000}
    r, exists = jax.vmap(bond_lengths)(jnp.asarray(R), many)
    usual = [float(jnp.mean(kind)) for kind in (prior.bond_r0, *([] if prior.cis is None else [prior.cis.r0]))]
    deviation = np.min([np.abs(np.asarray(r) - length) for length in usual], axis=0)
    numbers["max_bond_deviation"] = float(np.where(exists, deviation, 0).max())
    alone = Observed(both.types, prior.cutoff).add(R, many, np.full(len(R), both.temperature, np.float32))
    for term in BINS:
        numbers[f"js_{term}"] = divergence(both, alone, term)
        numbers[f"js_{term}_split_half"] = divergence(*data, term)
    return Check(both, alone, numbers)


def halves(frames: Frames, types: int, cutoff: float) -> tuple[Observed, Observed]:
    """Histograms of the first half of every trajectory's frames, and of the second."""
    early = np.zeros(len(frames.R), bool)
    for trajectory in np.unique(frames.trajectory):
        mine = frames.trajectory == trajectory
        early |= mine & (frames.frame <= np.median(frames.frame[mine]))
    parts = []
    for chosen in (early, ~early):
        topology = Topology(*(field[chosen] for field in frames.topology))
        parts.append(Observed(types, cutoff).add(frames.R[chosen], topology, frames.temperature[chosen]))
    return parts[0], parts[1]


def divergence(a: Observed, b: Observed, term: str) -> float | None:
    """Jensen–Shannon divergence (base 2) of the distributions of a term's coordinate, all species together.

    None where one of them has no samples.
    """
    p, q = (getattr(x, term).reshape(-1, getattr(x, term).shape[-1]).sum(0).astype(np.float64) for x in (a, b))
    if p.sum() == 0 or q.sum() == 0:
        return None
    return float(jensen_shannon(p.reshape(-1, BINS[term]).sum(1), q.reshape(-1, BINS[term]).sum(1)))


@eqx.filter_jit
def _alone(
    prior: Prior,
    starts: Float[Array, "replicas beads 3"],
    topology: Topology,
    masses: Float[Array, " types"],
    keys: Array,
    temperature: float,
) -> Float[Array, "replicas frames beads 3"]:
    of_bead = masses[topology.species]

    def forces(R: Float[Array, "beads 3"]) -> Float[Array, "beads 3"]:
        neighbours = find_neighbours(R, topology, prior.cutoff, len(R) - 1)
        return jax.grad(lambda R: -prior.bead_energies(R, topology, neighbours).sum())(R)

    def replica(R: Float[Array, "beads 3"], key: Array) -> Float[Array, "frames beads 3"]:
        velocities, noise = jax.random.split(key)
        state = start(forces, R, of_bead, temperature, velocities)
        return langevin(forces, state, of_bead, temperature, TIMESTEP, DAMPING, FRAMES, EVERY, noise)[1]

    return jax.vmap(replica)(starts, keys)


def _r2(reference: ndarray, prediction: ndarray) -> float:
    return float(r_squared(force_sums(reference, prediction, np.zeros(len(reference), np.int64))).squeeze())
