"""Every key of ``proteins.yaml``: one class per source of all-atom frames; and the files that a block names."""

import glob
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from cgpipe.config.models import Count, InDataset, Name, Positive, Section
from cgpipe.config.sampling import OpenmmProtein
from cgpipe.config.section import DataPath, data_path
from cgpipe.errors import UserError


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Files = Annotated[
    tuple[DataPath, ...],
    BeforeValidator(_as_tuple),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]
"""One file or a list of them; ``*``, ``?``, ``[…]`` and ``**`` are wildcards, except in names that exist as written."""

Replica = Annotated[int, Field(ge=0)]
OneLetterSequence = Annotated[str, Field(pattern=r"^[ACDEFGHIKLMNPQRSTVWXY]*$")]

STRIDE = "take every n-th frame"
MAX_FRAMES = "at most so many frames of each trajectory, spread evenly over it; 0 takes all"


class MdcathProtein(InDataset):
    source: Literal["mdcath"] = Field(description="mdCATH HDF5 with positions and forces")
    path: Files = Field(description="the HDF5 file, or several of one domain; relative to the working directory")
    domain: str = Field("", description="group in the file; empty where the file has only one")
    temperatures: tuple[Count, ...] = Field((), description="temperatures to use [K]; empty takes all")
    replicas: tuple[Replica, ...] = Field((), description="replicas to use; empty takes all")
    stride: Count = Field(1, description=STRIDE)
    max_frames: Annotated[int, Field(ge=0)] = Field(0, description=MAX_FRAMES)


class TrajectoryProtein(InDataset):
    source: Literal["trajectory"] = Field(description="any topology and trajectories with forces that MDAnalysis reads")
    topology: DataPath = Field(description="TPR, PSF, PRMTOP, PDB, GRO…; bonds that it lacks are guessed by distance")
    trajectories: Files = Field(
        description="TRR, AMBER NetCDF, H5MD…; each file is a trajectory of its own, but AMBER's files of coordinates "
        "alone and of forces alone make pairs, the first of both, and so on"
    )
    temperature: Positive = Field(description="of the MD [K]")
    selection: str = Field("protein", description="the protein's atoms, in MDAnalysis' selection language")
    stride: Count = Field(1, description=STRIDE)
    max_frames: Annotated[int, Field(ge=0)] = Field(0, description=MAX_FRAMES)
    missing_forces: Literal["refuse", "skip"] = Field(
        "refuse", description="what to do with frames that hold no forces or no positions"
    )


class NpzProtein(InDataset):
    source: Literal["npz"] = Field(
        description="beads projected elsewhere: R [Å], F [kcal/mol/Å], species, mask, Z; optional chain, residue"
    )
    path: Files = Field(description="the NPZ file, or several; each is a trajectory of its own")
    temperature: Positive = Field(description="of the MD [K]")
    beads: Annotated[int, Field(ge=0)] = Field(
        0, description="use the frames with so many beads; needed where the file holds more than one protein"
    )
    sequence: OneLetterSequence = Field(
        "", description="one letter per bead; empty takes `species` for the ids of the vocabulary `residues`"
    )
    stride: Count = Field(1, description=STRIDE)
    max_frames: Annotated[int, Field(ge=0)] = Field(0, description=MAX_FRAMES)


Given = Annotated[MdcathProtein | TrajectoryProtein | NpzProtein, Field(discriminator="source")]
"""Frames that exist in files."""

Protein = Annotated[MdcathProtein | TrajectoryProtein | NpzProtein | OpenmmProtein, Field(discriminator="source")]

SOURCES = (MdcathProtein, TrajectoryProtein, NpzProtein, OpenmmProtein)
"""The classes above, in the order of the key tables."""


class Proteins(Section):
    """The whole ``proteins.yaml``."""

    proteins: dict[Name, Protein] = Field(min_length=1, description="one block per protein")


def data_files(block: Given) -> dict[str, tuple[str, ...]]:
    """The files a protein is read from: key of the block → files, wildcards resolved, in natural order (9 before 10).

    Files named without wildcards need not exist.

    Raises:
        UserError: wildcards that match nothing, or a file that is named twice.
    """
    if isinstance(block, TrajectoryProtein):
        return {"topology": (block.topology,), "trajectories": _resolve("trajectories", block.trajectories)}
    return {"path": _resolve("path", block.path)}


def native_file(block: Protein) -> str:
    """The PDB of a protein's native structure: what is given, else what its run starts from; empty where neither is."""
    return block.native or (block.pdb if isinstance(block, OpenmmProtein) else "")


def _resolve(key: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    files: list[str] = []
    for pattern in patterns:
        if glob.has_magic(pattern) and not Path(pattern).exists():
            found = glob.glob(_escaped(pattern), recursive=True)  # noqa: PTH207 (Path.glob refuses absolute patterns)
            if not found:
                raise UserError(
                    f"{key}: no file matches {pattern!r} (*, ? and […] are wildcards; write [[] for a [ of the name)"
                )
            files += sorted(found, key=_natural)
        else:
            files.append(pattern)
    for file in files:
        if files.count(file) > 1:
            raise UserError(f"{key}: {file} is named more than once")
        try:
            data_path(file)
        except ValueError as error:
            raise UserError(f"{key}: {file}: {error}") from None
    return tuple(files)


def _escaped(pattern: str) -> str:
    """The pattern with the folders at its beginning that exist by that very name, though it has wildcards in them."""
    known = next(folder for folder in Path(pattern).parents if folder.exists())
    rest = str(Path(pattern).relative_to(known))
    return rest if known == Path() else f"{glob.escape(str(known))}/{rest}"


def _natural(name: str) -> list[str | int]:
    """Sort key by which ``run9`` comes before ``run10``: texts and numbers take turns."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"(\d+)", name))]
