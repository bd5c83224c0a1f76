"""Holonomic constraints of the all-atom MD: which bonds were rigid, and whether the frames agree.

The topology decides: with ``hbonds`` every bond to a hydrogen was rigid. The fluctuation of bond lengths over the
frames only checks that, because a length stored with 0.01 Å precision fluctuates by 0.004 Å even where it is rigid,
and a few frames of a stiff bond fluctuate little.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components

from cgpipe.data.atoms import Atoms

RIGID_BELOW = 1e-2
"""A bond length that fluctuates (standard deviation) by less is rigid [Å]."""

MIN_FRAMES = 100
"""Fewer frames say nothing about a bond's rigidity."""


def rigid_bonds(atoms: Atoms, constraints: str) -> Int[np.ndarray, "pairs 2"]:
    """Bonds that the MD held rigid: all bonds to hydrogen for ``hbonds``, none for ``none``."""
    if constraints == "none":
        return np.zeros((0, 2), dtype=atoms.bonds.dtype)
    to_hydrogen = (atoms.atomic_number[atoms.bonds] == 1).any(axis=1)
    return atoms.bonds[to_hydrogen]


def rigid_groups(atoms: int, pairs: Int[np.ndarray, "pairs 2"]) -> Int[np.ndarray, " atoms"]:
    """Label of the rigid group of every atom: atoms joined by a path of rigid bonds share one.

    Args:
        atoms: number of atoms.
        pairs: rigid bonds.
    """
    ones = np.ones(len(pairs))
    graph = scipy.sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(atoms, atoms))
    _, labels = connected_components(graph, directed=False)
    return labels.astype(np.int64)


@dataclass
class BondFluctuations:
    """Streamed mean and variance of the lengths of all bonds.

    Sums are taken relative to the first frame's lengths, so that nothing cancels.
    """

    bonds: Int[np.ndarray, "bonds 2"]

    def __post_init__(self) -> None:
        self.frames = 0
        self._origin = np.zeros(len(self.bonds))
        self._sum = np.zeros(len(self.bonds))
        self._square = np.zeros(len(self.bonds))

    def add(self, R: Float[np.ndarray, "frames atoms 3"]) -> None:
        """Take in frames of positions [Å]."""
        if not len(R) or not len(self.bonds):
            return
        apart = R[:, self.bonds[:, 0]].astype(np.float64) - R[:, self.bonds[:, 1]]
        length = np.linalg.norm(apart, axis=-1)
        if self.frames == 0:
            self._origin = length[0]
        self.frames += len(R)
        self._sum += (length - self._origin).sum(axis=0)
        self._square += ((length - self._origin) ** 2).sum(axis=0)

    def deviation(self) -> Float[np.ndarray, " bonds"]:
        """Standard deviation of every bond's length [Å]."""
        mean = self._sum / max(self.frames, 1)
        return np.sqrt(np.maximum(self._square / max(self.frames, 1) - mean**2, 0.0))


def check_constraints(
    fluctuations: BondFluctuations, rigid: Int[np.ndarray, "pairs 2"]
) -> tuple[float, tuple[str, ...]]:
    """Compare the topology's constraints with the frames.

    Args:
        fluctuations: of all bonds of the topology.
        rigid: those bonds that are taken as rigid.

    Returns:
        The largest standard deviation of a bond taken as rigid [Å], and what disagrees, in words.
    """
    deviation = fluctuations.deviation()
    taken = {frozenset(pair) for pair in rigid.tolist()}
    is_rigid = np.array([frozenset(pair) in taken for pair in fluctuations.bonds.tolist()], dtype=bool)
    largest = float(deviation[is_rigid].max()) if is_rigid.any() else 0.0
    if fluctuations.frames < MIN_FRAMES:
        return largest, ()
    notes = []
    moving = int((deviation[is_rigid] > RIGID_BELOW).sum())
    if moving:
        notes.append(
            f"{moving} of {int(is_rigid.sum())} bonds taken as rigid fluctuate by up to {largest:.3f} Å: "
            "if the MD was run without constraints, set project.constraints: none"
        )
    still = int((deviation[~is_rigid] < RIGID_BELOW).sum())
    if still:
        notes.append(
            f"{still} of {int((~is_rigid).sum())} bonds taken as flexible are rigid in the frames: "
            "forces projected without these constraints are biased"
        )
    return largest, tuple(notes)
