"""The projected protein: positions and mapped forces of its beads, where every frame came from, and the force map.

One HDF5 file per protein, kind ``projection``; the datasets have the names of the fields below, ``quality`` is JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float32, Float64, Int, Int32

from cgpipe.artefact import create_h5, open_h5
from cgpipe.data.one_temperature import same_temperature
from cgpipe.errors import UserError
from cgpipe.units import UNITS

ARRAYS = ("R", "F", "chain", "residue", "temperature", "trajectory", "frame", "W")
TEXTS = ("residue_name", "trajectories", "atom_name", "atom_residue")


@dataclass(frozen=True)
class Projection:
    """Beads of one protein over all its frames.

    ``R`` [Å] and ``F`` [kcal/mol/Å]; ``residue`` numbers are consecutive exactly where beads are bonded;
    ``trajectory`` indexes ``trajectories`` (``temperature/replica``), ``frame`` counts in the source; ``W`` is the
    force map, with a column per atom named by ``atom_name`` and ``atom_residue``; ``quality`` holds the figures of the
    projection.
    """

    protein: str
    R: Float32[np.ndarray, "frames beads 3"]
    F: Float32[np.ndarray, "frames beads 3"]
    residue_name: tuple[str, ...]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]
    temperature: Float32[np.ndarray, " frames"]
    trajectories: tuple[str, ...]
    trajectory: Int32[np.ndarray, " frames"]
    frame: Int32[np.ndarray, " frames"]
    W: Float64[np.ndarray, "beads atoms"]
    atom_name: tuple[str, ...]
    atom_residue: tuple[str, ...]
    quality: dict[str, Any]

    def __len__(self) -> int:
        return len(self.R)

    @property
    def beads(self) -> int:
        """Number of beads."""
        return len(self.residue_name)

    def reference_temperature(self) -> float:
        """The temperature [K] with the most frames, the lowest of equals."""
        temperatures, frames = np.unique(self.temperature, return_counts=True)
        return float(temperatures[np.argmax(frames)])

    def reference_at(self, temperature: float) -> "Projection":
        """The frames that a simulation at a temperature [K] is compared with: those of the same one, else the most."""
        same = same_temperature(self.temperature, temperature).any()
        return self.of_temperature(temperature if same else self.reference_temperature())

    def of_temperature(self, temperature: float) -> "Projection":
        """The frames at one temperature [K].

        Raises:
            UserError: there are none.
        """
        kept = same_temperature(self.temperature, temperature)
        if not kept.any():
            raise UserError(
                f"{self.protein}: no frames at {temperature:g} K; there are {np.unique(self.temperature).tolist()} K"
            )
        return self.take(np.flatnonzero(kept))

    def take(self, frames: Int[np.ndarray, " some"]) -> "Projection":
        """Some of its frames, in the order of their numbers here."""
        names = ("R", "F", "temperature", "trajectory", "frame")
        return replace(self, **{name: getattr(self, name)[frames] for name in names})


def write_projection(path: Path, projection: Projection, head: Mapping[str, Any]) -> None:
    """Write a projection atomically."""
    with create_h5(path, head) as file:
        file.attrs["protein"] = projection.protein
        file.attrs["quality"] = json.dumps(projection.quality, allow_nan=False)
        for name in ARRAYS:
            file.create_dataset(name, data=getattr(projection, name))
        for name in TEXTS:
            file.create_dataset(name, data=list(getattr(projection, name)), dtype=h5py.string_dtype())


def read_projection(path: Path) -> Projection:
    """Read a projection.

    Raises:
        UserError: not a projection, other units, or damaged.
    """
    with open_h5(path, "projection") as file:
        units = json.loads(file.attrs["cgpipe"])["units"]
        if units != UNITS:
            raise UserError(f"{path}: units {units}, but this cgpipe computes in {UNITS}; rerun the project stage")
        try:
            fields: dict[str, Any] = {name: file[name][()] for name in ARRAYS}
            fields |= {name: tuple(file[name].asstr()[()]) for name in TEXTS}
            fields |= {"protein": str(file.attrs["protein"]), "quality": json.loads(file.attrs["quality"])}
        except (KeyError, OSError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"{path}: damaged ({error}); rerun the project stage") from None
    _check_shapes(path, fields)
    return Projection(**fields)


def _check_shapes(path: Path, fields: Mapping[str, Any]) -> None:
    """Refuse arrays that do not belong together."""
    frames, beads = len(fields["temperature"]), len(fields["residue_name"])
    expected: dict[str, tuple[int, ...]] = dict.fromkeys(("temperature", "trajectory", "frame"), (frames,))
    expected |= {"R": (frames, beads, 3), "F": (frames, beads, 3), "chain": (beads,), "residue": (beads,)}
    for name, shape in expected.items():
        if fields[name].shape != shape:
            raise UserError(
                f"{path}: damaged ({name} has the shape {fields[name].shape}, expected {shape}); "
                "rerun the project stage"
            )
