"""A model as a StableHLO program with a fixed signature and static capacities.

The program is one function of positions and topology (``ARGUMENTS``, padded to the bead capacity) that returns
``RESULTS``; weights are constants inside it. Neighbours are searched inside, so a caller needs no neighbour list, but
must compare ``needed_neighbours`` with the capacity: a larger number means that the forces are wrong.

``owned`` says whose energies count. E = Σ_owned E_i and ``forces`` = −∂E/∂R of *all* rows, so parts of a system that is
divided among processes, each with its own beads and those that surround them, add up to the whole. ``virial`` is
Σ_i R_i ⊗ F_i over all rows. Whoever has the whole system at once passes ``mask`` for ``owned``. ``force_spread`` is how
far the members of an ensemble are apart (``deploy.consensus``), 0 for a single model; of a part of a system it is that
of the part's energy alone, so it is of use only to those who have the whole.

Two traps of the format are closed here. An argument that the function does not use would vanish from the module's
signature, so all arguments are kept and that is checked (``module_kept_var_idx``). A program for more than one platform
has one more argument in front, ``_platform_index`` (int32: position in ``platforms``), which jax passes by itself and
every other runtime must pass.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Bool, Float, Int

from cgpipe.data.topology import Topology
from cgpipe.deploy.consensus import Model, evaluate, pattern_of

ARGUMENTS = {
    "positions": ("real", 2),
    "species": ("int32", 1),
    "chain": ("int32", 1),
    "residue": ("int32", 1),
    "mask": ("bool", 1),
    "owned": ("bool", 1),
}
"""Name → dtype (``real``: that of the program) and axes, as in ``SHAPES``, in the order of the program's signature."""

RESULTS = {
    "bead_energies": ("real", 1),
    "forces": ("real", 2),
    "virial": ("real", 3),
    "needed_neighbours": ("int32", 0),
    "force_spread": ("real", 1),
}
"""Name → dtype and axes of what the program returns, in order."""


@dataclass(frozen=True)
class StaticProgram:
    """A potential exported for one bead capacity."""

    beads: int
    neighbours: int
    exported: export.Exported

    @property
    def dtype(self) -> str:
        """Of positions, energies and forces."""
        return self.exported.in_avals[0].dtype.name


def signature(table: Mapping[str, tuple[str, int]], beads: int, dtype: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name → shape and dtype of arguments or results.

    Args:
        table: ``ARGUMENTS`` or ``RESULTS``.
        beads: capacity of the program.
        dtype: of its real numbers.
    """
    shapes = ((), (beads,), (beads, 3), (3, 3))
    return {name: (shapes[axes], dtype if kind == "real" else kind) for name, (kind, axes) in table.items()}


def export_potential(model: Model, beads: int, platforms: Sequence[str]) -> StaticProgram:
    """Export the energies and forces of structures with up to ``beads`` beads.

    Args:
        model: one potential, or the members of an ensemble.
        beads: bead capacity of the program; shorter chains are padded by the caller (``mask`` False).
        platforms: where it can run, e.g. ``("cpu", "cuda")``; none of them needs to be present here.

    The program computes in the precision of the model's parameters.
    """
    dtype = _precision(model)

    def program(
        positions: Float[Array, "beads 3"],
        species: Int[Array, " beads"],
        chain: Int[Array, " beads"],
        residue: Int[Array, " beads"],
        mask: Bool[Array, " beads"],
        owned: Bool[Array, " beads"],
    ) -> tuple[
        Float[Array, " beads"], Float[Array, "beads 3"], Float[Array, "3 3"], Int[Array, ""], Float[Array, " beads"]
    ]:
        result = evaluate(model, positions, Topology(species, chain, residue, mask), owned)
        where = jnp.where(mask[:, None], positions, 0)
        virial = jnp.matmul(where.T, result.forces, precision="highest")
        return result.bead_energies, result.forces, virial, result.needed, result.spread

    arguments = [jax.ShapeDtypeStruct(*one) for one in signature(ARGUMENTS, beads, dtype).values()]
    exported = export.export(jax.jit(program, keep_unused=True), platforms=tuple(platforms))(*arguments)
    _check_signature(exported, beads)
    return StaticProgram(beads, min(pattern_of(model).neighbour_slots, beads - 1), exported)


def _precision(model: Model) -> str:
    """The dtype that all parameters share."""
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves(model) if eqx.is_inexact_array(leaf)}
    if len(dtypes) != 1:
        raise ValueError(f"the parameters of a model to export must share one dtype, these have {sorted(dtypes)}")
    return dtypes.pop()


def _check_signature(exported: export.Exported, beads: int) -> None:
    """Raise RuntimeError unless the module takes and returns exactly what ``ARGUMENTS`` and ``RESULTS`` say."""
    if tuple(exported.module_kept_var_idx) != tuple(range(len(ARGUMENTS))):
        raise RuntimeError(f"the module kept only the arguments {exported.module_kept_var_idx} of {list(ARGUMENTS)}")
    expected = list(signature(RESULTS, beads, exported.in_avals[0].dtype.name).values())
    found = [(value.shape, value.dtype.name) for value in exported.out_avals]
    if found != expected:
        raise RuntimeError(f"the program returns {found}, expected {expected} ({list(RESULTS)})")


def write_program(program: StaticProgram, folder: Path, stem: str, text: bool = False) -> None:
    """Write ``<stem>.mlir`` (portable StableHLO bytecode) and ``<stem>.jaxexp`` (the same for ``jax.export``).

    With ``text`` also ``<stem>.mlir.txt``, for reading; it is in no list and no program looks at it.
    """
    (folder / f"{stem}.mlir").write_bytes(program.exported.mlir_module_serialized)
    (folder / f"{stem}.jaxexp").write_bytes(program.exported.serialize())
    if text:
        (folder / f"{stem}.mlir.txt").write_text(program.exported.mlir_module())


def stablehlo_version(module: bytes) -> str:
    """Version of StableHLO that a portable bytecode module was written for, from its producer string."""
    found = re.search(rb"StableHLO_v([0-9.]+)", module[:64])
    return found.group(1).decode() if found else "unknown"
