"""The exported signature; that its numbers are right is seen in test_program."""

import jax
import pytest
from jax import export
from synthetic_program import tiny_potential

from cgpipe.deploy.metadata import module_arguments
from cgpipe.deploy.stablehlo import _check_signature, export_potential, stablehlo_version


def test_arguments_the_model_ignores_stay_in_the_module():
    """Detects pruning: a network without prior uses neither chain nor residue."""
    program = export_potential(tiny_potential(5), 6, ("cpu",))
    assert program.exported.module_kept_var_idx == (0, 1, 2, 3, 4, 5)
    assert [str(aval) for aval in program.exported.in_avals] == [
        "float32[6,3]", "int32[6]", "int32[6]", "int32[6]", "bool[6]", "bool[6]",
    ]  # fmt: skip


def test_pruned_arguments_are_refused():
    """Detects a check that never looks: here jit is allowed to drop what is not used."""
    six = jax.ShapeDtypeStruct((6, 3), "float32")
    pruned = export.export(jax.jit(lambda a, b: a))(six, six)
    with pytest.raises(RuntimeError, match="kept only the arguments"):
        _check_signature(pruned, 6)


@pytest.mark.parametrize("platforms", [("cpu",), ("cpu", "cuda")])
def test_documented_arguments_are_those_of_the_module(platforms):
    """Detects a missing or wrong platform index in model.json, by counting the arguments of the module's main."""
    program = export_potential(tiny_potential(5), 6, platforms)
    main = program.exported.mlir_module().split("func.func public @main(")[1].split("->")[0]
    documented = module_arguments(6, len(platforms), "float32")
    assert main.count("%arg") == len(documented)
    assert ("_platform_index" in main) == (documented[0]["name"] == "platform_index") == (len(platforms) > 1)


def test_slots_never_exceed_the_other_beads():
    assert export_potential(tiny_potential(50), 6, ("cpu",)).neighbours == 5
    assert export_potential(tiny_potential(3), 6, ("cpu",)).neighbours == 3


def test_stablehlo_version_is_read_from_the_bytes():
    module = export_potential(tiny_potential(5), 6, ("cpu",)).exported.mlir_module_serialized
    major, minor, _patch = map(int, stablehlo_version(module).split("."))
    assert (major, minor) >= (1, 0)
    assert stablehlo_version(b"something else") == "unknown"
