"""Linear force maps from atoms to beads, and the variance of what they give.

A map W (beads × atoms) turns atomic forces F into bead forces W F. With beads at Cα atoms it is a valid estimate of the
mean force when W is 1 on the own Cα and 0 on the other beads' Cα, and equal on all atoms of a rigid group (Ciccotti,
Kapral, Vanden-Eijnden 2005; Krämer et al., J. Phys. Chem. Lett. 14, 3970, 2023). Such maps differ by noise only:

* ``slice``: the force on the Cα alone. It breaks the second rule where bonds to hydrogen are constrained: biased.
* ``uniform``: the summed force on the Cα's rigid group.
* ``optimal``: among all valid maps the one with the least Σ‖W F‖² over the frames.
* ``window``: the same among maps whose bead I takes forces from residues I−w … I+w only (`cgpipe.physics.window`).

With one coefficient per rigid group (c: groups of Cα, f: all other groups) and the Gram matrix P of the groups' summed
forces, plus the ridge λ n_g on its diagonal, the optimal map is w_c = e_I, w_f = −P_ff⁻¹ P_fc: minus the least-squares
regression of the own group's force on the free groups' forces. P itself may be singular (Σ F = 0); P_ff is not.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float, Float64, Int

from cgpipe.errors import UserError

DEPENDENT_BELOW = 1e-10
"""A free group whose forces are a linear function of others' up to this share of its variance is dependent."""


@dataclass(frozen=True)
class Groups:
    """Rigid groups of a protein's atoms and which of them hold the beads.

    ``label`` gives each atom's group, ``bead`` each bead's group, ``alpha`` each bead's atom.
    """

    label: Int[np.ndarray, " atoms"]
    bead: Int[np.ndarray, " beads"]
    alpha: Int[np.ndarray, " beads"]

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.label.max()) + 1

    @property
    def free(self) -> Int[np.ndarray, " free"]:
        """Groups without a bead: their coefficients are what the optimal map chooses."""
        return np.setdiff1d(np.arange(self.count), self.bead)

    @property
    def sizes(self) -> Int[np.ndarray, " groups"]:
        """Atoms in each group."""
        return np.bincount(self.label, minlength=self.count)

    @property
    def representative(self) -> Int[np.ndarray, " groups"]:
        """One atom of each group."""
        return np.unique(self.label, return_index=True)[1]


def bead_groups(label: Int[np.ndarray, " atoms"], alpha: Int[np.ndarray, " beads"], where: str) -> Groups:
    """Check that every bead has a rigid group of its own.

    Raises:
        UserError: two Cα are tied by constraints, so no valid map exists.
    """
    bead = label[alpha]
    if len(np.unique(bead)) < len(bead):
        raise UserError(
            f"{where}: two Cα atoms are tied by constraints, so their forces cannot be told apart; "
            "check project.constraints and the bonds of the topology"
        )
    return Groups(label, bead, alpha)


def group_forces(F: Float[np.ndarray, "frames atoms 3"], groups: Groups) -> Float64[np.ndarray, "groups rows"]:
    """Summed force of each rigid group [kcal/mol/Å]; rows are 3 × frames."""
    atoms = len(groups.label)
    tie = scipy.sparse.csr_array((np.ones(atoms), (groups.label, np.arange(atoms))), shape=(groups.count, atoms))
    by_atom = np.empty((atoms, len(F), 3))
    by_atom[:] = F.transpose(1, 0, 2)  # reorders and converts in one go
    return tie @ by_atom.reshape(atoms, -1)


def uniform_coefficients(groups: Groups) -> Float64[np.ndarray, "beads groups"]:
    """Group coefficients of the uniform map: 1 on the own group, 0 elsewhere."""
    coefficients = np.zeros((len(groups.bead), groups.count))
    coefficients[np.arange(len(groups.bead)), groups.bead] = 1.0
    return coefficients


def optimal_coefficients(
    gram: Float64[np.ndarray, "groups groups"], groups: Groups, ridge: float, where: str
) -> Float64[np.ndarray, "beads groups"]:
    """Group coefficients of the optimal map.

    Args:
        gram: mean Gram matrix of the group forces [(kcal/mol/Å)²].
        groups: rigid groups and beads.
        ridge: λ [(kcal/mol/Å)²] of λ‖W‖².
        where: protein, for the error message.

    Raises:
        UserError: the free groups' forces are linearly dependent, so that the map is not unique.
    """
    free, coefficients = groups.free, uniform_coefficients(groups)
    if not len(free):
        return coefficients
    rows = gram[free]
    P_ff, P_fc = np.take(rows, free, axis=1), np.take(rows, groups.bead, axis=1)
    np.einsum("ii->i", P_ff)[:] += ridge * groups.sizes[free]
    scale = np.sqrt(np.diag(P_ff))
    scale = np.where(scale > 0.0, scale, 1.0)
    P_ff /= scale[:, None]
    P_ff /= scale
    try:
        factor = scipy.linalg.cho_factor(P_ff.T, lower=True, overwrite_a=True)  # in place: the transpose is Fortran's
        dependent = bool((np.diag(factor[0]) ** 2 < DEPENDENT_BELOW).any())
    except scipy.linalg.LinAlgError:
        dependent = True
    if dependent:
        raise dependent_forces(where)
    solution = scipy.linalg.cho_solve(factor, P_fc / scale[:, None])
    coefficients[:, free] = -(solution / scale[:, None]).T
    return coefficients


def dependent_forces(where: str) -> UserError:
    """What to say where some groups' forces are a linear function of others'."""
    return UserError(
        f"{where}: the forces on its atoms are linearly dependent, so the map of least noise is not unique (too few "
        "different frames?); use more frames, set project.ridge, or choose project.map: uniform"
    )


def atom_map(coefficients: Float64[np.ndarray, "beads groups"], groups: Groups) -> Float64[np.ndarray, "beads atoms"]:
    """W: every atom gets its group's coefficient."""
    return coefficients[:, groups.label]


def slice_map(groups: Groups) -> Float64[np.ndarray, "beads atoms"]:
    """W of the slice map: 1 on the own Cα, 0 elsewhere."""
    W = np.zeros((len(groups.alpha), len(groups.label)))
    W[np.arange(len(groups.alpha)), groups.alpha] = 1.0
    return W


def check_map(W: Float64[np.ndarray, "beads atoms"], groups: Groups, *, tied: bool, tolerance: float = 0.0) -> None:
    """Raise AssertionError unless W is 1 on the own Cα and 0 on the others' and, if ``tied``, equal in rigid groups."""
    if not np.allclose(W[:, groups.alpha], np.eye(len(groups.alpha)), rtol=0.0, atol=tolerance):
        raise AssertionError("force map: not 1 on the own Cα and 0 on the other beads'")
    if tied and not np.allclose(W, W[:, groups.representative[groups.label]], rtol=0.0, atol=tolerance):
        raise AssertionError("force map: unequal coefficients within a rigid group")


def mapped_rms(coefficients: Float64[np.ndarray, "beads groups"], gram: Float64[np.ndarray, "groups groups"]) -> float:
    """RMS per component [kcal/mol/Å] of the bead forces over the rows that ``gram`` averages: √ mean_I (w_I P w_Iᵀ)."""
    return float(np.sqrt(np.vdot(coefficients @ gram, coefficients) / len(coefficients)))
