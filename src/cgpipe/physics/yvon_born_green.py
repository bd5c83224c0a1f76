"""Whether bead forces are mean forces: the Yvon–Born–Green identity, exact for every pair of beads in equilibrium.

    ⟨(F_J − F_I)·u_IJ / 2⟩ = −2 kT ⟨1/d_IJ⟩

with u_IJ the unit vector from I to J and d_IJ their distance. It follows from integration by parts of the Boltzmann
weight along u_IJ and holds for every unbiased force map, however noisy. Wrong signs, units, constraints or
coefficients break it; so do frames that are not an equilibrium ensemble.
"""

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Int

from cgpipe.units import thermal_energy

SEPARATIONS = (1, 2, 3)
BLOCKS = 50
"""About so many blocks of consecutive frames, none across trajectories."""
SAMPLES = 1000
PIECE = 500
"""Frames at a time, so that what is computed of them stays in a cache."""


@dataclass(frozen=True)
class Identity:
    """Both sides of the identity, averaged over frames and pairs, their difference and its error [kcal/mol/Å]."""

    measured: float
    exact: float
    difference: float
    error: float


def check_identity(
    R: Float[np.ndarray, "frames beads 3"],
    F: Float[np.ndarray, "frames beads 3"],
    chain: Int[np.ndarray, " beads"],
    residue: Int[np.ndarray, " beads"],
    temperature: Float[np.ndarray, " frames"],
    trajectory: Int[np.ndarray, " frames"],
) -> dict[str, dict[str, float]]:
    """Evaluate the identity for pairs of beads with |i−j| = 1, 2, 3 along the chain.

    Args:
        R: positions [Å].
        F: projected forces [kcal/mol/Å].
        chain, residue: of the beads; consecutive residue numbers are bonded.
        temperature: of the frames [K].
        trajectory: of the frames, in order.

    Returns:
        |i−j| → fields of `Identity`, where there are such pairs and more than one block; the error is that of a
        bootstrap over blocks.
    """
    block = blocks(trajectory)
    if block.max(initial=0) < 1:
        return {}
    found = {}
    for separation in SEPARATIONS:
        first = np.flatnonzero(
            (residue[separation:] - residue[:-separation] == separation) & (chain[separation:] == chain[:-separation])
        )
        if len(first):
            found[str(separation)] = asdict(_identity(R, F, first, separation, temperature, block))
    return found


def _identity(
    R: Float[np.ndarray, "frames beads 3"],
    F: Float[np.ndarray, "frames beads 3"],
    first: Int[np.ndarray, " pairs"],
    separation: int,
    temperature: Float[np.ndarray, " frames"],
    block: Int[np.ndarray, " frames"],
) -> Identity:
    second = first + separation
    measured, exact = np.zeros(len(R)), np.zeros(len(R))
    for start in range(0, len(R), PIECE):
        piece = slice(start, start + PIECE)
        apart, pull = (x[piece, second].astype(np.float64) - x[piece, first] for x in (R, F))
        distance = np.sqrt(np.einsum("fpi,fpi->fp", apart, apart))
        measured[piece] = (np.einsum("fpi,fpi->fp", pull, apart) / distance).mean(axis=1) / 2
        exact[piece] = -2 * thermal_energy(1.0) * temperature[piece] * (1 / distance).mean(axis=1)
    frames = np.bincount(block)
    sums = np.bincount(block, weights=measured - exact)
    drawn = np.random.default_rng(0).multinomial(len(frames), np.full(len(frames), 1 / len(frames)), size=SAMPLES)
    spread = (drawn @ sums) / (drawn @ frames)
    return Identity(
        measured=float(measured.mean()),
        exact=float(exact.mean()),
        difference=float((measured - exact).mean()),
        error=float(spread.std(ddof=1)),
    )


def blocks(trajectory: Int[np.ndarray, " frames"]) -> Int[np.ndarray, " frames"]:
    """Number of the block of every frame: each trajectory is cut into pieces of about equal length."""
    length = max(1, len(trajectory) // BLOCKS)
    block = np.zeros(len(trajectory), dtype=np.int64)
    following = 0
    for one in np.unique(trajectory):
        members = np.flatnonzero(trajectory == one)
        pieces = max(1, round(len(members) / length))
        block[members] = following + np.arange(len(members)) * pieces // len(members)
        following += pieces
    return block
