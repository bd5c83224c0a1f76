"""A potential as a StableHLO program with a fixed signature and static capacities.

The program is one function of positions and topology (``ARGUMENTS``, padded to the bead capacity) that returns
``RESULTS``; weights are constants inside it. Neighbours are searched inside, so a caller needs no neighbour list, but
must compare ``needed_neighbours`` with the capacity: a larger number means that the forces are wrong.

Two traps of the format are closed here. An argument that the function does not use would vanish from the module's
signature, so all arguments are kept and that is checked (``module_kept_var_idx``). A program for more than one platform
has one more argument in front, ``_platform_index`` (int32: position in ``platforms``), which jax passes by itself and
every other runtime must pass.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential

ARGUMENTS = {
    "positions": ("float32", 2),
    "species": ("int32", 1),
    "chain": ("int32", 1),
    "residue": ("int32", 1),
    "mask": ("bool", 1),
}
"""Name → dtype and number of axes (``beads``, then 3 coordinates), in the order of the program's signature."""

RESULTS = {"bead_energies": ("float32", 1), "forces": ("float32", 2), "needed_neighbours": ("int32", 0)}
"""Name → dtype and number of axes of what the program returns, in order."""


@dataclass(frozen=True)
class StaticProgram:
    """A potential exported for one bead capacity."""

    beads: int
    neighbours: int
    exported: export.Exported


def shape(axes: int, beads: int) -> tuple[int, ...]:
    """Shape of an argument or result with so many axes."""
    return ((), (beads,), (beads, 3))[axes]


def export_potential(potential: Potential, beads: int, platforms: Sequence[str]) -> StaticProgram:
    """Export the energies and forces of structures with up to ``beads`` beads.

    Args:
        beads: bead capacity of the program; shorter chains are padded by the caller (``mask`` False).
        platforms: where it can run, e.g. ``("cpu", "cuda")``; none of them needs to be present here.
    """

    def program(
        positions: Float[Array, "beads 3"],
        species: Int[Array, " beads"],
        chain: Int[Array, " beads"],
        residue: Int[Array, " beads"],
        mask: Bool[Array, " beads"],
    ) -> tuple[Float[Array, " beads"], Float[Array, "beads 3"], Int[Array, ""]]:
        result = potential.evaluate(positions, Topology(species, chain, residue, mask))
        return result.bead_energies, result.forces, result.needed

    arguments = [jax.ShapeDtypeStruct(shape(axes, beads), jnp.dtype(dtype)) for dtype, axes in ARGUMENTS.values()]
    exported = export.export(jax.jit(program, keep_unused=True), platforms=tuple(platforms))(*arguments)
    _check_signature(exported, beads)
    return StaticProgram(beads, min(potential.neighbour_slots, beads - 1), exported)


def _check_signature(exported: export.Exported, beads: int) -> None:
    """Raise RuntimeError unless the module takes and returns exactly what ``ARGUMENTS`` and ``RESULTS`` say."""
    if tuple(exported.module_kept_var_idx) != tuple(range(len(ARGUMENTS))):
        raise RuntimeError(f"the module kept only the arguments {exported.module_kept_var_idx} of {list(ARGUMENTS)}")
    expected = [(shape(axes, beads), dtype) for dtype, axes in RESULTS.values()]
    found = [(value.shape, value.dtype.name) for value in exported.out_avals]
    if found != expected:
        raise RuntimeError(f"the program returns {found}, expected {expected} ({list(RESULTS)})")


def write_program(program: StaticProgram, folder: Path, stem: str) -> None:
    """Write ``<stem>.mlir`` (portable StableHLO bytecode) and ``<stem>.jaxexp`` (the same for ``jax.export``)."""
    (folder / f"{stem}.mlir").write_bytes(program.exported.mlir_module_serialized)
    (folder / f"{stem}.jaxexp").write_bytes(program.exported.serialize())


def stablehlo_version(module: bytes) -> str:
    """Version of StableHLO that a portable bytecode module was written for, from its producer string."""
    found = re.search(rb"StableHLO_v([0-9.]+)", module[:64])
    return found.group(1).decode() if found else "unknown"
