"""The frames of an unfinished run, such that a kill at any moment loses and repeats nothing that was recorded.

Frames are appended to a plain file; then the state replaces the one before it in a single step. Only the frames that
the state counts exist: what a kill left behind them is cut off when the run goes on.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from cgpipe.artefact import atomic
from cgpipe.sampling.dynamics import Frames, State

CHUNK = 25
"""Frames read at a time."""


class Partial:
    """A folder with the frames so far and the state after the last of them."""

    def __init__(self, folder: Path, identity: Mapping[str, object], atoms: int) -> None:
        """Open or make the folder.

        Args:
            folder: undeclared to Snakemake, which would delete it before each attempt.
            identity: all that the frames depend on; a folder of another run is emptied, and a line says so.
            atoms: of the system.
        """
        self._folder = folder
        self._record = np.dtype([("R", "<f4", (atoms, 3)), ("F", "<f4", (atoms, 3)), ("U", "<f4")])
        self._identity = json.dumps(identity, sort_keys=True)
        self.frames = 0
        self.state = self._load()
        if self.state is None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        with self._frames_file.open("ab") as file:
            file.truncate(self.frames * self._record.itemsize)

    @property
    def _frames_file(self) -> Path:
        return self._folder / "frames.f4"

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.npz"

    def _load(self) -> State | None:
        if not self._state_file.is_file() or not self._frames_file.is_file():
            return None
        with np.load(self._state_file) as stored:
            if str(stored["identity"]) != self._identity:
                print(
                    f"note: {self._folder} holds a run with other settings, inputs or code; starting anew",
                    file=sys.stderr,
                )
                return None
            frames = int(stored["frames"])
            if self._frames_file.stat().st_size < frames * self._record.itemsize:
                return None
            self.frames = frames
            return State(
                int(stored["interval"]), stored["positions"], stored["velocities"], float(stored["temperatures"])
            )

    def append(self, frames: Frames, state: State) -> None:
        """Record a block: its frames first, then the state that makes them count."""
        rows = np.empty(len(frames.R), self._record)
        for name, values in frames._asdict().items():
            rows[name] = values
        with self._frames_file.open("ab") as file:
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())
        self.frames += len(frames.R)
        with atomic(self._state_file) as temporary:
            np.savez(temporary, identity=self._identity, frames=self.frames, **state._asdict())
        self.state = state

    def chunks(self) -> Iterator[Frames]:
        """All frames, a few at a time."""
        stored = np.memmap(self._frames_file, self._record, "r", shape=(self.frames,))
        for start in range(0, self.frames, CHUNK):
            rows = np.array(stored[start : start + CHUNK])
            yield Frames(rows["R"], rows["F"], rows["U"])

    def remove(self) -> None:
        """Delete the folder; for when the finished file is there."""
        shutil.rmtree(self._folder)
