"""mdCATH's HDF5 layout (Mirarchi, Giorgino, De Fabritiis, Sci. Data 11, 1299, 2024).

Group ``<domain>`` holds ``chain``, ``resid``, ``resname``, ``z``, ``pdbProteinAtoms`` and ``psf``;
``<domain>/<temperature>/<replica>`` holds ``coords`` [Å] and ``forces`` [kcal/mol/Å] of shape (frames, atoms, 3). Any
temperature or replica may be missing or empty. The group's ``pdb`` is the whole solvated system, so its rows are not
those of ``coords``: it is never read.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from jaxtyping import Float32, Int64

from cgpipe.artefact import open_any_h5
from cgpipe.data.atoms import Atoms, pdb_names_and_codes, psf_names_and_bonds
from cgpipe.data.bonding import COVALENT_RADIUS, refuse_wrong_degree, too_long
from cgpipe.data.elements import amino_acid_elements
from cgpipe.data.frames import Chunk
from cgpipe.data.readers.reader import portions, spread, take_frames
from cgpipe.errors import UserError

UNIT = {"coords": "Angstrom", "forces": "kcal/mol/Angstrom"}

REFERENCES = 3
"""Bonds are compared with so many frames of the first trajectory; not all will be damaged."""

DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)
"""What the HDF5 library raises where a file that it could open holds something else than its index says."""


class _Trajectory(NamedTuple):
    """One replica at one temperature, in one of the files."""

    temperature: int
    replica: int
    file: int
    group: h5py.Group

    @property
    def where(self) -> str:
        return f"{self.group.file.filename}, temperature {self.temperature}, replica {self.replica}"


class MdcathReader:
    """One domain in one or more open mdCATH files, restricted to the chosen temperatures and replicas; see `Reader`."""

    def __init__(
        self,
        files: Sequence[h5py.File],
        domain: str,
        temperatures: Sequence[int],
        replicas: Sequence[int],
        stride: int,
        max_frames: int,
    ) -> None:
        groups = [_domain(file, domain) for file in files]
        self.atoms, notes = _atoms(groups[0])
        for group in groups[1:]:
            _refuse_other_atoms(self.atoms, _atoms(group)[0], files[0].filename, group.file.filename)
        self._chosen, missing = _select(groups, temperatures, replicas, len(self.atoms))
        self.notes = (*notes, *missing)
        seen: set[str] = set()
        names = []
        for one in self._chosen:
            name = f"{one.temperature}/{one.replica}"
            # the same replica may be in several files: further parts of it, or runs that were numbered anew
            names.append(f"{name}@{one.file + 1}" if name in seen else name)
            seen.add(name)
        self.trajectories = tuple(names)
        self.frames = tuple(take_frames(len(one.group["coords"]), stride, max_frames) for one in self._chosen)
        self.lengths = tuple(map(len, self.frames))
        self._refuse_other_bonds()

    def where(self, trajectory: int) -> str:
        """File, temperature and replica of a trajectory, for messages."""
        return self._chosen[trajectory].where

    def chunks(self) -> Iterator[Chunk]:
        """All frames in order, a bounded amount at a time."""
        for index, one in enumerate(self._chosen):
            for frames in portions(self.frames[index], len(self.atoms)):
                yield Chunk(
                    trajectory=index,
                    temperature=float(one.temperature),
                    frame=frames,
                    R=_read(one, "coords", frames),
                    F=_read(one, "forces", frames),
                )

    def _refuse_other_bonds(self) -> None:
        """Raise UserError where bonds of the PSF are too long in each of some frames: it is of other atoms."""
        frames = spread(self.frames[0], REFERENCES)
        R = np.concatenate([_read(self._chosen[0], "coords", frame) for frame in frames[:, None]]).astype(np.float64)
        bonds, z = self.atoms.bonds, self.atoms.atomic_number
        length = np.linalg.norm(R[:, bonds[:, 0]] - R[:, bonds[:, 1]], axis=-1)
        long = np.all([too_long(z, bonds, of_frame) for of_frame in length], axis=0)
        whole = [not too_long(z, bonds, of_frame).all() for of_frame in length]
        if long.any() and any(whole):
            first, second = (self.atoms.describe(atom) for atom in bonds[long][0].tolist())
            raise UserError(
                f"{self.where(0)}: {long.sum()} of {len(bonds)} bonds of psf are of impossible length in frames "
                f"{', '.join(map(str, frames.tolist()))}, the first from {first} to {second}; psf and coords do not "
                "fit together"
            )


def _read(
    trajectory: _Trajectory, key: str, frames: Int64[np.ndarray, " frames"]
) -> Float32[np.ndarray, "frames atoms 3"]:
    try:
        dataset = trajectory.group[key]
        step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
        if (np.diff(frames) == step).all():
            found = dataset[int(frames[0]) : int(frames[-1]) + 1 : step]
        else:
            found = np.stack([dataset[frame] for frame in frames.tolist()])
    except DAMAGE as error:
        raise UserError(f"{trajectory.where}: cannot read {key} (damaged file?): {error}") from None
    return found.astype(np.float32, copy=False)


def _select(
    groups: Sequence[h5py.Group], temperatures: Sequence[int], replicas: Sequence[int], atoms: int
) -> tuple[tuple[_Trajectory, ...], tuple[str, ...]]:
    """The trajectories to use, every one of them checked before any is read; and what is not there, in words."""
    present = [
        _Trajectory(temperature, replica, file, group[f"{temperature}/{replica}"])
        for file, group in enumerate(groups)
        for temperature in _numbers(group)
        for replica in _numbers(group[str(temperature)])
    ]
    known = {temperature for group in groups for temperature in _numbers(group)}
    chosen: list[_Trajectory] = []
    notes: list[str] = []
    for temperature in sorted(set(temperatures) or known):
        found = sorted({one.replica for one in present if one.temperature == temperature})
        if not found:
            notes.append(f"temperature {temperature} {'has no replicas' if temperature in known else 'is missing'}")
            continue
        for replica in sorted(set(replicas)) or found:
            if replica not in found:
                notes.append(f"{temperature}/{replica} is missing")
            for one in present:
                if (one.temperature, one.replica) != (temperature, replica):
                    continue
                if _has_frames(one, atoms):
                    chosen.append(one)
                else:
                    notes.append(f"{temperature}/{replica} is empty")
    if not chosen:
        asked = f"temperatures {list(temperatures) or 'all'}, replicas {list(replicas) or 'all'}"
        files = ", ".join(group.file.filename for group in groups)
        raise UserError(
            f"{files}: no frames for {asked} ({'; '.join(notes) or 'no trajectories at all'}); "
            f"there are temperatures {sorted(known)}, replicas {sorted({one.replica for one in present})}"
        )
    return tuple(chosen), tuple(notes)


def _numbers(group: h5py.Group) -> list[int]:
    """The subgroups that are named by a number, sorted."""
    return sorted(int(name) for name in group if name.isdecimal() and isinstance(group[name], h5py.Group))


def _has_frames(trajectory: _Trajectory, atoms: int) -> bool:
    """Whether a trajectory has frames; raises UserError where what it has cannot be used."""
    where, group = trajectory.where, trajectory.group
    if "coords" not in group and "forces" not in group:
        return False
    for key, what in (("forces", "coordinates but no forces"), ("coords", "forces but no coordinates")):
        if key not in group:
            raise UserError(f"{where}: there are {what}; force matching needs both")
    coords, forces = group["coords"], group["forces"]
    expected = (coords.shape[0] if coords.ndim == 3 else "frames", atoms, 3)
    for key, dataset in (("coords", coords), ("forces", forces)):
        if dataset.shape != expected:
            raise UserError(f"{where}: {key} has shape {dataset.shape}, expected {expected} (frames, atoms, 3)")
        if dataset.dtype.kind != "f":
            raise UserError(f"{where}: {key} has type {dataset.dtype}, expected floating-point numbers")
        unit = dataset.attrs.get("unit", "")
        unit = unit.decode() if isinstance(unit, bytes) else str(unit)
        if unit.lower() != UNIT[key].lower():
            raise UserError(f"{where}: {key} has unit {unit!r}, expected {UNIT[key]!r}")
    announced = group.attrs.get("numFrames", coords.shape[0])
    if announced != coords.shape[0]:
        raise UserError(f"{where}: numFrames is {announced}, but there are {coords.shape[0]}; the file is incomplete")
    return coords.shape[0] > 0


@contextmanager
def open_mdcath(
    paths: Sequence[Path | str] | Path,
    domain: str = "",
    temperatures: Sequence[int] = (),
    replicas: Sequence[int] = (),
    stride: int = 1,
    max_frames: int = 0,
) -> Iterator[MdcathReader]:
    """mdCATH files of one domain, open for reading.

    Args:
        paths: the HDF5 file, or several with the same atoms.
        domain: the group to read; empty where the file has only one.
        temperatures: [K]; empty takes all.
        replicas: empty takes all.
        stride: take every n-th frame of each trajectory.
        max_frames: at most so many frames of each trajectory, spread evenly over it; 0 takes all.

    Raises:
        UserError: a file cannot be read, or holds nothing of what was asked for.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open_any_h5(Path(p))) for p in ([paths] if isinstance(paths, Path) else paths)]
        try:
            reader = MdcathReader(files, domain, temperatures, replicas, stride, max_frames)
        except UserError:
            raise
        except DAMAGE as error:
            names = ", ".join(file.filename for file in files)
            raise UserError(f"{names}: cannot be read (damaged file?): {error}") from None
        yield reader


def _domain(file: h5py.File, domain: str) -> h5py.Group:
    names = [name for name in file if isinstance(file.get(name), h5py.Group)]
    if not domain and len(names) != 1:
        raise UserError(f"{file.filename}: holds {len(names)} domains {names[:10]}; choose one with 'domain'")
    if domain and domain not in names:
        raise UserError(f"{file.filename}: no domain {domain!r}; it has {names[:10]}")
    return file[domain or names[0]]


def _atoms(group: h5py.Group) -> tuple[Atoms, list[str]]:
    """The protein's atoms, cross-checked between the arrays, ``pdbProteinAtoms`` and ``psf``; and notes."""
    where = f"{group.file.filename}: {group.name.lstrip('/')}"
    missing = [key for key in ("chain", "resid", "resname", "z", "pdbProteinAtoms", "psf") if key not in group]
    if missing:
        raise UserError(f"{where}: no {', '.join(missing)}; is this an mdCATH file (layout with protein atoms only)?")
    name, insertion = pdb_names_and_codes(_text(group["pdbProteinAtoms"]))
    count = len(group["z"])
    for key, found in (("pdbProteinAtoms", len(name)), *((k, len(group[k])) for k in ("chain", "resid", "resname"))):
        if found != count:
            raise UserError(f"{where}: {key} has {found} atoms, but z has {count}")
    psf_name, bonds = psf_names_and_bonds(_text(group["psf"]), count, where)
    differing = [i for i in range(count) if (name[i] == "CA") != (psf_name[i] == "CA")]
    if differing:
        i = differing[0]
        raise UserError(f"{where}: atom {i + 1} is {name[i]} in pdbProteinAtoms but {psf_name[i]} in psf")
    atoms = Atoms(
        name=name,
        atomic_number=np.asarray(group["z"][()], dtype=np.int64),
        residue_name=tuple(group["resname"].asstr()[()]),
        residue=np.asarray(group["resid"][()], dtype=np.int64),
        chain=tuple(group["chain"].asstr()[()]),
        bonds=bonds,
        insertion=insertion if any(insertion) else (),
    )
    atomic_number, _ = amino_acid_elements(name, atoms.residue_name, atoms.member, atoms.atomic_number)
    notes = []
    wrong = np.flatnonzero(atomic_number != atoms.atomic_number).tolist()
    if wrong:
        example = f"{atoms.describe(wrong[0])}: {atomic_number[wrong[0]]}, not {atoms.atomic_number[wrong[0]]}"
        notes.append(f"z of {len(wrong)} atoms corrected by their names, the first is {example}")
    needed = np.isin(atomic_number, list(COVALENT_RADIUS)) & (np.bincount(atoms.member)[atoms.member] > 1)
    refuse_wrong_degree(atoms.describe, atomic_number == 1, needed, bonds, where)
    return replace(atoms, atomic_number=atomic_number), notes


def _text(dataset: h5py.Dataset) -> str:
    return str(dataset.asstr()[()])


def _refuse_other_atoms(first: Atoms, other: Atoms, path: str, other_path: str) -> None:
    same = (
        first.name == other.name
        and first.residue_name == other.residue_name
        and np.array_equal(first.residue, other.residue)
        and np.array_equal(first.atomic_number, other.atomic_number)
        and np.array_equal(first.bonds, other.bonds)
    )
    if not same:
        raise UserError(
            f"{other_path}: its atoms ({len(other)}) are not those of {path} ({len(first)}); "
            "the files of one protein must hold the same molecule"
        )
