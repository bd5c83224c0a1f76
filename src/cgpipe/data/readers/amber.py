"""AMBER's NetCDF trajectories: coordinates and forces in one file (``ntwf = -1``), or in two (``mdcrd`` and ``mdfrc``).

NetCDF 3, classic or with 64-bit offsets, and NetCDF 4, which is HDF5. Each array names its unit and may have a factor
that its numbers are multiplied by (AMBER NetCDF convention 1.0).
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float32, Float64
from MDAnalysis.coordinates.base import ReaderBase
from MDAnalysis.coordinates.timestep import Timestep
from scipy.io import netcdf_file

from cgpipe.artefact import open_any_h5
from cgpipe.errors import UserError
from cgpipe.units import KJ_PER_KCAL

UNITS = {
    "coordinates": "angstrom",
    "forces": "kilocalorie/mole/angstrom",
    "cell_lengths": "angstrom",
    "cell_angles": "degree",
}
IN_ONE_FILE = "write both into one file (ntwf = -1)"
TEXT_ROW = re.compile(r"^(?:[ -]*\d+\.\d{3}){3,10}\s*$")
"""A row of coordinates in AMBER's text format (10F8.3), the second line of such a file."""

DAMAGE = (OSError, KeyError, IndexError, RuntimeError, TypeError, ValueError)
"""What scipy and h5py raise where a file ends early or holds something else than its header says."""


class AmberFile:
    """An open AMBER trajectory, its units checked.

    Attributes:
        frames, atoms: how many there are.
        arrays: which of `UNITS` it holds.
        time: of each frame [ps], empty where it is not told.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with ExitStack() as stack:
            self._variables = _open(path, stack)
            self.arrays = tuple(name for name in UNITS if name in self._variables)
            self._scale = {name: _scale(path, name, self._variables[name]) for name in self.arrays}
            moving = [self._variables[name].shape for name in ("coordinates", "forces") if name in self.arrays]
            if not moving:
                raise UserError(f"{path}: holds neither coordinates nor forces")
            if len(set(moving)) > 1 or len(moving[0]) != 3 or 0 in moving[0] or moving[0][2] != 3:
                raise UserError(f"{path}: arrays of shape {moving}, expected (frames, atoms, 3), none of them 0")
            self.frames, self.atoms, _ = moving[0]
            time = self._variables.get("time")
            self.time = np.zeros(0) if time is None else np.array(time[:], dtype=np.float64)
            self.close = stack.pop_all().close

    def read(self, name: str, frame: int) -> Float64[np.ndarray, "..."]:
        """An array of a frame, in the unit of `UNITS`.

        Raises:
            UserError: the file is damaged there.
        """
        try:
            return np.array(self._variables[name][frame], dtype=np.float64) * self._scale[name]
        except DAMAGE as error:
            raise UserError(f"{self.path}, frame {frame}: cannot read {name} (damaged file?): {error}") from None


class AmberReader(ReaderBase):
    """A trajectory as MDAnalysis' readers give it, in Å and kJ/mol/Å; forces may come from a file of their own."""

    format = "CGPIPE_AMBER"
    units = {"time": "ps", "length": "Angstrom", "force": "kJ/(mol*Angstrom)"}

    def __init__(self, filename: str, forces: str = "", n_atoms: int | None = None, **options: Any) -> None:
        super().__init__(filename, **options)
        self._with = {"coordinates": AmberFile(filename)}
        self._with["forces"] = AmberFile(forces) if forces else self._with["coordinates"]
        one = self._with["coordinates"]
        self.n_frames, self.n_atoms = one.frames, one.atoms
        if n_atoms not in (None, self.n_atoms):
            self.close()
            raise ValueError(f"it has {self.n_atoms} atoms, the topology {n_atoms}")
        self.ts = Timestep(self.n_atoms, forces="forces" in self._with["forces"].arrays, **self._ts_kwargs)
        self._read_frame(0)

    def _read_frame(self, frame: int) -> Timestep:
        ts, one = self.ts, self._with["coordinates"]
        ts.frame = frame
        ts.positions = one.read("coordinates", frame).astype(np.float32)
        if ts.has_forces:
            ts.forces = (self._with["forces"].read("forces", frame) * KJ_PER_KCAL).astype(np.float32)
        ts.dimensions = _cell(one, frame)
        return ts

    def _read_next_timestep(self, ts: Timestep | None = None) -> Timestep:
        if self.ts.frame + 1 >= self.n_frames:
            raise EOFError
        return self._read_frame(self.ts.frame + 1)

    def _reopen(self) -> None:
        self.ts.frame = -1

    def close(self) -> None:
        """Close the files."""
        for file in self._with.values():
            file.close()


def is_amber(path: str) -> bool:
    """Whether a file is one of AMBER's NetCDF files, whatever its name."""
    with Path(path).open("rb") as file:
        if file.read(3) == b"CDF":
            return True
    if not h5py.is_hdf5(path):
        return False
    with open_any_h5(Path(path)) as file:
        return "AMBER" in _conventions(file)


def pair_files(trajectories: Sequence[str]) -> list[tuple[str, str]]:
    """The trajectories, each with the file that holds its forces where these are in a file of their own.

    The first file of coordinates goes with the first of forces, and so on.

    Raises:
        UserError: AMBER files that cannot be read, forces without coordinates, or pairs of different frames.
    """
    paired: list[tuple[str, str]] = []
    coordinates: list[AmberFile] = []
    forces: list[AmberFile] = []
    for path in trajectories:
        if not is_amber(path):
            _refuse_text(path)
            paired.append((path, ""))
            continue
        found = AmberFile(path)
        found.close()
        if "coordinates" in found.arrays:
            paired.append((path, ""))
        alone = forces if "coordinates" not in found.arrays else coordinates if "forces" not in found.arrays else []
        alone.append(found)
    if not forces:
        return paired
    partner: dict[str, str] = {}
    for one, other in zip_longest(coordinates, forces):
        if one is None:
            raise UserError(
                f"{other.path}: forces without coordinates: name the file with the coordinates (mdcrd) too, which "
                f"makes a pair, or {IN_ONE_FILE}"
            )
        if other is None:
            raise UserError(
                f"{one.path}: coordinates without forces: name the file with the forces (mdfrc) too, which makes a "
                f"pair, or {IN_ONE_FILE}"
            )
        _refuse_other_frames(one, other)
        partner[one.path] = other.path
    return [(path, partner.get(path, "")) for path, _ in paired]


def _refuse_other_frames(one: AmberFile, other: AmberFile) -> None:
    """A pair must have the same frames and atoms."""
    pair = f"{one.path} and {other.path}: a pair of coordinates and forces with"
    remedy = f"save both at the same steps (ntwf = ntwx), or {IN_ONE_FILE}"
    if one.atoms != other.atoms:
        raise UserError(f"{pair} {one.atoms} and {other.atoms} atoms; {remedy}")
    if one.frames != other.frames:
        raise UserError(f"{pair} {one.frames} and {other.frames} frames; {remedy}")
    if not (len(one.time) and len(other.time)):
        return
    apart = np.abs(one.time - other.time)
    if apart.max() > 0.01 * np.abs(np.diff(one.time, prepend=0.0)).max():
        frame = int(np.argmax(apart))
        raise UserError(
            f"{pair} other times: frame {frame} at {one.time[frame]:g} and {other.time[frame]:g} ps; {remedy}"
        )


def _open(path: str, stack: ExitStack) -> Mapping[str, Any]:
    """The arrays of a file by name; it stays open as long as the stack."""
    if h5py.is_hdf5(path):
        file: Any = stack.enter_context(open_any_h5(Path(path)))
        variables: Mapping[str, Any] = file
    else:
        with Path(path).open("rb") as opened:
            if opened.read(4) not in (b"CDF\x01", b"CDF\x02"):
                raise UserError(f"{path}: a kind of NetCDF that is not AMBER's (CDF-5?); convert it, e.g. with cpptraj")
        try:
            file = netcdf_file(path, mmap=True, maskandscale=False)
        except DAMAGE as error:
            raise UserError(f"{path}: cannot be read as NetCDF (truncated or damaged?): {error}") from None
        variables = file.variables
        stack.callback(_closing(file))
    conventions = _conventions(file)
    if "AMBERRESTART" in conventions:
        raise UserError(f"{path}: an AMBER restart, which holds one frame; name the trajectory, and {IN_ONE_FILE}")
    if "AMBER" not in conventions:
        raise UserError(
            f"{path}: a NetCDF file, but no AMBER trajectory (Conventions: {' '.join(conventions) or 'none'})"
        )
    return variables


def _closing(file: netcdf_file) -> Callable[[], None]:
    def close() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of arrays that keep the memory map open, until they go
            file.close()

    return close


def _conventions(file: Any) -> list[str]:
    return re.split(r"[,\s]+", str(_attribute(file, "Conventions") or "").strip())


def _attribute(holder: Any, name: str) -> Any:
    value = holder.attrs.get(name) if isinstance(holder, h5py.File | h5py.Dataset) else getattr(holder, name, None)
    return value.decode(errors="replace").strip(" \0") if isinstance(value, bytes) else value


def _scale(path: str, name: str, variable: Any) -> float:
    """The factor of an array, whose unit must be the convention's."""
    unit, expected = _attribute(variable, "units"), UNITS[name]
    if unit is None or not str(unit):
        raise UserError(
            f"{path}: the unit of {name} is missing, expected {expected!r}; make sure of it and write it into the "
            f"file, e.g. with ncatted -a units,{name},o,c,{expected}"
        )
    if str(unit).lower().rstrip("s") != expected:
        raise UserError(
            f"{path}: the unit of {name} is {unit!r}, expected {expected!r}; convert the numbers, then the unit"
        )
    if _attribute(variable, "add_offset") is not None:
        raise UserError(
            f"{path}: {name} have an offset (add_offset), which AMBER's files have not; convert the numbers"
        )
    factor = _attribute(variable, "scale_factor")
    try:
        scale = 1.0 if factor is None else float(np.ravel(factor)[0])
    except (TypeError, ValueError):
        scale = 0.0
    if not scale or not np.isfinite(scale):
        raise UserError(f"{path}: the scale_factor of {name} is {factor!r}, expected a number")
    return scale


def _cell(file: AmberFile, frame: int) -> Float32[np.ndarray, "6"] | None:
    """Lengths [Å] and angles [°] of the periodic box; None where there is none."""
    if not {"cell_lengths", "cell_angles"} <= set(file.arrays):
        return None
    lengths = file.read("cell_lengths", frame)
    if not lengths.any():
        return None
    return np.concatenate([lengths, file.read("cell_angles", frame)]).astype(np.float32)


def _refuse_text(path: str) -> None:
    """AMBER's text format has no forces beside coordinates, and no number of atoms (which tells it from XYZ)."""
    with Path(path).open("rb") as file:
        rows = file.read(400).split(b"\n")
    if len(rows) > 1 and not rows[0].strip().isdigit() and TEXT_ROW.match(rows[1].decode("latin-1")):
        raise UserError(
            f"{path}: AMBER's text format, which cannot hold coordinates and forces together: write NetCDF "
            f"(ioutfm = 1), and {IN_ONE_FILE}"
        )
