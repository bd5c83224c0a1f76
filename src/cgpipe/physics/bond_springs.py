"""Two parameters that explain most of a mean force: harmonic bonds of one stiffness and one length.

F_i = Σ k (r − r₀) u over the bonds of bead i, u pointing to the neighbour. The force is linear in (k, k r₀), so force
matching (Noid et al., J. Chem. Phys. 128, 244114, 2008) is a least-squares problem with two unknowns. What is left
after it is what a model of a protein has to explain: R² of the whole force mostly says that bonds are stiff. Cis bonds,
where there are any, have a length of their own: with one for both kinds the best stiffness would be near zero.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cgpipe.data.topology import Topology
from cgpipe.physics.peptide_bonds import CIS_BELOW, cis_bonds


class BondSprings(NamedTuple):
    """Stiffness k [kcal/mol/Å²] of ½ k (r − r₀)², and length r₀ [Å], and that of cis bonds if there were any."""

    k: float
    r0: float
    cis_r0: float | None = None

    def forces(self, R: Float[np.ndarray, "frames beads 3"], topology: Topology) -> Float[np.ndarray, "frames beads 3"]:
        """Their forces [kcal/mol/Å] at positions R [Å]."""
        length, unit, _ = _bonds(R, topology)
        r0 = self.r0 if self.cis_r0 is None else np.where(length < CIS_BELOW, self.cis_r0, self.r0)
        return _both_ends((self.k * (length - r0))[..., None] * unit)


def fit_bond_springs(
    R: Float[np.ndarray, "frames beads 3"], F: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> BondSprings:
    """The springs whose forces are nearest to the labels F [kcal/mol/Å] at positions R [Å], in least squares.

    Raises:
        ValueError: the chain has no bonds, or they never change their length.
    """
    length, unit, bonded = _bonds(R, topology)
    cis = np.zeros(length.shape, bool)
    cis[:, bonded] = cis_bonds(length[:, bonded])
    kinds = (~cis, cis) if cis.any() else (~cis,)
    basis = [_both_ends(size[..., None] * unit) for size in (length, *kinds)]
    gram = np.array([[np.vdot(one, other) for other in basis] for one in basis])
    if np.linalg.cond(gram) > 1e12:
        raise ValueError("springs of bonds that never change their length")
    F = F.astype(np.float64)
    k, *products = np.linalg.solve(gram, [np.vdot(one, F) for one in basis])
    return BondSprings(float(k), *(float(-product / k) for product in products))


def _bonds(
    R: Float[np.ndarray, "frames beads 3"], topology: Topology
) -> tuple[Float[np.ndarray, "frames pairs"], Float[np.ndarray, "frames pairs 3"], Bool[np.ndarray, " pairs"]]:
    """Lengths of all pairs i, i+1 and unit vectors, zero where they are not bonded; and which are."""
    chain, residue = np.asarray(topology.chain), np.asarray(topology.residue)
    bonded = (np.diff(chain) == 0) & (np.diff(residue) == 1)
    vector = np.diff(R.astype(np.float64), axis=1) * bonded[:, None]
    length = np.linalg.norm(vector, axis=-1)
    return length, vector / np.where(length > 0, length, 1.0)[..., None], bonded


def _both_ends(pull: Float[np.ndarray, "frames pairs 3"]) -> Float[np.ndarray, "frames beads 3"]:
    """What each bond adds to its lower bead, taken off its upper one."""
    padding = [(0, 0), (0, 1), (0, 0)]
    return np.pad(pull, padding) - np.pad(pull, [(0, 0), (1, 0), (0, 0)])
