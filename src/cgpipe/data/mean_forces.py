"""Labels without much noise: mean forces at fixed positions of the beads, to test on or to train on.

NPZ with ``R`` (configurations × beads × 3) [Å]; ``F_opt``, the mean of the projected force over samples of everything
but the beads [kcal/mol/Å]; ``se_opt``, its standard error; ``temperature`` [K] per configuration; ``resname`` per bead;
and optionally ``slow_sd_opt``, the error from motions slower than the sampling, which no block average sees,
``sd_opt``, the standard deviation of single samples, and ``trajectory``, the name of the run that each configuration
was taken from (``temperature/replica``). Everything else in the file is left alone.
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64
from scipy.spatial import cKDTree

from cgpipe.data.projection import Projection
from cgpipe.data.species import canonical_residue
from cgpipe.errors import UserError
from cgpipe.residues import without_state

REQUIRED = ("R", "F_opt", "se_opt", "temperature", "resname")
OPTIONAL = ("slow_sd_opt", "sd_opt", "trajectory")
TEXTS = ("resname", "trajectory")

SAME = 0.02
"""Frames whose beads' distances all differ by less than this [Å] are one, within the rounding of coordinates."""

SEPARATION = 4
"""Distances are compared between beads up to so many apart in the list."""


@dataclass(frozen=True)
class MeanForces:
    """Mean forces of one protein at some configurations.

    Attributes:
        R: positions of the beads [Å].
        F: mean forces [kcal/mol/Å].
        error2: variance of each of their components [(kcal/mol/Å)²], slow motions included.
        noise2: variance of a single sample of each component; None where the file does not say.
        temperature: [K].
        residue_name: in the vocabulary's names.
        trajectory: the run that each configuration was taken from; None where the file does not say.
    """

    R: Float64[np.ndarray, "configurations beads 3"]
    F: Float64[np.ndarray, "configurations beads 3"]
    error2: Float64[np.ndarray, "configurations beads 3"]
    noise2: Float64[np.ndarray, "configurations beads 3"] | None
    temperature: float
    residue_name: tuple[str, ...]
    trajectory: tuple[str, ...] | None = None

    def take(self, rows: Int[np.ndarray, " some"]) -> "MeanForces":
        """Some of its configurations, in the order of their numbers here."""
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in ("R", "F", "error2")},
            noise2=None if self.noise2 is None else self.noise2[rows],
            trajectory=None if self.trajectory is None else tuple(self.trajectory[row] for row in rows),
        )


def read_mean_forces(path: Path) -> MeanForces:
    """Read mean forces.

    Raises:
        UserError: missing or damaged, arrays that do not belong together, numbers that are not finite, an error that
            is negative, or several temperatures.
    """
    found = _arrays(Path(path))
    shape = found["R"].shape
    if len(shape) != 3 or shape[0] < 1 or shape[1] < 2 or shape[2] != 3:
        raise UserError(f"{path}: R has shape {shape}, expected (configurations, beads, 3)")
    per_component = [name for name in ("F_opt", "se_opt", "sd_opt") if name in found]
    expected: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(per_component, shape),
        "temperature": shape[:1],
        "resname": shape[1:2],
        **({"trajectory": shape[:1]} if "trajectory" in found else {}),
    }
    for name, wanted in expected.items():
        if found[name].shape != wanted:
            raise UserError(f"{path}: {name} has shape {found[name].shape}, expected {wanted} to go with R")
    numbers = {name: _double(path, name, values) for name, values in found.items() if name not in TEXTS}
    if "trajectory" in found and found["trajectory"].dtype.kind not in "US":
        raise UserError(f"{path}: trajectory holds {found['trajectory'].dtype}, expected names of runs such as '348/0'")
    slow = numbers.get("slow_sd_opt", np.zeros(()))
    if slow.shape != () or slow < 0 or any(np.any(numbers[name] < 0) for name in per_component[1:]):
        raise UserError(f"{path}: a standard error or deviation is negative, or slow_sd_opt is not one number")
    if len(set(numbers["temperature"].tolist())) > 1:
        raise UserError(f"{path}: mean forces at several temperatures; give one file per temperature and protein")
    return MeanForces(
        R=numbers["R"],
        F=numbers["F_opt"],
        error2=numbers["se_opt"] ** 2 + slow**2,
        noise2=numbers["sd_opt"] ** 2 if "sd_opt" in numbers else None,
        temperature=float(numbers["temperature"][0]),
        residue_name=tuple(canonical_residue(str(name)) for name in found["resname"]),
        trajectory=tuple(found["trajectory"].astype(str).tolist()) if "trajectory" in found else None,
    )


def check_labels(
    labels: MeanForces, projection: Projection, temperatures: Float32[np.ndarray, " frames"], where: str
) -> None:
    """Refuse labels of another protein, or of a temperature that there are no frames at.

    Args:
        labels: read from a file.
        projection: the protein that they should be of.
        temperatures: of the frames that they should go with [K].
        where: what the message begins with.

    Raises:
        UserError: as said.
    """
    if labels.residue_name != tuple(map(without_state, projection.residue_name)):
        raise UserError(
            f"{where}: mean forces of {'-'.join(labels.residue_name)}, but {projection.protein} is "
            f"{'-'.join(projection.residue_name)}"
        )
    if np.float32(labels.temperature) not in temperatures:
        raise UserError(
            f"{where}: mean forces at {labels.temperature:g} K, but {projection.protein} has frames at "
            f"{', '.join(f'{t:g}' for t in np.unique(temperatures))} K"
        )


def training_weights(labels: MeanForces, where: str) -> Float64[np.ndarray, " configurations"]:
    """How many single frames each configuration's label is worth: inverse variances, in units of a single frame's.

    w = ⟨sd²⟩/⟨σ²⟩, with the noise variance of single frames averaged over all configurations, since that is what single
    frames of the trajectories have on average, and the error variance over the configuration's own components.

    Raises:
        UserError: the file has no ``sd_opt``, or noise or an error is zero.
    """
    if labels.noise2 is None:
        raise UserError(f"{where}: no sd_opt; training needs the noise of single samples to weigh mean forces by")
    noise2, error2 = labels.noise2.mean(), labels.error2.mean(axis=(1, 2))
    if noise2 == 0 or np.any(error2 == 0):
        raise UserError(f"{where}: sd_opt is zero, or se_opt and slow_sd_opt are; their ratio weighs the labels")
    return np.asarray(noise2 / error2)


def refuse_shared(training: Mapping[str, MeanForces], tests: Mapping[str, MeanForces]) -> None:
    """Refuse configurations to train on that are also tested on, under whatever name of the protein.

    Args:
        training: protein → what it gives as ``mean_force_train``.
        tests: protein → what it gives as ``mean_force``.

    Raises:
        UserError: as said; it names one of them.
    """
    for name, labels in training.items():
        for other, test in tests.items():
            if labels.residue_name == test.residue_name:
                shared = np.flatnonzero(found_in(labels.R, test.R))
                if len(shared):
                    raise UserError(
                        f"mean_force_train of {name}: {len(shared)} configurations (the first is number {shared[0]}) "
                        f"are also in mean_force of {other}, which nothing may be trained on; take them out of one"
                    )


def found_in(
    R: Float[np.ndarray, "frames beads 3"], others: Float[np.ndarray, "others beads 3"]
) -> Bool[np.ndarray, " frames"]:
    """Which frames are also among others of the same beads, wherever they lie and however they are turned."""
    return positions_in(R, others) >= 0


def positions_in(
    R: Float[np.ndarray, "frames beads 3"], others: Float[np.ndarray, "others beads 3"]
) -> Int64[np.ndarray, " frames"]:
    """Number of the other that each frame is, as `found_in` finds them; −1 where there is none."""
    nearest, number = cKDTree(_distances(others)).query(_distances(R), p=np.inf, distance_upper_bound=SAME)
    return np.where(np.isfinite(nearest), number, -1)


def _distances(R: Float[np.ndarray, "frames beads 3"]) -> Float64[np.ndarray, "frames pairs"]:
    R = R.astype(np.float64)
    apart = range(1, min(SEPARATION, R.shape[1] - 1) + 1)
    return np.concatenate([np.linalg.norm(R[:, k:] - R[:, :-k], axis=-1) for k in apart], axis=1)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as archive:
            missing = [name for name in REQUIRED if name not in archive.files]
            if missing:
                raise UserError(f"{path}: no {', '.join(missing)}; expected the arrays {', '.join(REQUIRED)}")
            return {name: archive[name] for name in (*REQUIRED, *OPTIONAL) if name in archive.files}
    except UserError:
        raise
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: cannot be read as NPZ (truncated or damaged?): {error}") from None


def _double(path: Path, name: str, values: np.ndarray) -> Float64[np.ndarray, "..."]:
    if values.dtype.kind not in "iuf" or not np.all(np.isfinite(values)):
        raise UserError(f"{path}: {name} holds something that is no finite number")
    return values.astype(np.float64)
