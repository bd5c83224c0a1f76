"""How a run ends, whatever runs it: with its last step, or because the molecule ceased to be one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


class Death(Exception):
    """The simulated molecule ceased to be one; a result, not a mistake.

    Attributes:
        step: at which MD step.
        reason: in one line.
    """

    def __init__(self, step: int, reason: str):
        super().__init__(f"step {step}: {reason}")
        self.step = step
        self.reason = reason


class BondWatch:
    """Largest deviation of the distances between bonded rows from their means; too large a one is a death.

    Attributes:
        rows: of the first bead of each bond; the second is in the next row.
        means: mean length of each bond [Å].
        tolerance: largest deviation [Å].
        largest: deviation so far [Å].
    """

    def __init__(self, bonded: Bool[np.ndarray, " pairs"], means: Float[np.ndarray, " bonds"], tolerance: float):
        """Watch bonds.

        Args:
            bonded: whether rows i and i+1 are bonded.
            means: mean length of each bond [Å].
            tolerance: largest deviation [Å].
        """
        self.rows = np.flatnonzero(bonded)
        self.means = means
        self.tolerance = tolerance
        self.largest = 0.0

    def check(self, R: Float[np.ndarray, "beads 3"], step: int) -> None:
        """Raise Death when a bond at positions R [Å] is broken."""
        if len(self.rows) == 0:
            return
        vectors = R[self.rows + 1] - R[self.rows]
        deviations = np.abs(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) - self.means)
        worst = int(deviations.argmax())
        self.largest = max(self.largest, float(deviations[worst]))
        if not deviations[worst] <= self.tolerance:
            raise Death(step, self.broken(worst, float(deviations[worst])))

    def broken(self, bond: int, deviation: float) -> str:
        """Why a molecule died whose bond of this number deviates so much [Å]."""
        row = int(self.rows[bond])
        return (
            f"the bond of beads {row} and {row + 1} is {deviation:.2f} Å off its mean "
            f"of {self.means[bond]:.2f} Å (tolerance {self.tolerance} Å)"
        )


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        death: None when it ran to its end.
        steps: MD steps done.
        seconds: wall time of the dynamics.
        model_share: part of it that was spent in the program; None where dynamics and program are one.
        max_bond_deviation: largest deviation of a bond from its mean in the dynamics [Å].
    """

    death: Death | None
    steps: int
    seconds: float
    model_share: float | None
    max_bond_deviation: float
