"""What the fits see of the data: histograms of bonds, angles, dihedrals and distances, by species.

Histograms add up, so any number of frames streams through a fixed amount of memory.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.physics.geometry import angles, bond_lengths, dihedrals
from cgpipe.physics.prior.prior import SEPARATIONS

BOND_EDGES = np.linspace(2.0, 6.0, 801)
ANGLE_EDGES = np.linspace(0.0, np.pi, 181)
DIHEDRAL_EDGES = np.linspace(-np.pi, np.pi, 121)
PAIR_BIN = 0.02
"""Width of a distance bin [Å], about."""
CHUNK = 256
"""Frames measured at once."""

_measure = jax.jit(lambda R, topology: tuple(jax.vmap(kind)(R, topology) for kind in (bond_lengths, angles, dihedrals)))


class Observed:
    """Histograms over frames, to be filled by ``add``.

    Attributes:
        bond: counts by lower species, upper species and length (``BOND_EDGES``).
        angle: counts by middle species and θ (``ANGLE_EDGES``).
        dihedral: counts by lower middle species, upper middle species and φ (``DIHEDRAL_EDGES``).
        pair: counts by |i−j| = 2…5 and then all else, both species and distance (``pair_edges``).
        pair_edges: up to the cutoff [Å].
        frames: how many.
        temperature: mean over the frames [K].
    """

    def __init__(self, types: int, cutoff: float):
        self.types = types
        self.pair_edges = np.linspace(0.0, cutoff, round(cutoff / PAIR_BIN) + 1)
        self.bond = np.zeros((types, types, len(BOND_EDGES) - 1), np.int64)
        self.angle = np.zeros((types, len(ANGLE_EDGES) - 1), np.int64)
        self.dihedral = np.zeros((types, types, len(DIHEDRAL_EDGES) - 1), np.int64)
        self.pair = np.zeros((len(SEPARATIONS) + 1, types, types, len(self.pair_edges) - 1), np.int64)
        self.frames = 0
        self.temperature = 0.0

    def add(
        self,
        R: Float[Array | ndarray, "frames beads 3"],
        topology: Topology,
        temperature: Float[Array | ndarray, " frames"],
    ) -> "Observed":
        """Count frames in; their topology has a leading axis of frames too. Returns itself.

        Raises:
            UserError: a bond in the data is shorter than 2 Å or longer than 6 Å.
        """
        if not len(R):
            return self
        for start in range(0, len(R), CHUNK):
            part = slice(start, start + CHUNK)
            self._add_chunk(np.asarray(R[part]), Topology(*(np.asarray(field[part]) for field in topology)))
        self.temperature = (self.frames * self.temperature + float(np.sum(temperature))) / (self.frames + len(R))
        self.frames += len(R)
        return self

    def _add_chunk(self, R: ndarray, topology: Topology) -> None:
        species = np.where(topology.mask, topology.species, 0)
        (r, bond_exists), (theta, angle_exists), (phi, exists) = jax.tree.map(np.asarray, _measure(R, topology))
        outside = bond_exists & ((r < BOND_EDGES[0]) | (r > BOND_EDGES[-1]))
        if outside.any():
            raise UserError(
                f"a bond of {r[outside][0]:.2f} Å between consecutive residues, expected {BOND_EDGES[0]:g} to "
                f"{BOND_EDGES[-1]:g} Å: is the trajectory whole (not cut by the periodic box), and does every chain "
                "break show in the residue numbers?"
            )
        first, second = species[:, :-1], species[:, 1:]
        _count(self.bond, (first[bond_exists], second[bond_exists]), r[bond_exists], BOND_EDGES)
        _count(self.angle, (species[:, 1:-1][angle_exists],), theta[angle_exists], ANGLE_EDGES)
        middle = [species[:, at : at + exists.shape[1]][exists] for at in (1, 2)]
        _count(self.dihedral, tuple(middle), phi[exists], DIHEDRAL_EDGES)
        for shift in range(2, R.shape[1]):
            self._add_shift(R, topology, species, shift)

    def _add_shift(self, R: ndarray, topology: Topology, species: ndarray, shift: int) -> None:
        """Distances between rows i and i + shift; each pair counts under both orders of its species."""
        lower, upper = slice(None, -shift), slice(shift, None)
        r = np.linalg.norm(R[:, upper] - R[:, lower], axis=-1)
        apart = topology.residue[:, upper] - topology.residue[:, lower]
        apart = np.where(topology.chain[:, upper] == topology.chain[:, lower], apart, SEPARATIONS[-1] + 1)
        use = topology.mask[:, upper] & topology.mask[:, lower] & (apart >= SEPARATIONS[0]) & (r < self.pair_edges[-1])
        kind = np.minimum(apart[use] - SEPARATIONS[0], len(SEPARATIONS))
        first, second = species[:, lower][use], species[:, upper][use]
        _count(self.pair, (kind, first, second), r[use], self.pair_edges)
        _count(self.pair, (kind, second, first), r[use], self.pair_edges)


def merged(parts: Sequence[Observed]) -> Observed:
    """The histograms of all parts' frames together; they must be of the same species and cutoff."""
    total = Observed(parts[0].types, float(parts[0].pair_edges[-1]))
    for part in parts:
        for table in ("bond", "angle", "dihedral", "pair"):
            getattr(total, table)[...] += getattr(part, table)
        total.frames += part.frames
        total.temperature += part.frames * part.temperature
    total.temperature /= max(total.frames, 1)
    return total


def _count(table: Int[ndarray, "..."], rows: tuple[ndarray, ...], values: ndarray, edges: ndarray) -> None:
    """Add values to the histograms of the given rows; the bins are equally wide."""
    bins = len(edges) - 1
    width = (edges[-1] - edges[0]) / bins
    column = np.clip(((values - edges[0]) / width).astype(np.int64), 0, bins - 1)
    flat = np.ravel_multi_index((*rows, column), table.shape)
    table += np.bincount(flat, minlength=table.size).reshape(table.shape)
