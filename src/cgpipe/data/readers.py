"""Readers of all-atom trajectories with forces: each gives the atoms, the trajectories, and chunks of frames.

mdCATH's HDF5 layout (Mirarchi, Giorgino, De Fabritiis, Sci. Data 11, 1299, 2024): group ``<domain>`` holds ``chain``,
``resid``, ``resname``, ``z``, ``pdbProteinAtoms`` and ``psf``; ``<domain>/<temperature>/<replica>`` holds
``coords`` [Å] and ``forces`` [kcal/mol/Å] of shape (frames, atoms, 3). The group's ``pdb`` is the whole solvated
system, so its rows are not those of ``coords``: it is never read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import h5py
import numpy as np
from jaxtyping import Float32

from cgpipe.artefact import open_any_h5
from cgpipe.data.atoms import Atoms, pdb_atom_names, psf_names_and_bonds
from cgpipe.data.frames import Chunk
from cgpipe.errors import UserError

CHUNK_BYTES = 32 * 2**20
"""About so much of positions and forces is in memory at a time."""

UNIT = {"coords": "Angstrom", "forces": "kcal/mol/Angstrom"}


@runtime_checkable
class Reader(Protocol):
    """What every source of all-atom frames offers.

    Attributes:
        atoms: what the atoms are.
        trajectories: names ``temperature/replica``; chunks refer to them by index.
        lengths: frames of each trajectory after the stride.
        stride: every n-th frame of the source is taken.
        skipped: what was asked for but is missing or empty, in words.
    """

    atoms: Atoms
    trajectories: tuple[str, ...]
    lengths: tuple[int, ...]
    stride: int
    skipped: tuple[str, ...]

    def where(self, trajectory: int) -> str:
        """File, temperature and replica of a trajectory, for messages."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """All frames in order, a bounded amount at a time."""
        ...


class MdcathReader:
    """One domain of an open mdCATH file, restricted to the chosen temperatures and replicas; see `Reader`."""

    def __init__(
        self,
        file: h5py.File,
        domain: str,
        temperatures: Sequence[int],
        replicas: Sequence[int],
        stride: int,
    ) -> None:
        self._path = file.filename
        self._group = _domain(file, domain)
        self.stride = stride
        self.atoms = _atoms(self._group, f"{self._path}: {self._group.name.lstrip('/')}")
        self.skipped: tuple[str, ...] = ()
        self.trajectories = self._select(temperatures, replicas)
        self.lengths = tuple(-(-self._group[name]["coords"].shape[0] // stride) for name in self.trajectories)

    def where(self, trajectory: int) -> str:
        """File, temperature and replica of a trajectory, for messages."""
        temperature, replica = self.trajectories[trajectory].split("/")
        return f"{self._path}, temperature {temperature}, replica {replica}"

    def chunks(self) -> Iterator[Chunk]:
        """All frames in order, a bounded amount at a time."""
        frames_per_chunk = max(1, CHUNK_BYTES // (24 * len(self.atoms)))
        for index, name in enumerate(self.trajectories):
            for start in range(0, self.lengths[index], frames_per_chunk):
                stop = min(start + frames_per_chunk, self.lengths[index])
                rows = slice(start * self.stride, (stop - 1) * self.stride + 1, self.stride)
                yield Chunk(
                    trajectory=index,
                    temperature=float(name.split("/")[0]),
                    frame=np.arange(start, stop) * self.stride,
                    R=self._read(index, f"{name}/coords", rows),
                    F=self._read(index, f"{name}/forces", rows),
                )

    def _read(self, trajectory: int, name: str, rows: slice) -> Float32[np.ndarray, "frames atoms 3"]:
        try:
            return self._group[name][rows].astype(np.float32, copy=False)
        except OSError as error:
            raise UserError(f"{self.where(trajectory)}: cannot read {name} (damaged file?): {error}") from None

    def _select(self, temperatures: Sequence[int], replicas: Sequence[int]) -> tuple[str, ...]:
        """Names of the trajectories to use; every one of them is checked before any is read."""
        present = {int(t): self._group[t] for t in self._group if t.isdigit()}
        chosen: list[str] = []
        skipped: list[str] = []
        for temperature in sorted(set(temperatures)) or sorted(present):
            if temperature not in present:
                raise UserError(f"{self._path}: no temperature {temperature}; it has {sorted(present)}")
            group = present[temperature]
            found = sorted(int(r) for r in group if r.isdigit())
            for replica in sorted(set(replicas)) or found:
                name = f"{temperature}/{replica}"
                if replica not in found:
                    skipped.append(f"{name} is missing")
                elif self._has_frames(group[str(replica)], name):
                    chosen.append(name)
                else:
                    skipped.append(f"{name} is empty")
        if not chosen:
            asked = f"temperatures {list(temperatures) or 'all'}, replicas {list(replicas) or 'all'}"
            raise UserError(f"{self._path}: no frames for {asked} ({'; '.join(skipped) or 'no trajectories at all'})")
        self.skipped = tuple(skipped)
        return tuple(chosen)

    def _has_frames(self, group: h5py.Group, name: str) -> bool:
        """Whether a trajectory has frames; raises UserError where what it has cannot be used."""
        where = "{}, temperature {}, replica {}".format(self._path, *name.split("/"))
        if "coords" not in group:
            return False
        if "forces" not in group:
            raise UserError(f"{where}: there are coordinates but no forces; force matching needs both")
        coords, forces = group["coords"], group["forces"]
        expected = (coords.shape[0] if coords.ndim == 3 else "frames", len(self.atoms), 3)
        for key, dataset in (("coords", coords), ("forces", forces)):
            if dataset.shape != expected:
                raise UserError(f"{where}: {key} has shape {dataset.shape}, expected {expected} (frames, atoms, 3)")
            if dataset.dtype.kind != "f":
                raise UserError(f"{where}: {key} has type {dataset.dtype}, expected floating-point numbers")
            unit = dataset.attrs.get("unit", "")
            unit = unit.decode() if isinstance(unit, bytes) else str(unit)
            if unit.lower() != UNIT[key].lower():
                raise UserError(f"{where}: {key} has unit {unit!r}, expected {UNIT[key]!r}")
        return coords.shape[0] > 0


@contextmanager
def open_mdcath(
    path: Path, domain: str, temperatures: Sequence[int], replicas: Sequence[int], stride: int
) -> Iterator[MdcathReader]:
    """An mdCATH file, open for reading.

    Args:
        path: the HDF5 file.
        domain: the group to read; empty where the file has only one.
        temperatures: [K]; empty takes all.
        replicas: empty takes all.
        stride: take every n-th frame of each trajectory.

    Raises:
        UserError: the file cannot be read, or holds nothing of what was asked for.
    """
    with open_any_h5(path) as file:
        yield MdcathReader(file, domain, temperatures, replicas, stride)


def _domain(file: h5py.File, domain: str) -> h5py.Group:
    names = [name for name in file if isinstance(file[name], h5py.Group)]
    if not domain and len(names) != 1:
        raise UserError(f"{file.filename}: holds {len(names)} domains {names[:10]}; choose one with 'domain'")
    if domain and domain not in names:
        raise UserError(f"{file.filename}: no domain {domain!r}; it has {names[:10]}")
    return file[domain or names[0]]


def _atoms(group: h5py.Group, where: str) -> Atoms:
    """The protein's atoms, cross-checked between the arrays, ``pdbProteinAtoms`` and ``psf``."""
    missing = [key for key in ("chain", "resid", "resname", "z", "pdbProteinAtoms", "psf") if key not in group]
    if missing:
        raise UserError(f"{where}: no {', '.join(missing)}; is this an mdCATH file (layout with protein atoms only)?")
    name = pdb_atom_names(_text(group["pdbProteinAtoms"]))
    count = len(group["z"])
    for key, found in (("pdbProteinAtoms", len(name)), *((k, len(group[k])) for k in ("chain", "resid", "resname"))):
        if found != count:
            raise UserError(f"{where}: {key} has {found} atoms, but z has {count}")
    psf_name, bonds = psf_names_and_bonds(_text(group["psf"]), count, where)
    differing = [i for i in range(count) if (name[i] == "CA") != (psf_name[i] == "CA")]
    if differing:
        i = differing[0]
        raise UserError(f"{where}: atom {i + 1} is {name[i]} in pdbProteinAtoms but {psf_name[i]} in psf")
    return Atoms(
        name=name,
        atomic_number=np.asarray(group["z"][()], dtype=np.int64),
        residue_name=tuple(group["resname"].asstr()[()]),
        residue=np.asarray(group["resid"][()], dtype=np.int64),
        chain=tuple(group["chain"].asstr()[()]),
        bonds=bonds,
    )


def _text(dataset: h5py.Dataset) -> str:
    return str(dataset.asstr()[()])
