"""Any simulated system whose topology and trajectories MDAnalysis reads (Michaud-Agrawal et al., J. Comput. Chem. 32,
2319, 2011), with forces.

MDAnalysis gives positions in Å and forces in kJ/mol/Å. GROMACS' TRR and AMBER's NetCDF hold the forces of the force
field alone; forces of thermostats, barostats or constraints must not be in them.
"""

import gc
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import clear_frames
from typing import Any

import MDAnalysis as mda
import numpy as np
from jaxtyping import Float64, Int64
from MDAnalysis.coordinates.timestep import Timestep
from MDAnalysis.coordinates.TRR import TRRReader

from cgpipe.data.frames import Chunk
from cgpipe.data.readers.amber import IN_ONE_FILE, AmberReader, is_amber, pair_files
from cgpipe.data.readers.h5md import PlainH5MDReader, check_steps
from cgpipe.data.readers.molecule import Molecule, drop_alternates, find_molecule
from cgpipe.data.readers.numbers import open_universe
from cgpipe.data.readers.periodic import Whole, check_box
from cgpipe.data.readers.reader import portions, spread
from cgpipe.data.readers.scale import go_to_sane_frame
from cgpipe.data.readers.trr import scan_trr
from cgpipe.errors import UserError
from cgpipe.files import require_content
from cgpipe.units import KJ_PER_KCAL

FORCES_ELSEWHERE = "save them in TRR, AMBER NetCDF or H5MD"
REFERENCES = 3
"""A molecule is looked at in so many frames at most: one of them is hoped to be whole."""


class PlainTRRReader(TRRReader):
    """MDAnalysis' reader, but it leaves no index and lock beside the data, where one may not be allowed to write."""

    format = "CGPIPE_TRR"

    def _load_offsets(self) -> None:
        self._read_offsets(store=False)


FORCES_SAVED = {
    PlainTRRReader: "run the MD again with forces saved (GROMACS: nstfout)",
    AmberReader: f"name the file that they are in (mdfrc) too, which makes a pair, or {IN_ONE_FILE}",
}


class TrajectoryReader:
    """The selected atoms of a system in all its trajectories; see `Reader`."""

    def __init__(
        self,
        topology: str,
        trajectories: Sequence[str],
        temperature: float,
        selection: str,
        stride: int,
        max_frames: int,
        missing_forces: str,
    ) -> None:
        self._temperature = temperature
        for file in (topology, *trajectories):
            require_content(Path(file))
        self._forces = dict(pair_files(trajectories))
        names = tuple(self._forces)
        scanned = [_scan(file) for file in names]
        self._universe, left, notes = _open_topology(topology, names[0], self._load_into)
        held = [self._peek(file) if one is None else one for file, one in zip(names, scanned, strict=True)]
        found = [_usable(file, one, stride, missing_forces) for file, one in zip(names, held, strict=True)]
        notes += tuple(note for _, more in found for note in more)
        chosen = [(file, spread(frames, max_frames)) for file, (frames, _) in zip(names, found, strict=True)]
        self._files = tuple(file for file, frames in chosen if len(frames))
        self.frames = tuple(frames for _, frames in chosen if len(frames))
        if not self.frames:
            raise UserError(f"{', '.join(trajectories)}: no frame with positions and forces ({'; '.join(notes)})")
        self.lengths = tuple(map(len, self.frames))
        self.trajectories = tuple(f"{temperature:g}/{names.index(file)}" for file in self._files)
        molecule = self._find(left, selection, topology)
        self.atoms, self._index = molecule.atoms, molecule.index
        self.notes = notes + molecule.notes
        self._whole = Whole(self.atoms.bonds, np.unique(self.atoms.member, return_index=True)[1], len(self.atoms))

    def _find(self, left: mda.AtomGroup, selection: str, topology: str) -> Molecule:
        """The molecule as the first sane frame shows it, or where a bond is damaged there another one."""
        problems = []
        frames = self.frames[0]
        for first in spread(frames, REFERENCES).tolist():
            with _explained(self.where(0)):
                trajectory = self._load(self._files[0])
                step = go_to_sane_frame(trajectory, frames[frames >= first].tolist(), left, self.where(0))
            place = f"{self.where(0)}, frame {step.frame}"
            if (box := _box(step, place)).any():
                check_box(box[None], place)
            try:
                return find_molecule(left, selection, topology)
            except UserError as problem:
                problems.append(problem)
        raise problems[0]

    def where(self, trajectory: int) -> str:
        """File and temperature of a trajectory, for messages."""
        return f"{self._files[trajectory]}, temperature {self._temperature:g}"

    def chunks(self) -> Iterator[Chunk]:
        """All frames in order, a bounded amount at a time."""
        for index, file in enumerate(self._files):
            with _explained(self.where(index)):
                self._load(file)
            for frames in portions(self.frames[index], len(self.atoms)):
                yield self._read(index, frames)

    def close(self) -> None:
        """Close the trajectory that is open."""
        self._universe.trajectory.close()

    def _read(self, trajectory: int, frames: Int64[np.ndarray, " frames"]) -> Chunk:
        where = self.where(trajectory)
        R = np.empty((len(frames), len(self.atoms), 3), np.float32)
        F = np.empty_like(R)
        box = np.zeros((len(frames), 3, 3))
        for row, frame in enumerate(frames.tolist()):
            place = f"{where}, frame {frame}"
            with _explained(place):
                step = self._universe.trajectory[frame]
                if not (step.has_positions and step.has_forces):
                    raise UserError(f"{place}: holds no positions or no forces, unlike the first frame")
                R[row], F[row] = step.positions[self._index], step.forces[self._index] / KJ_PER_KCAL
                box[row] = _box(step, place)
        periodic = box.any(axis=(1, 2))
        if periodic.any():
            R[periodic] = self._whole(R[periodic], box[periodic], f"{where}, frames {frames[0]}-{frames[-1]}")
        return Chunk(trajectory, float(self._temperature), frames, R, F)

    def _load(self, file: str) -> Any:
        """The trajectory in a file, opened unless it is the one that is open."""
        if self._universe.trajectory.filename != file:
            self._load_into(self._universe, file)
        return self._universe.trajectory

    def _load_into(self, universe: mda.Universe, file: str) -> None:
        more = {"forces": self._forces[file]} if _format(file) is AmberReader else {}
        universe.load_new(file, format=_format(file), **more)

    def _peek(self, file: str) -> list[bool]:
        """For each frame of a file other than TRR whether it holds positions and forces.

        Such files hold forces in all frames or in none; `_read` sees to it.
        """
        with _explained(file):
            trajectory = self._load(file)
            step = trajectory[0]
            held = bool(step.has_positions and step.has_forces)
            if held and not trajectory.units.get("force"):
                raise UserError(
                    f"{file}: MDAnalysis does not know the unit of forces in this kind of file ({trajectory.format}); "
                    "convert it to TRR, AMBER NetCDF or H5MD with units"
                )
            return [held] * len(trajectory)


@contextmanager
def open_trajectory(
    topology: str,
    trajectories: Sequence[str],
    temperature: float,
    selection: str = "protein",
    stride: int = 1,
    max_frames: int = 0,
    missing_forces: str = "refuse",
) -> Iterator[TrajectoryReader]:
    """Trajectories of one system, open for reading.

    Args:
        topology: file with the atoms, and with bonds if possible.
        trajectories: files with positions and forces; each is a trajectory of its own.
        temperature: of the MD [K].
        selection: the protein, in MDAnalysis' selection language.
        stride: take every n-th frame of each trajectory.
        max_frames: at most so many frames of each trajectory, spread evenly over it; 0 takes all.
        missing_forces: ``refuse`` raises on frames without forces or positions, ``skip`` leaves them out.

    Raises:
        UserError: a file cannot be read, does not fit the others, or holds no forces.
    """
    reader = TrajectoryReader(topology, trajectories, temperature, selection, stride, max_frames, missing_forces)
    try:
        yield reader
    finally:
        reader.close()


def _format(file: str) -> Any:
    if is_amber(file):
        return AmberReader
    return {".trr": PlainTRRReader, ".h5md": PlainH5MDReader}.get(Path(file).suffix.lower())


def _box(step: Timestep, place: str) -> Float64[np.ndarray, "3 3"]:
    """The vectors of the periodic box as rows [Å]; zeros where there is none, which some programs write as zeros."""
    size = step.dimensions
    if size is None or not size[:3].any():
        return np.zeros((3, 3))
    box = np.asarray(step.triclinic_dimensions, dtype=np.float64)
    if not box.any():
        raise UserError(f"{place}: impossible periodic box, lengths {size[:3]} Å, angles {size[3:]}°")
    return box


def _open_topology(
    topology: str, trajectory: str, load_into: Callable[[mda.Universe, str], None]
) -> tuple[mda.Universe, mda.AtomGroup, tuple[str, ...]]:
    """The system with its first trajectory, the atoms to choose from, and notes.

    The MD may have been run with or without the alternate locations that the topology lists.
    """
    with _explained(topology):
        universe = open_universe(topology)
        left, notes = drop_alternates(universe)
        alone = mda.Merge(left) if notes else universe
    try:
        with _explained(trajectory):
            load_into(universe, trajectory)
    except UserError:
        if not notes:
            raise
        with _explained(trajectory):
            load_into(alone, trajectory)
        return alone, alone.atoms, notes
    return universe, left, notes


def _scan(file: str) -> list[bool] | None:
    """For each frame of a TRR file whether it holds positions and forces; None for other kinds of file.

    It comes before MDAnalysis opens the file, whose own error would not tell a truncated file from any other.
    """
    if _format(file) is PlainH5MDReader:
        check_steps(Path(file))
    if _format(file) is not PlainTRRReader:
        return None
    return [frame.positions and frame.forces for frame in scan_trr(Path(file))]


def _usable(
    file: str, held: Sequence[bool], stride: int, missing_forces: str
) -> tuple[Int64[np.ndarray, " frames"], list[str]]:
    """Every n-th frame of a file as far as it holds positions and forces; and a note where some do not."""
    taken = np.arange(0, len(held), stride, dtype=np.int64)
    usable = taken[np.array(held, dtype=bool)[taken]]
    missing = len(taken) - len(usable)
    if not missing:
        return usable, []
    count = f"{missing} of {len(taken)} frames hold no forces (or no positions)"
    if missing_forces == "refuse":
        first = next(frame for frame in taken.tolist() if not held[frame])
        remedy = (
            f"force matching needs them: {FORCES_SAVED.get(_format(file), FORCES_ELSEWHERE)}"
            if not len(usable)
            else "set missing_forces: skip to leave such frames out, or a stride that meets the others"
        )
        raise UserError(f"{file}: {count}, the first is frame {first}; {remedy}")
    return usable, [f"{file}: {count}, left out"]


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Errors of MDAnalysis in one line that begins with the place; its warnings are covered by our own checks."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except Exception as error:  # what its parsers raise depends on where a damaged file leads them
        text = " ".join(str(error).split()) or type(error).__name__
        _delete_quietly(error)
        raise UserError(f"{where}: cannot be read (damaged, or files that do not fit?): {text[:300]}") from None


def _delete_quietly(error: BaseException) -> None:
    """Delete what a failed call made: half-made readers fail once more in ``__del__``, and Python would print that."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        cause: BaseException | None = error
        while cause is not None:
            clear_frames(cause.__traceback__)
            cause = cause.__context__
        gc.collect()
    finally:
        sys.unraisablehook = hook
