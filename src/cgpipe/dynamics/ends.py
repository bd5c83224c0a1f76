"""How a run ends, whatever runs it: with its last step, or because the molecule ceased to be one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from cgpipe.deploy.program import Evaluated

UNCERTAIN = "uncertain.xyz"
"""Frames on which the members of an ensemble disagree."""


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
        means: mean length of each bond, by kind of bond where there are several; the nearest one counts [Å].
        tolerance: largest deviation [Å].
        largest: deviation so far [Å].
    """

    def __init__(self, bonded: Bool[np.ndarray, " pairs"], means: Float[np.ndarray, "*kinds bonds"], tolerance: float):
        """Watch bonds.

        Args:
            bonded: whether rows i and i+1 are bonded.
            means: mean length of each bond, or by kind of bond (`peptide_bonds.mean_lengths`) [Å].
            tolerance: largest deviation [Å].
        """
        self.rows = np.flatnonzero(bonded)
        self.means = np.atleast_2d(means)
        self.tolerance = tolerance
        self.largest = 0.0

    def check(self, R: Float[np.ndarray, "beads 3"], step: int) -> None:
        """Raise Death when a bond at positions R [Å] is broken."""
        if len(self.rows) == 0:
            return
        vectors = R[self.rows + 1] - R[self.rows]
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        deviations = np.abs(lengths - self.means).min(axis=0)
        worst = int(deviations.argmax())
        self.largest = max(self.largest, float(deviations[worst]))
        if not deviations[worst] <= self.tolerance:
            raise Death(step, self.broken(worst, float(deviations[worst])))

    def broken(self, bond: int, deviation: float) -> str:
        """Why a molecule died whose bond of this number deviates so much [Å]."""
        row = int(self.rows[bond])
        return (
            f"the bond of beads {row} and {row + 1} is {deviation:.2f} Å off its mean "
            f"of {self.means[0, bond]:.2f} Å (tolerance {self.tolerance} Å)"
        )


class SpreadWatch:
    """How far the members of an ensemble disagree about forces; beyond a limit, frames are written and a run may end.

    Frames go to ``uncertain.xyz`` in the working folder, in extended XYZ with forces and spread: the first beyond the
    limit, then at most one in every ``every`` steps.

    Attributes:
        limit: largest spread of a bead's force [kcal/mol/Å].
        stop: whether a spread beyond it is a death.
        steps: how many were beyond it.
        largest: spread so far [kcal/mol/Å].
    """

    def __init__(self, limit: float, stop: bool, every: int, names: Sequence[str]):
        """Watch the spread.

        Args:
            limit: largest spread of a bead's force [kcal/mol/Å].
            stop: whether a spread beyond it is a death.
            every: fewest steps between two frames that are written.
            names: of the beads, for the file.
        """
        self.limit, self.stop = limit, stop
        self.steps, self.largest = 0, 0.0
        self._every, self._names, self._written = every, names, -every

    def check(self, R: Float[np.ndarray, "beads 3"], found: Evaluated, step: int) -> None:
        """Look at one step; raise Death beyond the limit if that is what happens there."""
        if found.spread is None:
            raise ValueError("the spread of forces is watched, but the program has one member only")
        worst = float(found.spread.max())
        self.largest = max(self.largest, worst)
        if worst <= self.limit:
            return
        self.steps += 1
        if step - self._written >= self._every:
            self._written = step
            self._write(R, found, step)
        if self.stop:
            bead = int(found.spread.argmax())
            raise Death(
                step,
                f"the members' forces on bead {bead} are {worst:.3g} kcal/mol/Å apart (simulate.spread_limit "
                f"{self.limit:g}); the frame is in {UNCERTAIN}",
            )

    def restart(self) -> None:
        """Forget what was before, e.g. the minimisation."""
        self.steps, self.largest, self._written = 0, 0.0, -self._every
        Path(UNCERTAIN).unlink(missing_ok=True)

    def _write(self, R: Float[np.ndarray, "beads 3"], found: Evaluated, step: int) -> None:
        rows = np.column_stack([R, found.forces, np.asarray(found.spread)])
        lines = [f"{name} " + " ".join(f"{x:.6f}" for x in row) for name, row in zip(self._names, rows, strict=True)]
        head = f'Properties=species:S:1:pos:R:3:forces:R:3:spread:R:1 step={step} energy={found.energy:.6f} pbc="F F F"'
        with Path(UNCERTAIN).open("a") as file:
            file.write("\n".join([str(len(R)), head, *lines]) + "\n")


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        death: None when it ran to its end.
        steps: MD steps done.
        seconds: wall time of the dynamics.
        model_share: part of it that was spent in the program; None where dynamics and program are one.
        max_bond_deviation: largest deviation of a bond from its mean in the dynamics [Å].
        spread: largest spread of forces over an ensemble's members [kcal/mol/Å], and how many steps were beyond the
            limit; None where it was not watched.
    """

    death: Death | None
    steps: int
    seconds: float
    model_share: float | None
    max_bond_deviation: float
    spread: tuple[float, int] | None = None
