"""The PJRT library of the pair style on sums over many rows, which other builds of XLA get wrong."""

import subprocess
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from cgpipe.dynamics.lammps.native import COMPILER, SOURCES, pjrt_library

ROWS = (16_385, 32_769, 40_001)
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


@pytest.mark.usefixtures("native")
def test_sums_over_many_rows_are_right(tmp_path):
    """StableHLO of ``sum((m @ r)**2)`` in both precisions through the pair style's own runtime; CPUs only."""
    program = tmp_path / "sums"
    sources = [Path(__file__).with_name("sums.cpp"), SOURCES / "runtime.cpp"]
    subprocess.run([COMPILER, "-std=c++17", f"-I{SOURCES}", *sources, "-ldl", "-o", program], check=True)
    rng = np.random.default_rng(0)
    m, expected = rng.normal(size=(3, 3)), {}
    with jax.enable_x64(True):
        for dtype in TOLERANCE:
            matrix = m.astype(dtype)
            sums = jax.jit(jax.vmap(lambda row, matrix=matrix: jnp.sum((matrix @ row) ** 2)))
            for rows in ROWS:
                x, name = rng.normal(size=(rows, 3)), f"{dtype}-{rows}"
                module = export.export(sums, platforms=["cpu"])(jax.ShapeDtypeStruct(x.shape, dtype))
                (tmp_path / f"{name}.mlir").write_bytes(module.mlir_module_serialized)
                (tmp_path / f"{name}.in").write_bytes(x.astype(dtype).tobytes())
                expected[name] = np.sum((x @ m.T) ** 2, axis=1)
    done = subprocess.run([program, pjrt_library(), *expected], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, right in expected.items():
        dtype = name.split("-")[0]
        found = np.fromfile(tmp_path / f"{name}.out", dtype)
        np.testing.assert_allclose(found, right, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
