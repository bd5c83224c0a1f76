"""Whether bead forces are mean forces, seen along bonds: sharp where the Yvon–Born–Green identity of pairs is noisy.

For any vector field v of the positions, integration by parts of the Boltzmann weight gives ⟨F·v⟩ = −kT ⟨∇·v⟩ for every
unbiased force map. With v moving the two beads of a bond apart by ±½ (r − r₀) u each, r their distance and u the unit
vector between them,

    ⟨½ (F_J − F_I)·u (r − r₀)⟩ = −kT ⟨1 + 2 (r − r₀)/r⟩,

for any r₀; here it is the mean length of the bond. This is the equipartition of the bond's vibration: the ratio of both
sides is 1, with an error of a few hundredths from some hundred frames, since bonds are in equilibrium within a
picosecond whatever the fold. Forces in another unit or of the other sign give another ratio, those of other frames 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cgpipe.physics.yvon_born_green import PIECE, SAMPLES, blocks
from cgpipe.units import thermal_energy

RIGID_BELOW = 0.01
"""A bond whose length varies (standard deviation) by less does not vibrate [Å]."""
SAMPLED = 1000
"""Frames from which r₀ is taken."""


@dataclass(frozen=True)
class BondRatio:
    """Left side over right side, its error by a bootstrap over blocks of frames, and how many frames there were."""

    ratio: float
    error: float
    frames: int


@dataclass(frozen=True)
class BondWork:
    """Both sides of the identity in every frame, averaged over the bonds that vibrate [kcal/mol]."""

    measured: Float[np.ndarray, " frames"]
    exact: Float[np.ndarray, " frames"]
    trajectory: Int[np.ndarray, " frames"]

    def ratio(self, chosen: Bool[np.ndarray, " frames"]) -> BondRatio | None:
        """The ratio over some frames; None where they are too few for an error."""
        block = blocks(self.trajectory[chosen])
        if block.max(initial=0) < 1:
            return None
        left, right = (np.bincount(block, weights=side[chosen]) for side in (self.measured, self.exact))
        count = len(left)
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=SAMPLES)
        spread = float(((drawn @ left) / (drawn @ right)).std(ddof=1))
        return BondRatio(float(left.sum() / right.sum()), spread, int(chosen.sum()))


def bond_work(
    R: Float[np.ndarray, "frames beads 3"],
    F: Float[np.ndarray, "frames beads 3"],
    chain: Int[np.ndarray, " beads"],
    residue: Int[np.ndarray, " beads"],
    temperature: Float[np.ndarray, " frames"],
    trajectory: Int[np.ndarray, " frames"],
) -> BondWork | None:
    """Both sides of the identity in every frame; None where no bond vibrates.

    Args:
        R: positions [Å].
        F: projected forces [kcal/mol/Å].
        chain, residue: of the beads; consecutive residue numbers are bonded.
        temperature: of the frames [K].
        trajectory: of the frames, in order.
    """
    first = np.flatnonzero((np.diff(residue) == 1) & (np.diff(chain) == 0))
    some = R[:: max(1, len(R) // SAMPLED)].astype(np.float64)
    length = np.linalg.norm(some[:, first + 1] - some[:, first], axis=-1)
    vibrates = length.std(axis=0) > RIGID_BELOW
    if not vibrates.any():
        return None
    first, mean = first[vibrates], length.mean(axis=0)[vibrates]
    measured, exact = np.zeros(len(R)), np.zeros(len(R))
    for start in range(0, len(R), PIECE):
        piece = slice(start, start + PIECE)
        apart, pull = (x[piece, first + 1].astype(np.float64) - x[piece, first] for x in (R, F))
        distance = np.sqrt(np.einsum("fbi,fbi->fb", apart, apart))
        stretched = (distance - mean) / distance
        measured[piece] = (np.einsum("fbi,fbi->fb", pull, apart) * stretched).mean(axis=1) / 2
        exact[piece] = -thermal_energy(1.0) * temperature[piece] * (1 + 2 * stretched).mean(axis=1)
    return BondWork(measured, exact, trajectory)
