"""Beads that were projected elsewhere, from NPZ files in the seed layout.

R [Å] and F [kcal/mol/Å] of shape (frames, slots, 3), species and mask of shape (frames, slots), Z of shape (slots,);
optionally chain and residue of shape (slots,) or (frames, slots), residue numbers consecutive exactly along bonds.
Slots where the mask is 0 are padding. A file may hold several proteins; one protein at a time is taken out.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Int64

from cgpipe.config.proteins import NpzProtein, data_files
from cgpipe.data.bond_ranges import bead_bonds
from cgpipe.data.frames import Chunk
from cgpipe.data.projection import Projection
from cgpipe.data.readers.reader import spread
from cgpipe.data.sane_frames import Sieve
from cgpipe.data.species import ONE_LETTER, vocabulary
from cgpipe.errors import UserError
from cgpipe.files import require_content

ARRAYS = ("R", "F", "species", "mask")
GAPS = "where a chain ends or has a gap, say so with arrays 'chain' or 'residue'"


@dataclass(frozen=True)
class GivenBeads:
    """One protein in the files: its beads, and for each file the rows of its frames.

    ``slots`` are the columns of its beads; ``chain`` and ``residue`` as in `Projection`.
    """

    files: tuple[str, ...]
    rows: tuple[Int64[np.ndarray, " _"], ...]
    slots: Int64[np.ndarray, " beads"]
    residue_name: tuple[str, ...]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]


def find_given(block: NpzProtein, kinds: str = "residues") -> GivenBeads:
    """Find a protein in its files, without reading positions or forces.

    Args:
        block: where it is.
        kinds: vocabulary of its ``species``.

    Raises:
        UserError: a file that cannot be read or has other arrays, more than one protein, or none of what was asked for.
    """
    files = data_files(block)["path"]
    found = [_find_in(file, block) for file in files]
    first = found[0][1]
    for file, (_, other) in zip(files[1:], found[1:], strict=True):
        if not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True)):
            raise UserError(f"{file}: another protein than in {files[0]} (species, mask, chain or residue differ)")
    species, mask, chain, residue = first
    slots = np.flatnonzero(mask)
    of_chain = np.unique(chain[slots], return_counts=True)[1]
    if of_chain.min() < 2:
        raise UserError(f"{files[0]}: a chain of one bead; a chain of beads needs at least 2")
    names = _residue_names(species[slots], block.sequence, kinds, files[0])
    rows = tuple(spread(rows[:: block.stride], block.max_frames) for rows, _ in found)
    return GivenBeads(files, rows, slots, names, chain[slots].astype(np.int32), residue[slots].astype(np.int32))


def read_given(protein: str, block: NpzProtein, non_finite: str, kinds: str = "residues") -> Projection:
    """Read a protein that somebody else projected; its force map is called ``given`` and has no W.

    Args:
        protein: its name.
        block: where it is.
        non_finite: what to do with frames that cannot be: ``refuse`` or ``drop``.
        kinds: vocabulary of its ``species``.

    Raises:
        UserError: as `find_given`; besides, frames that cannot be.
    """
    beads = find_given(block, kinds)
    rows = np.arange(len(beads.slots))
    bonds = bead_bonds(beads.chain, beads.residue, rows)
    sieve = Sieve(non_finite, lambda index: f"{protein}: {beads.files[index]}", bonds, rows, GAPS)
    chunks = []
    for index, (file, rows) in enumerate(zip(beads.files, beads.rows, strict=True)):
        with _opened(file) as archive:
            R = archive["R"][rows][:, beads.slots].astype(np.float32)
            F = archive["F"][rows][:, beads.slots].astype(np.float32)
        chunks.append(sieve(Chunk(index, float(block.temperature), rows, R, F)))
    notes = sieve.finish()
    lengths = [len(chunk.frame) for chunk in chunks]
    asked, frames = sum(map(len, beads.rows)), sum(lengths)
    F = np.concatenate([chunk.F for chunk in chunks])
    R = np.concatenate([chunk.R for chunk in chunks])
    rms = float(np.sqrt((F.astype(np.float64) ** 2).mean()))
    centred = R - R.mean(axis=1, keepdims=True, dtype=np.float64)
    return Projection(
        protein=protein,
        R=R,
        F=F,
        residue_name=beads.residue_name,
        chain=beads.chain,
        residue=beads.residue,
        temperature=np.full(frames, block.temperature, np.float32),
        trajectories=tuple(f"{block.temperature:g}/{index}" for index in range(len(chunks))),
        trajectory=np.repeat(np.arange(len(chunks), dtype=np.int32), lengths),
        frame=np.concatenate([chunk.frame for chunk in chunks]).astype(np.int32),
        W=np.zeros((len(beads.slots), 0)),
        atom_name=(),
        atom_residue=(),
        quality={
            "map": "given",
            "engine": "elsewhere",
            "frames": frames,
            "frames_dropped": asked - frames,
            "left_out": sieve.summary(),
            "free_coefficients": 0,
            "overfit_ratio": 0.0,
            "rms": {"given": rms},
            "rms_heldout": {"given": rms},
            "rms_heldout_by_temperature": {f"{block.temperature:g}": rms},
            "net_force_rms": _rms(F.sum(axis=1, dtype=np.float64)),
            "net_torque_rms": _rms(np.cross(centred, F).sum(axis=1)),
            "constraints_from_topology": 0,
            "constraint_violation_max": 0.0,
            "notes": ["projected elsewhere: nothing is known here of the force map or of its noise", *notes],
        },
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _find_in(file: str, block: NpzProtein) -> tuple[Int64[np.ndarray, " rows"], tuple[np.ndarray, ...]]:
    """Rows of the frames of the one protein in a file, and its species, mask, chain and residue by slot."""
    with _opened(file) as archive:
        missing = [name for name in (*ARRAYS, "Z") if name not in archive.files]
        if missing:
            raise UserError(f"{file}: no {', '.join(missing)}; expected arrays {', '.join(ARRAYS)}, Z (seed layout)")
        species, mask = archive["species"], archive["mask"]
        _check_shapes(file, species, mask)
        frames, slots = mask.shape
        chain = archive["chain"] if "chain" in archive.files else np.zeros(slots, np.int32)
        residue = archive["residue"] if "residue" in archive.files else np.arange(1, slots + 1)
    for name, values in (("chain", chain), ("residue", residue)):
        if values.shape not in ((slots,), (frames, slots)) or values.dtype.kind not in "iu":
            raise UserError(
                f"{file}: {name} has shape {values.shape} and type {values.dtype}, expected whole numbers of shape "
                f"({slots},) or ({frames}, {slots})"
            )
    real = mask > 0
    counts = real.sum(axis=1)
    rows = np.flatnonzero(counts == block.beads if block.beads else counts > 0)
    if not len(rows):
        raise UserError(f"{file}: no frame with {block.beads or 'any'} beads; it has {_described(counts)}")
    identity = [np.broadcast_to(values, mask.shape)[rows] for values in (species, real, chain, residue)]
    # what padding holds makes no difference
    identity = [np.where(real[rows], values, 0) for values in identity]
    identities = np.concatenate(identity, axis=1)
    if (identities != identities[0]).any():
        distinct = np.unique(identities, axis=0)
        remedy = (
            "they have equal lengths: put them into files of their own" if block.beads else "choose one with 'beads'"
        )
        raise UserError(f"{file}: holds {len(distinct)} proteins ({_described(counts[rows])}); {remedy}")
    return rows, tuple(values[0] for values in identity)


def _check_shapes(file: str, species: np.ndarray, mask: np.ndarray) -> None:
    if mask.ndim != 2 or species.shape != mask.shape or species.dtype.kind not in "iu":
        raise UserError(
            f"{file}: species has shape {species.shape} and type {species.dtype}, mask has shape {mask.shape}; "
            "expected (frames, slots) for both, and whole numbers for species"
        )
    for name in ("R", "F"):
        shape = _shape_of(file, name)
        if shape != (*mask.shape, 3):
            raise UserError(f"{file}: {name} has shape {shape}, expected {(*mask.shape, 3)} (frames, slots, 3)")


def _shape_of(file: str, name: str) -> tuple[int, ...]:
    """Shape of an array in an archive, from its header alone."""
    with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(member)[0]


def _described(counts: Int64[np.ndarray, " frames"]) -> str:
    beads, frames = np.unique(counts, return_counts=True)
    return ", ".join(f"{n} frames of {b} beads" for b, n in zip(beads.tolist(), frames.tolist(), strict=True))


def _residue_names(species: Int[np.ndarray, " beads"], sequence: str, kinds: str, file: str) -> tuple[str, ...]:
    """Name of every bead in a vocabulary: from the sequence, else from the ids of its types."""
    if sequence:
        if len(sequence) != len(species):
            raise UserError(f"{file}: 'sequence' has {len(sequence)} letters, but the protein has {len(species)} beads")
        return tuple(ONE_LETTER[letter] for letter in sequence)
    types = vocabulary(kinds).types
    if species.min() < 0 or species.max() >= len(types):
        raise UserError(
            f"{file}: species {int(species.min())}…{int(species.max())}, expected ids 0…{len(types) - 1} of the "
            f"vocabulary {kinds!r}; where they mean something else, give the protein's 'sequence'"
        )
    return tuple(types[i] for i in species.tolist())


@contextmanager
def _opened(file: str) -> Iterator[np.lib.npyio.NpzFile]:
    """An NPZ file, with clear errors for a missing, damaged or foreign one."""
    require_content(Path(file))
    try:
        with Path(file).open("rb") as content, np.load(content, allow_pickle=False) as archive:
            yield archive
    except UserError:
        raise
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: cannot be read as NPZ (truncated or damaged?): {error}") from None
