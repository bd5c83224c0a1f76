"""Mean forces from several independent runs at fixed beads: their errors, and whether all maps agree.

Block averages see what a run decorrelates from; what it does not (side chains in one rotamer) shows in the differences
between runs, beyond what their own errors explain.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import t as student

NEIGHBOURS = (1, 2, 3)
"""Maps are compared along the lines to the beads so many residues on."""

DOUBT = 2.9e-7
"""Probability of a difference by chance (one side) beyond which maps disagree: five standard errors of a normal."""


@dataclass(frozen=True)
class Averages:
    """Mean forces at configurations, per map, with the errors of the first map's.

    Attributes:
        F: means over all runs [kcal/mol/Å].
        se: standard error of the first map's, from blocks [kcal/mol/Å].
        sd: standard deviation of its single samples [kcal/mol/Å].
        slow_sd: error of a component from what single runs do not decorrelate from [kcal/mol/Å]; one number.
    """

    F: Float64[np.ndarray, "configurations maps beads 3"]
    se: Float64[np.ndarray, "configurations beads 3"]
    sd: Float64[np.ndarray, "configurations beads 3"]
    slow_sd: float


def average_runs(
    blocks: Float64[np.ndarray, "configurations runs blocks maps beads 3"],
    variance: Float64[np.ndarray, "configurations runs beads 3"],
) -> Averages:
    """Mean over runs.

    Args:
        blocks: means of the parts of each run [kcal/mol/Å].
        variance: of single samples in each run, first map [(kcal/mol/Å)²].
    """
    runs, parts = blocks.shape[1:3]
    by_run = blocks.mean(axis=2)
    own = blocks[:, :, :, 0].var(axis=2, ddof=1) / parts
    between = by_run[:, :, 0].var(axis=1, ddof=1)
    slow2 = max(0.0, float(np.mean(between - own.mean(axis=1))))
    return Averages(
        F=by_run.mean(axis=1),
        se=np.sqrt(own.mean(axis=1) / runs),
        sd=np.sqrt(variance.mean(axis=1) + slow2),
        slow_sd=float(np.sqrt(slow2 / runs)),
    )


@dataclass(frozen=True)
class Agreement:
    """Another map minus the first, along the lines to beads ``apart`` residues on [kcal/mol/Å]."""

    map: str
    apart: int
    difference: float
    error: float
    disagrees: bool


def compare_maps(
    blocks: Float64[np.ndarray, "configurations runs blocks maps beads 3"],
    R: Float[np.ndarray, "configurations beads 3"],
    names: tuple[str, ...],
) -> list[Agreement]:
    """Whether maps have the same mean at fixed beads, as all valid ones must (Noid et al., J. Chem. Phys. 128, 244114).

    Differences are projected onto the lines between beads, since wrong maps miss the tension along them, and averaged
    over beads; runs at configurations are the independent samples.

    Args:
        blocks: as in ``average_runs``.
        R: positions of the beads [Å].
        names: of the maps; one that has the first one's name is the same map, and left out.
    """
    by_run = blocks.mean(axis=2)
    found = []
    for number, name in enumerate(names[1:], 1):
        if name == names[0]:
            continue
        difference = by_run[:, :, number] - by_run[:, :, 0]
        for apart in NEIGHBOURS:
            if apart >= R.shape[1]:
                continue
            lines = R[:, apart:] - R[:, :-apart]
            lines = lines / np.linalg.norm(lines, axis=-1, keepdims=True)
            along = np.einsum("crbx,cbx->crb", difference[:, :, :-apart], lines).mean(axis=-1).ravel()
            error = float(along.std(ddof=1) / np.sqrt(len(along)))
            limit = error * float(student.isf(DOUBT, len(along) - 1))
            mean = float(along.mean())
            found.append(Agreement(name, apart, mean, error, bool(abs(mean) > limit)))
    return found
