"""What is measured on configurations of beads: local geometry, size, similarity, contacts.

Bonds, angles and dihedrals are those of :mod:`cgpipe.physics.geometry`, in degrees, without the positions along the
rows where the chain is interrupted. Superposition is Kabsch's (Acta Cryst. A 32, 922, 1976) with proper rotations
only: with C = Σ x yᵀ = U S Vᵀ, RMSD² = (Σ|x|² + Σ|y|² − 2 (s₁ + s₂ ± s₃)) / N, the sign being that of det C, so a
mirror image never superposes. All functions take frames of one protein, all beads real.
"""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import expit

from cgpipe.data.topology import Topology
from cgpipe.physics import geometry

CHUNK = 256
"""Frames worked on at once."""


def bond_lengths(R: Float[np.ndarray, "frames beads 3"], topology: Topology) -> Float[np.ndarray, "frames bonds"]:
    """Distances between consecutive beads [Å]."""
    return _local(geometry.bond_lengths, R, topology)


def bond_angles(R: Float[np.ndarray, "frames beads 3"], topology: Topology) -> Float[np.ndarray, "frames angles"]:
    """Angles at the middle of three consecutive beads [degrees], 0…180."""
    return np.degrees(_local(geometry.angles, R, topology))


def dihedral_angles(
    R: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> Float[np.ndarray, "frames dihedrals"]:
    """Dihedrals of four consecutive beads [degrees], −180…180, IUPAC sign (a right-handed α-helix has +50 at Cα)."""
    return np.degrees(_local(geometry.dihedrals, R, topology))


def radius_of_gyration(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, " frames"]:
    """Radius of gyration of the beads, equal weights [Å]."""
    centred = _centred(R)
    return np.sqrt(np.mean(np.sum(centred**2, axis=-1), axis=-1))


def end_to_end(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, " frames"]:
    """Distance from the first to the last bead [Å]."""
    return np.linalg.norm(np.asarray(R[:, -1] - R[:, 0], dtype=np.float64), axis=-1)


def rmsd(
    R: Float[np.ndarray, "frames beads 3"], reference: Float[np.ndarray, "beads 3"]
) -> Float[np.ndarray, " frames"]:
    """Smallest RMSD of every frame to one structure under translations and proper rotations [Å]."""
    moving, fixed = _centred(R), _centred(reference[None])[0]
    covariance = np.einsum("fbi,bj->fij", moving, fixed)
    singular = np.linalg.svd(covariance, compute_uv=False)
    sign = np.where(np.linalg.det(covariance) < 0, -1.0, 1.0)
    overlap = singular[:, 0] + singular[:, 1] + sign * singular[:, 2]
    squared = np.sum(moving**2, axis=(1, 2)) + np.sum(fixed**2) - 2 * overlap
    return np.sqrt(np.maximum(squared, 0.0) / R.shape[1])


def superposed(
    R: Float[np.ndarray, "frames beads 3"], reference: Float[np.ndarray, "beads 3"]
) -> Float[np.ndarray, "frames beads 3"]:
    """Every frame moved onto one structure by the proper rotation and translation of least RMSD [Å]."""
    return _centred(R) @ rotations_onto(R, reference) + np.mean(np.asarray(reference, dtype=np.float64), axis=0)


def rotations_onto(
    R: Float[np.ndarray, "frames beads 3"], reference: Float[np.ndarray, "beads 3"]
) -> Float[np.ndarray, "frames 3 3"]:
    """Proper rotation of every frame, to be multiplied from the right, that brings it nearest to one structure."""
    left, _, right = np.linalg.svd(np.einsum("fbi,bj->fij", _centred(R), _centred(reference[None])[0]))
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return left @ right


def rmsf(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, " beads"]:
    """Root mean square fluctuation of every bead about its mean place [Å], after superposition on the mean structure.

    The mean is found by two rounds of superposition, first on the frame in the middle.
    """
    mean = np.asarray(R[len(R) // 2], dtype=np.float64)
    for _ in range(2):
        placed = superposed(R, mean)
        mean = placed.mean(axis=0)
    return np.sqrt(np.mean(np.sum((placed - mean) ** 2, axis=-1), axis=0))


def native_contacts(
    R: Float[np.ndarray, "frames beads 3"],
    native: Float[np.ndarray, "beads 3"],
    topology: Topology,
    cutoff: float,
    separation: int,
) -> Float[np.ndarray, " frames"]:
    """Share Q of the native structure's contacts that every frame has; NaN where the native structure has none.

    Q = mean over native contacts of 1 / (1 + exp(β (r − λ r₀))), β = 5/Å, λ = 1.2 for Cα (after Best, Hummer, Eaton,
    Proc. Natl. Acad. Sci. 110, 17874, 2013).
    """
    distance = np.linalg.norm(native[:, None] - native[None, :], axis=-1)
    first, second = np.nonzero(np.triu((distance < cutoff) & separated_pairs(topology, separation)))
    if not len(first):
        return np.full(len(R), np.nan)
    apart = np.linalg.norm(R[:, first] - R[:, second], axis=-1)
    return np.mean(expit(-5.0 * (apart - 1.2 * distance[first, second])), axis=1)


def pair_distances(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "frames beads beads"]:
    """All distances between beads [Å]."""
    return np.linalg.norm(R[:, :, None] - R[:, None, :], axis=-1)


def separated_pairs(topology: Topology, separation: int) -> Bool[np.ndarray, "beads beads"]:
    """Pairs of beads that are further apart along the chain than ``separation``; those of different chains always."""
    chain, residue = np.asarray(topology.chain), np.asarray(topology.residue)
    apart = np.abs(residue[:, None] - residue[None, :]) > separation
    return (apart | (chain[:, None] != chain[None, :])) & ~np.eye(len(chain), dtype=bool)


def contact_map(
    R: Float[np.ndarray, "frames beads 3"], topology: Topology, cutoff: float, separation: int
) -> Float[np.ndarray, "beads beads"]:
    """Share of frames in which two beads are in contact.

    Args:
        R: positions [Å].
        topology: one protein, [beads].
        cutoff: closer than this is a contact [Å].
        separation: pairs with |i−j| up to this never count.
    """
    close = np.zeros((R.shape[1], R.shape[1]))
    for chunk in _chunks(len(R)):
        close += np.sum(pair_distances(R[chunk]) < cutoff, axis=0)
    return np.where(separated_pairs(topology, separation), close / len(R), 0.0)


def min_distance(R: Float[np.ndarray, "frames beads 3"], topology: Topology) -> Float[np.ndarray, " frames"]:
    """Smallest distance between two beads that are not bonded [Å]; infinite where there is no such pair."""
    allowed = separated_pairs(topology, 1)
    smallest = np.full(len(R), np.inf)
    for chunk in _chunks(len(R)):
        smallest[chunk] = np.min(np.where(allowed, pair_distances(R[chunk]), np.inf), axis=(1, 2))
    return smallest


def _local(
    measure: Callable, R: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> Float[np.ndarray, "frames existing"]:
    """A quantity of consecutive beads on all frames, at the positions along the chain where it exists."""
    parts, exists = [], np.zeros(0, dtype=bool)
    for chunk in _chunks(len(R)):
        frames = np.resize(R[chunk], (CHUNK, *R.shape[1:])).astype(np.float32)
        values, flags = _on_frames(measure, frames, topology)
        parts.append(np.asarray(values, dtype=np.float64)[: len(R[chunk])])
        exists = np.asarray(flags[0])
    return np.concatenate(parts)[:, exists] if parts else np.zeros((0, 0))


@partial(jax.jit, static_argnums=0)
def _on_frames(
    measure: Callable, frames: Float[Array, "frames beads 3"], topology: Topology
) -> tuple[Float[Array, "frames rows"], Bool[Array, "frames rows"]]:
    return jax.vmap(lambda frame: measure(frame, topology))(frames)


def _centred(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "frames beads 3"]:
    wide = np.asarray(R, dtype=np.float64)
    return wide - wide.mean(axis=1, keepdims=True)


def _chunks(frames: int) -> list[slice]:
    """Slices that keep temporaries small, and compiled functions to one number of frames."""
    return [slice(start, start + CHUNK) for start in range(0, frames, CHUNK)]
