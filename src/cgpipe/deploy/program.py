"""The exported program as a Python callable: what the LAMMPS driver and the checks use, without the model's code.

``load_program`` verifies every file against the hashes in ``model.json`` and picks, per chain, the smallest capacity
that holds it. Positions are shifted to their centre in double precision before they become single precision, so
diffusion far from the origin costs no accuracy.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export
from jaxtyping import Float, Float32, Float64

from cgpipe.artefact import read_json
from cgpipe.data.one_temperature import same_temperature
from cgpipe.data.species import Vocabulary, vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.packed import BROKEN, GRID, LOST, Packed, packed
from cgpipe.errors import UserError

FORMAT = 3
"""Of what a program takes and returns. 1: without ``owned`` and ``virial``; 2: without ``force_spread``."""


class NeighbourOverflow(UserError):
    """A structure has more neighbours per bead than the program has room for; its forces would be wrong."""


class Evaluated(NamedTuple):
    """Energy [kcal/mol], forces [kcal/mol/Å] and energy per bead [kcal/mol] of one structure.

    ``spread`` of the forces of an ensemble's members [kcal/mol/Å], by bead; None for a single model.
    """

    energy: float
    forces: Float[np.ndarray, "beads 3"]
    bead_energies: Float[np.ndarray, " beads"]
    spread: Float[np.ndarray, " beads"] | None = None


class ChainProgram:
    """A program with one topology bound to it: positions in, energy and forces out, nothing built per call."""

    def __init__(self, call: Packed, beads: int, neighbours: int, topology: Topology, where: str):
        self._call = call
        self._neighbours = neighbours
        self._where = where
        self._length = len(topology.species)
        self._padded = np.zeros((beads, 3))
        self._topology = [jax.device_put(_pad(array, beads)) for array in topology]

    def __call__(self, R: Float[np.ndarray, "beads 3"]) -> Evaluated:
        """Energy and forces at positions R [Å].

        Raises:
            FloatingPointError: a position, the energy or a force is not finite.
            NeighbourOverflow: more neighbours than the program has slots for.
        """
        n, beads = self._length, len(self._padded)
        self._padded[:n] = R
        found = self._call(self._padded, *self._topology)
        energy, needed, state = found[:3].tolist()
        if state == LOST:
            raise FloatingPointError(f"{self._where}: a position is not finite")
        if needed > self._neighbours:
            raise NeighbourOverflow(
                f"{self._where}: {needed:.0f} neighbour slots per bead are needed but the program has "
                f"{self._neighbours}; look for a collapsed structure, or export again with export.neighbours: "
                f"{needed:.0f}"
            )
        if state == BROKEN:
            raise FloatingPointError(f"{self._where}: the energy or a force is not finite")
        forces, by_bead = found[3 : 3 + 3 * n].reshape(n, 3), found[3 + 3 * beads :]
        spread = by_bead[beads : beads + n] if len(by_bead) > beads else None
        return Evaluated(energy, forces, by_bead[:n], spread)


class Program:
    """All capacities of one exported model."""

    def __init__(self, metadata: dict[str, Any], path: Path):
        self.metadata = metadata
        self.path = path
        self._calls: dict[int, Packed] = {}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The bead types that the program knows.

        Raises:
            UserError: they are not those of this cgpipe.
        """
        stored = self.metadata["vocabulary"]
        known = vocabulary(stored["name"])
        if list(known.types) != stored["types"]:
            raise UserError(f"{self.path}: types {stored['types']} differ from {known.name!r} here; export it again")
        return known

    def temperature(self, wanted: float, usual: float) -> float:
        """What to simulate at [K].

        Args:
            wanted: by the user; 0 leaves it to the program, and to the data.
            usual: of the data.

        Raises:
            UserError: the program was exported for another temperature than the one wanted.
        """
        own = self.metadata.get("temperature")
        if own and wanted and not same_temperature(own, wanted):
            raise UserError(
                f"{self.path}: exported at {own:g} K from a model with temperature as an input, not at {wanted:g} K; "
                "run the export stage again"
            )
        return wanted or own or usual

    def bind(self, topology: Topology, beads: int | None = None) -> ChainProgram:
        """The program for one chain (or several): the smallest capacity that fits, or the given one.

        Raises:
            UserError: more beads than the largest capacity, or a species that the vocabulary lacks.
        """
        n = len(topology.species)
        entry = self._entry(n, beads)
        if np.min(topology.species) < 0 or np.max(topology.species) >= len(self.vocabulary):
            raise UserError(f"{self.path}: species ids must lie in 0 … {len(self.vocabulary) - 1}")
        capacity = entry["beads"]
        if capacity not in self._calls:
            call = self._read(entry["jaxexp"]).call
            self._calls[capacity] = packed(call, self.metadata["dtype"], self.metadata["members"])
        return ChainProgram(self._calls[capacity], capacity, entry["neighbours"], topology, str(self.path))

    def evaluate(self, R: Float[np.ndarray, "beads 3"], topology: Topology) -> Evaluated:
        """Energy and forces of one structure; see ``ChainProgram`` for many of one topology."""
        return self.bind(topology)(np.asarray(R, np.float64))

    @property
    def capacities(self) -> list[int]:
        """Bead capacities, smallest first."""
        return sorted(entry["beads"] for entry in self.metadata["programs"])

    def _entry(self, n: int, beads: int | None) -> Mapping[str, Any]:
        fitting = [e for e in self.metadata["programs"] if e["beads"] >= n and beads in (None, e["beads"])]
        if not fitting:
            raise UserError(
                f"{self.path}: {n} beads, but it holds {self.capacities[-1]}; export again with export.beads: {n}"
            )
        return min(fitting, key=lambda entry: entry["beads"])

    def _read(self, name: str) -> export.Exported:
        content = (self.path.parent / name).read_bytes()
        try:
            return export.deserialize(bytearray(content))
        except ValueError as error:
            raise UserError(
                f"{self.path.parent / name}: jax {jax.__version__} cannot read what jax "
                f"{self.metadata['versions']['jax']} wrote ({error}); {renewal(self.path)}"
            ) from None


def load_program(model_json: Path) -> Program:
    """Open an exported model.

    Args:
        model_json: its ``model.json``; the other files are beside it.

    Raises:
        UserError: a file is missing, damaged or from another export.
    """
    model_json = Path(model_json)
    metadata = read_json(model_json, "program")
    if (found := metadata.get("format", 1)) != FORMAT:
        raise UserError(
            f"{model_json}: program of format {found}, but this cgpipe runs {FORMAT}; {renewal(model_json)}"
        )
    for name, expected in metadata["sha256"].items():
        file = model_json.parent / name
        if not file.is_file():
            raise UserError(f"{file}: no such file, but {model_json} lists it; {renewal(model_json)}")
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != expected:
            raise UserError(
                f"{file}: SHA-256 {found[:12]}… but {model_json} says {expected[:12]}…; "
                f"damaged or from another export: {renewal(model_json)}"
            )
    return Program(metadata, model_json)


def renewal(model_json: Path) -> str:
    """What a user does about an export that this cgpipe cannot run."""
    return f"make it again from its own weights: cgpipe renew {model_json.parent}"


def centre(R: Float[np.ndarray, "beads 3"]) -> Float64[np.ndarray, "3"]:
    """The point of a grid of ``GRID`` next to the mean of positions [Å]."""
    return on_grid(np.asarray(np.mean(R, axis=0, dtype=np.float64)))


def on_grid(x: Float[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
    """Numbers [Å] rounded to multiples of ``GRID``."""
    return np.round(np.asarray(x, np.float64) / GRID) * GRID


def centred(R: Float[np.ndarray, "beads 3"]) -> Float32[np.ndarray, "beads 3"]:
    """Positions [Å] relative to their centre, subtracted in double precision."""
    return (np.asarray(R, np.float64) - centre(R)).astype(np.float32)


def _pad(array: Any, beads: int) -> np.ndarray:
    """One array of a topology, filled with zeros (for the mask: False) up to the capacity."""
    array = np.asarray(array)
    array = array if array.dtype == bool else array.astype(np.int32)
    return np.concatenate([array, np.zeros(beads - len(array), array.dtype)])
