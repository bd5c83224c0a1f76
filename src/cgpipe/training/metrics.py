"""How good forces are on a set of frames: MSE, RMSE and R², over everything and per protein.

R² = 1 − Σ (f − F)² / Σ F². Forces have zero mean by symmetry, so the model "no force" scores exactly 0. Labels are
noisy samples of the mean force: R² has a ceiling well below 1 that no model can pass.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float, Int
from numpy import ndarray

from cgpipe.data.prefetch import Prefetch
from cgpipe.data.stored import Source
from cgpipe.model.potential import Potential
from cgpipe.training.devices import local_part, on_devices
from cgpipe.training.feed import Batch, gather
from cgpipe.training.loss import FrameErrors

IN_FLIGHT = 3
"""Batches whose errors are not waited for yet: enough to keep devices busy."""


@dataclass(frozen=True)
class Score:
    """Sums over real components of a set of frames, in float64."""

    error2: float
    label2: float
    components: float

    @property
    def mse(self) -> float:
        """Mean squared error per component [(kcal/mol/Å)²]."""
        return self.error2 / self.components

    @property
    def rmse(self) -> float:
        """Root of it [kcal/mol/Å]."""
        return self.mse**0.5

    @property
    def r2(self) -> float:
        """Share of Σ F² that is explained; 0 where all labels are zero."""
        return 1.0 - self.error2 / self.label2 if self.label2 else 0.0


@dataclass(frozen=True)
class Scores:
    """Score of a whole set, of each protein, and of each temperature [K] in it."""

    total: Score
    by_protein: dict[str, Score]
    by_temperature: dict[str, Score]

    def summary(self, prefix: str) -> dict[str, float | dict[str, float]]:
        """Keys for the metrics file, each beginning with ``prefix``."""
        found: dict[str, float | dict[str, float]] = {
            f"{prefix}_mse": self.total.mse,
            f"{prefix}_rmse": self.total.rmse,
            f"{prefix}_r2": self.total.r2,
            f"{prefix}_r2_by_protein": {name: score.r2 for name, score in self.by_protein.items()},
            f"{prefix}_rmse_by_protein": {name: score.rmse for name, score in self.by_protein.items()},
        }
        if len(self.by_temperature) > 1:
            found[f"{prefix}_r2_by_temperature"] = {name: score.r2 for name, score in self.by_temperature.items()}
        return found


def evaluate(
    evaluation: Callable[[Potential, Batch], FrameErrors],
    parameters: Potential,
    buckets: Sequence[Source],
    proteins: Sequence[str],
    size: int,
    mesh: Mesh,
) -> Scores:
    """Scores of a model on all frames.

    Args:
        evaluation: compiled force errors of a batch.
        parameters: what it takes.
        buckets: frames by length, one or more in all.
        proteins: names, in the order of the frames' index.
        size: frames per batch, a multiple of the number of devices.
        mesh: devices that share a batch.
    """
    temperatures = np.unique(np.concatenate([frames.temperature for frames in buckets]))
    sums = np.zeros((len(proteins), len(temperatures), 3))
    part = local_part(mesh, size)
    coming: deque[tuple[tuple[Int[ndarray, " some"], Int[ndarray, " some"]], FrameErrors]] = deque()

    def add_oldest() -> None:
        cells, errors = coming.popleft()
        np.add.at(sums, cells, _columns(errors)[: len(cells[0])])

    for frames in buckets:
        count = len(frames.protein)

        def made(start: int, frames: Source = frames, count: int = count) -> tuple[Int[ndarray, " some"], Batch]:
            rows = np.arange(start, min(start + size, count))
            return rows, on_devices(gather(frames, rows, size, part), mesh)

        with Prefetch(map(made, range(0, count, size))) as batches:
            for rows, batch in batches:
                cells = frames.protein[rows], np.searchsorted(temperatures, frames.temperature[rows])
                coming.append((cells, evaluation(parameters, batch)))
                if len(coming) > IN_FLIGHT:
                    add_oldest()
    while coming:
        add_oldest()
    kelvin = [f"{one:g}" for one in temperatures]
    of_proteins = sums.sum(1)
    total = Score(*of_proteins.sum(0).tolist())
    return Scores(total, _named(proteins, of_proteins), _named(kelvin, sums.sum(0)))


def _named(names: Sequence[str], sums: Float[ndarray, "names 3"]) -> dict[str, Score]:
    return {name: Score(*row.tolist()) for name, row in zip(names, sums, strict=True) if row[2]}


def _columns(errors: FrameErrors) -> Float[ndarray, "frames 3"]:
    return np.stack([np.asarray(x, np.float64) for x in (errors.error2, errors.label2, errors.components)], axis=1)
