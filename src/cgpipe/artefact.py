"""The only place that knows how artefacts are framed: provenance header, atomic writes, clear read errors.

Every artefact carries one header (kind, schema version, who made it, the settings that made it, units, SHA-256 of its
inputs): as the HDF5 root attribute ``cgpipe``, as the key ``cgpipe`` of a JSON object, as the NPZ member ``cgpipe``, or
as the first line of a model file. Headers hold no time stamp, so the same inputs give the same bytes.
"""

import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import h5py
import numpy as np

from cgpipe.errors import UserError
from cgpipe.files import require_content
from cgpipe.maker import anybody
from cgpipe.units import UNITS

SCHEMA_VERSION = 2

SIGNED = "makers.json"
"""In a folder of unfinished work: who has worked on it."""


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with Path(path).open("rb") as file:
        if hasattr(os, "posix_fadvise"):  # not on macOS; asks for larger reads ahead: a third less work in the system
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_meanwhile(inputs: Mapping[str, Path]) -> Callable[[], dict[str, str]]:
    """Begin to hash large files while others work on them; its reading ahead also spares these the wait for the disk.

    Args:
        inputs: name → file, in the order in which they will be read.

    Returns:
        A function that waits for the hashes by name; an error in reading a file is raised there.
    """
    found: Future[dict[str, str]] = Future()

    def work() -> None:
        try:
            found.set_result({name: sha256(path) for name, path in inputs.items()})
        except OSError as error:
            found.set_exception(error)

    Thread(target=work, daemon=True).start()  # a daemon: no error elsewhere has to wait for it
    return found.result


def header(
    kind: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, Path],
    hashes: Mapping[str, str] | None = None,
    by: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The provenance header of an artefact about to be written.

    Args:
        kind: what it is, e.g. ``projection``; readers ask for the kind they can use.
        settings: the slice of the configuration that shaped it, JSON-serialisable.
        inputs: name → file it was made from; recorded with their hashes.
        hashes: those of the inputs where they are known already.
        by: what `maker` says of the stage; without it only version and commit of cgpipe are told.
    """
    known = hashes if hashes is not None else {name: sha256(path) for name, path in inputs.items()}
    return {
        "kind": kind,
        "schema": SCHEMA_VERSION,
        **(anybody() if by is None else by),
        "units": UNITS,
        "settings": dict(settings),
        "inputs": {name: {"path": str(path), "sha256": known[name]} for name, path in inputs.items()},
    }


def sign(folder: Path, by: Mapping[str, Any], goes_on: bool) -> None:
    """Note in a folder of unfinished work who works on it now.

    Args:
        by: what `maker` says of the stage.
        goes_on: whether there is work of others that is taken up.
    """
    known = _signed(folder) if goes_on else []
    if by not in known:
        with atomic(folder / SIGNED) as temporary:
            temporary.write_text(json.dumps([*known, by]) + "\n")


def earlier(folder: Path, by: Mapping[str, Any]) -> dict[str, Any]:
    """For the header of what was finished: ``earlier_makers``, who else worked on it; nothing where there is nobody."""
    others = [one for one in _signed(folder) if one != by]
    return {"earlier_makers": others} if others else {}


def _signed(folder: Path) -> list[Any]:
    file = folder / SIGNED
    return json.loads(file.read_text()) if file.is_file() else []


def check_header(found: Mapping[str, Any], kind: str, path: Path) -> None:
    """Raise UserError unless ``found`` heads an artefact of this kind in a schema that this version reads."""
    if found.get("kind") != kind:
        raise UserError(f"{path}: expected a {kind!r} file, got a {found.get('kind')!r} file")
    if found.get("schema") != SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema version {found.get('schema')} but this cgpipe reads {SCHEMA_VERSION}; rerun its stage"
        )


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block ends well, and vanishes when not.

    The content is on disk (fsync) before the rename, so a crash leaves the old file or the new one, never a part.
    The temporary name keeps the suffix, because some writers choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, head: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Write a JSON artefact atomically: ``{"cgpipe": head, **body}``; NaN and infinity are refused."""
    text = json.dumps({"cgpipe": head, **body}, indent=1, allow_nan=False) + "\n"
    with atomic(path) as temporary:
        temporary.write_text(text)


def read_json(path: Path, kind: str) -> dict[str, Any]:
    """Read a JSON artefact of this kind, header included.

    Raises:
        UserError: missing, not JSON, or another kind of file.
    """
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a JSON file ({error}); delete it and rerun its stage") from None
    check_header(content.get("cgpipe", {}), kind, path)
    return content


@contextmanager
def create_h5(path: Path, head: Mapping[str, Any]) -> Iterator[h5py.File]:
    """An HDF5 artefact being written; it gets its name only when the block ends well."""
    # the oldest format whose attributes may exceed 64 KiB: headers and statistics of hundreds of proteins do
    with atomic(path) as temporary, h5py.File(temporary, "w", libver=("v108", "latest")) as file:
        file.attrs["cgpipe"] = json.dumps(head)
        yield file


@contextmanager
def open_h5(path: Path, kind: str) -> Iterator[h5py.File]:
    """An HDF5 artefact of this kind, for reading.

    Raises:
        UserError: missing, truncated, not HDF5, or another kind of file.
    """
    with open_any_h5(path) as file:
        try:
            found = json.loads(file.attrs["cgpipe"]) if "cgpipe" in file.attrs else None
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"{path}: its header is damaged ({error}); rerun the stage that wrote it") from None
        if found is None:
            raise UserError(f"{path}: an HDF5 file, but not one that cgpipe wrote (no 'cgpipe' attribute)")
        check_header(found, kind, path)
        yield file


@contextmanager
def open_any_h5(path: Path) -> Iterator[h5py.File]:
    """Any HDF5 file for reading.

    Raises:
        UserError: missing, empty, no file, not allowed, in use, truncated or foreign.
    """
    require_content(Path(path))
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if error.errno == errno.EAGAIN or "lock file" in str(error):
            raise UserError(
                f"{path}: in use: another program has it open for writing; wait until it is closed"
            ) from None
        if "already open for write" in str(error):
            raise UserError(
                f"{path}: marked as in use: a program is writing it, or was stopped while it did; in that case "
                "`h5clear -s` takes the mark away"
            ) from None
        raise UserError(f"{path}: cannot be read as HDF5 (truncated or damaged?): {error}") from None
    with file:
        yield file


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], head: Mapping[str, Any] | None = None) -> None:
    """Write a compressed NPZ atomically; ``head``, where the layout has room for it, becomes the member ``cgpipe``."""
    content: dict[str, Any] = dict(arrays) if head is None else {"cgpipe": np.array(json.dumps(head)), **arrays}
    with atomic(path) as temporary:
        np.savez_compressed(temporary, **content)


class Rows(NamedTuple):
    """An array to be written in parts along its first axis."""

    shape: tuple[int, ...]
    dtype: type[np.generic]
    parts: Iterator[np.ndarray]


def write_npz_rows(path: Path, arrays: Mapping[str, Rows]) -> None:
    """Write a compressed NPZ atomically, part by part, so that no array is ever whole in memory.

    Raises:
        ValueError: parts of an array that do not add up to its shape.
    """
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, rows in arrays.items():
            head = {"descr": np.dtype(rows.dtype).str, "fortran_order": False, "shape": rows.shape}
            written = 0
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, head)
                for part in rows.parts:
                    member.write(np.ascontiguousarray(part, rows.dtype).tobytes())
                    written += len(part)
            if written != rows.shape[0]:
                raise ValueError(f"{path}: {written} rows of {name} were written, {rows.shape[0]} were promised")


def read_header(path: Path) -> dict[str, Any]:
    """The header of any artefact, whatever its format.

    Raises:
        UserError: the file is missing or no cgpipe artefact.
    """
    path = Path(path)
    require_content(path)
    text = None
    if h5py.is_hdf5(path):
        with open_any_h5(path) as file, suppress(OSError, KeyError, RuntimeError):
            text = file.attrs.get("cgpipe")
    elif zipfile.is_zipfile(path):
        with np.load(path, allow_pickle=False) as archive:
            text = str(archive["cgpipe"]) if "cgpipe" in archive.files else None
    else:
        text = _text_header(path)
    if text is None:
        raise UserError(f"{path}: not a cgpipe artefact, or damaged")
    return json.loads(text)


def mixture(paths: Sequence[Path], keys: Sequence[str]) -> str:
    """A line for files that are put together but were not made alike; empty where they were.

    Args:
        paths: artefacts of one kind.
        keys: of their settings, which should be the same in all.
    """
    heads = [read_header(path) for path in paths]
    for path, head in zip(paths[1:], heads[1:], strict=True):
        differing = [f"settings {key!r}" for key in keys if head["settings"].get(key) != heads[0]["settings"].get(key)]
        differing += ["code (docs/artefacts.md)"] if head.get("code") != heads[0].get("code") else []
        if differing:
            return f"{paths[0]} and {path} were made with different {' and '.join(differing)}; make both again"
    return ""


def _text_header(path: Path) -> str | None:
    """Header of a JSON artefact, or the first line of a model file (JSON line + binary leaves)."""
    content = path.read_bytes()
    for candidate in (content, content.split(b"\n", 1)[0]):
        try:
            parsed = json.loads(candidate)
        except (json.JSONDecodeError, UnicodeDecodeError):
            continue
        if isinstance(parsed, dict) and "cgpipe" in parsed:
            return json.dumps(parsed["cgpipe"])
    return None
