"""Parts of a run on disk: what was kept since the last part, and the state after it.

A part appears whole or not at all, so whenever a run is killed, the parts in its folder are its beginning, and it goes
on from the last of them to the very numbers of a run that was never interrupted.
"""

import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cgpipe.artefact import write_npz
from cgpipe.dynamics.batch import Replicas
from cgpipe.dynamics.guard import Fate
from cgpipe.errors import UserError
from cgpipe.physics.langevin import State


class Kept(NamedTuple):
    """Frames of all replicas: MD steps, positions [Å], potential and kinetic energies [kcal/mol]."""

    step: Int64[np.ndarray, " frames"]
    R: Float32[np.ndarray, "frames replicas beads 3"]
    potential: Float64[np.ndarray, "frames replicas"]
    kinetic: Float64[np.ndarray, "frames replicas"]


class Progress(NamedTuple):
    """How far a run has come: steps done, wall time they took [s], and the replicas after them."""

    step: int
    seconds: float
    replicas: Replicas


class Parts:
    """The parts of one run in a folder of their own."""

    def __init__(self, folder: Path, identity: str):
        """Take over a folder; parts of another run in it are deleted.

        Args:
            folder: for the parts.
            identity: a text that differs between any two runs with different results.
        """
        self._folder = folder
        self._identity = identity
        paths = sorted(folder.glob("part-*.npz"))
        if paths and self._member(paths[0], "identity") != identity:
            print(f"note: {folder} holds a run with other settings, inputs or code; starting anew", file=sys.stderr)
            self.remove()
            paths = []
        self._paths = paths

    def add(self, kept: Kept, progress: Progress) -> None:
        """Write one more part."""
        motion, energy, fate = progress.replicas
        path = self._folder / f"part-{len(self._paths):06d}.npz"
        content = {
            "identity": np.array(self._identity),
            "done": np.array(progress.step),
            "seconds": np.array(progress.seconds),
            "energy": energy,
            **{f"kept_{name}": values for name, values in kept._asdict().items()},
            **{f"motion_{name}": values for name, values in motion._asdict().items()},
            **{f"fate_{name}": values for name, values in fate._asdict().items()},
        }
        write_npz(path, content)
        self._paths.append(path)

    def progress(self) -> Progress | None:
        """State after the last part; None where there is none."""
        if not self._paths:
            return None
        path = self._paths[-1]
        motion = State(*(self._member(path, f"motion_{name}") for name in State._fields))
        fate = Fate(*(self._member(path, f"fate_{name}") for name in Fate._fields))
        replicas = Replicas(motion, self._member(path, "energy"), fate)
        return Progress(int(self._member(path, "done")), float(self._member(path, "seconds")), replicas)

    def kept(self) -> Iterator[Kept]:
        """All frames, part by part."""
        for path in self._paths:
            yield Kept(*(self._member(path, f"kept_{name}") for name in Kept._fields))

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _member(self, path: Path, name: str) -> Any:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return archive[name]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: damaged ({error}); delete {self._folder} to begin this run again") from None


def stacked(frames: Sequence[tuple[int, Replicas, Float64[np.ndarray, " replicas"]]]) -> Kept:
    """Frames as arrays, from steps, replicas and their kinetic energies."""
    return Kept(
        np.array([step for step, _, _ in frames], np.int64),
        np.array([replicas.motion.R for _, replicas, _ in frames], np.float32),
        np.array([replicas.energy for _, replicas, _ in frames]),
        np.array([kinetic for _, _, kinetic in frames]),
    )
