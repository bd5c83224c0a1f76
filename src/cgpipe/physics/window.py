"""The window map: bead I takes forces from residues I−w … I+w only, and from those with the least noise.

The force on a Cα is correlated with those of its neighbourhood along the chain; coefficients farther away have little
to remove and much to fit to chance. With some 30 coefficients per bead instead of all groups, the map needs far fewer
frames, and time and memory are linear in the atoms. The closed form is that of the optimal map, on the window's block
of the Gram matrix: w_c = e_I, w_f = −P_ff⁻¹ P_fI with f the window's groups that hold no bead.

Residues are neighbours where a bond joins them, so a window ends at a gap in the chain, takes in caps that are residues
of their own, and reaches across a disulphide bridge.
"""

import numpy as np
import scipy.sparse
from jaxtyping import Float64, Int

from cgpipe.data.atoms import Atoms
from cgpipe.physics.forcemap import DEPENDENT_BELOW, Groups, dependent_forces
from cgpipe.physics.gram import PADDED, LocalGram


def own_windows(groups: Groups) -> Int[np.ndarray, "beads 1"]:
    """Windows of the own group alone: enough for the uniform map."""
    return groups.bead[:, None]


def residue_windows(atoms: Atoms, groups: Groups, reach: int) -> Int[np.ndarray, "beads width"]:
    """Groups that a bead's force may be taken from: its own first, then those without a bead in its window.

    Args:
        atoms: the protein's atoms.
        groups: rigid groups and beads.
        reach: w, residues on each side.

    Returns:
        A row per bead, filled up with ``PADDED``. A group counts where all of its atoms are in the window.
    """
    residue = atoms.member
    count = int(residue.max()) + 1
    pairs = residue[atoms.bonds]
    joined = scipy.sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).toarray()
    step = (joined + joined.T + np.eye(count)) > 0
    near = np.eye(count, dtype=bool)
    for _ in range(reach):
        near = (near.astype(np.float32) @ step.astype(np.float32)) > 0
    holds = np.zeros((groups.count, count), dtype=np.float32)
    holds[groups.label, residue] = 1.0
    inside = (holds @ (~near).astype(np.float32)) == 0
    free = np.isin(np.arange(groups.count), groups.free)
    rows = [
        np.concatenate([[own], np.flatnonzero(free & inside[:, residue[alpha]])])
        for own, alpha in zip(groups.bead, groups.alpha, strict=True)
    ]
    windows = np.full((len(rows), max(map(len, rows))), PADDED, dtype=np.int64)
    for bead, row in enumerate(rows):
        windows[bead, : len(row)] = row
    return windows


def free_in_windows(windows: Int[np.ndarray, "beads width"]) -> int:
    """The largest number of free coefficients of a bead."""
    return int((windows != PADDED).sum(axis=1).max()) - 1


def window_coefficients(
    gram: LocalGram, groups: Groups, ridge: float, where: str, *, without: int | None = None
) -> Float64[np.ndarray, "beads width"]:
    """Coefficients of the window map on the groups that ``gram.windows`` lists.

    Args:
        gram: of the windows.
        groups: rigid groups and beads.
        ridge: λ [(kcal/mol/Å)²] of λ‖W‖².
        where: protein, for the error message.
        without: fold that the fit must not see.

    Raises:
        UserError: the forces in a window are linearly dependent, so that the map is not unique.
    """
    beads, width = gram.windows.shape
    real = gram.windows != PADDED
    coefficients = np.zeros((beads, width))
    coefficients[:, 0] = 1.0
    if width == 1:
        return coefficients
    diagonal = np.arange(width)
    regularised = gram.mean(without=without)
    regularised[:, diagonal, diagonal] += np.where(real, ridge * groups.sizes[gram.windows], 1.0)
    P_ff, P_fc = regularised[:, 1:, 1:], regularised[:, 1:, 0]
    scale = np.sqrt(np.einsum("iff->if", P_ff))
    scale = np.where(scale > 0.0, scale, 1.0)
    P_ff = P_ff / (scale[:, :, None] * scale[:, None, :])
    try:
        factor = np.linalg.cholesky(P_ff)
    except np.linalg.LinAlgError:
        raise dependent_forces(where) from None
    if (np.einsum("iff->if", factor) ** 2 < DEPENDENT_BELOW).any():
        raise dependent_forces(where)
    coefficients[:, 1:] = -np.linalg.solve(P_ff, (P_fc / scale)[:, :, None])[:, :, 0] / scale
    return coefficients


def spread(
    local: Float64[np.ndarray, "beads width"], windows: Int[np.ndarray, "beads width"], groups: Groups
) -> Float64[np.ndarray, "beads groups"]:
    """Coefficients on a window's groups as coefficients on all groups."""
    coefficients = np.zeros((len(windows), groups.count))
    bead, slot = np.nonzero(windows != PADDED)
    coefficients[bead, windows[bead, slot]] = local[bead, slot]
    return coefficients
