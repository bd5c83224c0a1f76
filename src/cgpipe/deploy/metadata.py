"""``model.json``: all that a runtime must know about an exported model, without the model's code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jaxlib

from cgpipe.artefact import sha256
from cgpipe.data.species import Vocabulary
from cgpipe.deploy.consensus import Model, members_of, pattern_of
from cgpipe.deploy.parity import Parity, Sample
from cgpipe.deploy.program import FORMAT, centred
from cgpipe.deploy.stablehlo import ARGUMENTS, RESULTS, StaticProgram, signature, stablehlo_version


def describe_programs(
    programs: Sequence[StaticProgram], names: Vocabulary, model: Model, folder: Path, files: Sequence[str]
) -> dict[str, Any]:
    """The part of ``model.json`` that describes the programs in ``folder``.

    The largest program is ``model.mlir`` and ``model.jaxexp``, described at the top level; smaller ones, for shorter
    chains, are in ``programs``.

    Args:
        programs: all capacities, smallest first.
        names: bead types.
        model: what was exported.
        folder: where the files are.
        files: names of the files whose hashes are recorded, beside those of the programs.
    """
    largest, potential = programs[-1], pattern_of(model)
    entries = [_entry(program, program is largest) for program in programs]
    hashed = [*files, *(entry[kind] for entry in entries for kind in ("mlir", "jaxexp"))]
    platforms = list(largest.exported.platforms)
    return {
        "format": FORMAT,
        "members": members_of(model),
        "cutoff": potential.cutoff,
        "reach": potential.reach,
        "longest_bond": potential.longest_bond,
        "vocabulary": {"name": names.name, "types": list(names.types), "masses": list(names.masses)},
        "capacities": {"beads": largest.beads, "neighbours": largest.neighbours},
        "platforms": platforms,
        "platform_index": {name: index for index, name in enumerate(platforms)},
        "dtype": largest.dtype,
        "arguments": module_arguments(largest.beads, len(platforms), largest.dtype),
        "results": _listed(RESULTS, largest.beads, largest.dtype),
        "programs": entries,
        "versions": {
            "jax": jax.__version__,
            "jaxlib": jaxlib.__version__,
            "stablehlo": stablehlo_version(largest.exported.mlir_module_serialized),
            "calling_convention": largest.exported.calling_convention_version,
        },
        "sha256": {name: sha256(folder / name) for name in hashed},
    }


def _entry(program: StaticProgram, largest: bool) -> dict[str, Any]:
    stem = file_stem(program, largest)
    return {
        "beads": program.beads,
        "neighbours": program.neighbours,
        "mlir": f"{stem}.mlir",
        "jaxexp": f"{stem}.jaxexp",
        "kept_arguments": list(program.exported.module_kept_var_idx),
    }


def file_stem(program: StaticProgram, largest: bool) -> str:
    """``model`` for the largest capacity, ``model-<beads>`` for the others."""
    return "model" if largest else f"model-{program.beads}"


def module_arguments(beads: int, platforms: int, dtype: str) -> list[dict[str, Any]]:
    """Arguments of the StableHLO module in order; with several platforms their index comes first."""
    index = [{"name": "platform_index", "shape": [], "dtype": "int32"}] if platforms > 1 else []
    return index + _listed(ARGUMENTS, beads, dtype)


def _listed(table: Mapping[str, tuple[str, int]], beads: int, dtype: str) -> list[dict[str, Any]]:
    described = signature(table, beads, dtype)
    return [{"name": name, "shape": list(shape), "dtype": kind} for name, (shape, kind) in described.items()]


def reference_frames(samples: Mapping[str, Sample], parities: Mapping[str, Parity]) -> list[dict[str, Any]]:
    """One frame per protein with the Python model's energies and forces, for runtimes to check themselves."""
    frames = []
    for name, sample in samples.items():
        energies, forces = parities[name].reference
        frames.append(
            {
                "protein": name,
                "positions": centred(sample.R[0]).tolist(),
                **{field: getattr(sample.topology, field).tolist() for field in ("species", "chain", "residue")},
                "bead_energies": energies.tolist(),
                "forces": forces.tolist(),
            }
        )
    return frames
