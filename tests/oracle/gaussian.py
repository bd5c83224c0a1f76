"""A Gaussian network: every pair of atoms may be joined by a spring of rest length zero.

U = ½ Σ_ab K_ab x_a·x_b with K positive semidefinite and K 1 = 0: nothing changes under translation and rotation.
With the beads c and all other atoms f, integrating out f leaves the Gaussian of the Schur complement
S = K_cc − K_cf K_ff⁻¹ K_fc, so the mean force on the beads is −S R, exactly, and their covariance about a common centre
is kT S⁺. At fixed beads the force on a bead scatters by kT K_cf K_ff⁻¹ K_fc per component; that scatter is linear in
the forces on f, so the optimal map W = (1, −K_cf K_ff⁻¹) removes it.
"""

from dataclasses import dataclass

import numpy as np

from cgpipe.units import thermal_energy

KT = thermal_energy(300.0)


@dataclass(frozen=True)
class Network:
    """Stiffness [kcal/mol/Å²] of beads and other atoms."""

    cc: np.ndarray
    cf: np.ndarray
    ff: np.ndarray

    @property
    def schur(self) -> np.ndarray:
        """Stiffness that the beads feel."""
        return self.cc - self.cf @ np.linalg.solve(self.ff, self.cf.T)

    @property
    def optimal_map(self) -> np.ndarray:
        """Weights of the other atoms' forces."""
        return -self.cf @ np.linalg.inv(self.ff)

    @property
    def noise(self) -> np.ndarray:
        """Variance of the plain force on each bead at fixed beads, per component [(kcal/mol/Å)²]."""
        return KT * np.diag(self.cf @ np.linalg.solve(self.ff, self.cf.T))

    def sample(self, frames: int, seed: int, kT: float = KT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the beads, and forces on beads and other atoms, independent frames."""
        random = np.random.default_rng(seed)
        stiffness, modes = np.linalg.eigh(self.schur)
        width = np.where(stiffness > 1e-9, np.sqrt(kT / np.maximum(stiffness, 1e-9)), 0.0)
        R = np.einsum("ij,fjk->fik", modes * width, random.normal(size=(frames, len(width), 3)))
        spread = np.linalg.cholesky(kT * np.linalg.inv(self.ff))
        y = np.einsum("ij,fjk->fik", spread, random.normal(size=(frames, len(self.ff), 3)))
        x = y - np.einsum("ij,fjk->fik", np.linalg.solve(self.ff, self.cf.T), R)
        on_beads = -np.einsum("ij,fjk->fik", self.cc, R) - np.einsum("ij,fjk->fik", self.cf, x)
        on_others = -np.einsum("ij,fjk->fik", self.cf.T, R) - np.einsum("ij,fjk->fik", self.ff, x)
        return R, on_beads, on_others


def chain_network(beads: int) -> Network:
    """A chain of beads, two other atoms on every bond: the beads feel springs between neighbours alone."""
    atoms = 3 * beads - 2
    springs = np.zeros((atoms, atoms))
    for bond in range(beads - 1):
        springs[bond, bond + 1] = 5.0
        for other, own in enumerate((4.0, 9.0)):
            springs[[bond, bond + 1], beads + 2 * bond + other] = own
    return _of_springs(springs, beads)


def network(beads: int, others: int, seed: int = 0) -> Network:
    """A random network in which every other atom is joined to three atoms or more, some of them beads."""
    random = np.random.default_rng(seed)
    atoms = beads + others
    springs = np.where(random.random((atoms, atoms)) < 0.3, random.uniform(2.0, 40.0, (atoms, atoms)), 0.0)
    springs[np.arange(beads - 1), np.arange(1, beads)] = 30.0
    springs[np.arange(atoms) % beads, np.arange(atoms)] += 10.0
    return _of_springs(springs, beads)


def _of_springs(springs: np.ndarray, beads: int) -> Network:
    springs = np.triu(springs, 1)
    springs += springs.T
    K = np.diag(springs.sum(axis=1)) - springs
    return Network(K[:beads, :beads], K[:beads, beads:], K[beads:, beads:])
