"""Two parameters that explain most of a mean force: harmonic bonds of one stiffness and one length.

F_i = Σ k (r − r₀) u over the bonds of bead i, u pointing to the neighbour. The force is linear in (k, k r₀), so force
matching (Noid et al., J. Chem. Phys. 128, 244114, 2008) is a least-squares problem with two unknowns. What is left
after it is what a model of a protein has to explain: R² of the whole force mostly says that bonds are stiff.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cgpipe.data.topology import Topology


class BondSprings(NamedTuple):
    """Stiffness k [kcal/mol/Å²] of ½ k (r − r₀)², and length r₀ [Å]."""

    k: float
    r0: float

    def forces(self, R: Float[np.ndarray, "frames beads 3"], topology: Topology) -> Float[np.ndarray, "frames beads 3"]:
        """Their forces [kcal/mol/Å] at positions R [Å]."""
        stretched, directions = _basis(R, topology)
        return self.k * (stretched - self.r0 * directions)


def fit_bond_springs(
    R: Float[np.ndarray, "frames beads 3"], F: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> BondSprings:
    """The springs whose forces are nearest to the labels F [kcal/mol/Å] at positions R [Å], in least squares.

    Raises:
        ValueError: the chain has no bonds, or they never change their length.
    """
    stretched, directions = _basis(R, topology)
    products = np.array(
        [np.vdot(stretched, stretched), np.vdot(stretched, directions), np.vdot(directions, directions)]
    )
    gram = products[[0, 1, 1, 2]].reshape(2, 2)
    if np.linalg.cond(gram) > 1e12:
        raise ValueError("springs of bonds that never change their length")
    F = F.astype(np.float64)
    k, product = np.linalg.solve(gram, [np.vdot(stretched, F), np.vdot(directions, F)])
    return BondSprings(float(k), float(-product / k))


def _basis(
    R: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> tuple[Float[np.ndarray, "frames beads 3"], Float[np.ndarray, "frames beads 3"]]:
    """Σ r u and Σ u over the bonds of each bead."""
    chain, residue = np.asarray(topology.chain), np.asarray(topology.residue)
    bonded = (np.diff(chain) == 0) & (np.diff(residue) == 1)
    vector = np.diff(R.astype(np.float64), axis=1) * bonded[:, None]
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    unit = vector / np.where(length > 0, length, 1.0)
    return _both_ends(vector), _both_ends(unit)


def _both_ends(pull: Float[np.ndarray, "frames pairs 3"]) -> Float[np.ndarray, "frames beads 3"]:
    """What each bond adds to its lower bead, taken off its upper one."""
    padding = [(0, 0), (0, 1), (0, 0)]
    return np.pad(pull, padding) - np.pad(pull, [(0, 0), (1, 0), (0, 0)])
