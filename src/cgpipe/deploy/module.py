"""A stored StableHLO module run as PJRT clients run it: bytes to the compiler, buffers in the order of ``model.json``.

Nothing of ``jax.export`` takes part, neither its container nor its calling convention: what is tested is the file that
runtimes other than JAX read, and the description that they go by.
"""

from typing import Any

import jax
import numpy as np
from jax.extend.backend import get_backend
from jaxlib import xla_client
from jaxtyping import Float

from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program, centred
from cgpipe.errors import UserError

PLATFORM = "cpu"


def run_module(program: Program, R: Float[np.ndarray, "beads 3"], topology: Topology) -> Float[np.ndarray, "beads 3"]:
    """Forces [kcal/mol/Å] of the module for the smallest capacity that holds a structure.

    Raises:
        UserError: the module was not exported for CPUs.
    """
    metadata, beads = program.metadata, len(topology.species)
    if PLATFORM not in metadata["platforms"]:
        raise UserError(f"{program.path}: exported for {', '.join(metadata['platforms'])} only, not for {PLATFORM}")
    entry = min((e for e in metadata["programs"] if e["beads"] >= beads), key=lambda e: e["beads"])
    values: dict[str, Any] = {
        "platform_index": metadata["platform_index"][PLATFORM],
        "positions": centred(R) if metadata["dtype"] == "float32" else R,
        **topology._asdict(),
        "owned": topology.mask,
    }
    arguments = [_padded(values[one["name"]], one, entry["beads"]) for one in metadata["arguments"]]
    client = get_backend(PLATFORM)
    device = client.local_devices()[0]
    module = (program.path.parent / entry["mlir"]).read_bytes()
    executable = client.compile_and_load(module, xla_client.DeviceList((device,)), xla_client.CompileOptions())
    results = executable.execute_sharded([jax.device_put(one, device) for one in arguments])
    found = [np.asarray(shards[0]) for shards in results.disassemble_into_single_device_arrays()]
    forces = found[[one["name"] for one in metadata["results"]].index("forces")]
    return forces[:beads].astype(np.float64)


def _padded(value: Any, described: dict[str, Any], beads: int) -> np.ndarray:
    """A value as the module takes it, with zeros up to the capacity."""
    array = np.asarray(value, described["dtype"])
    if array.ndim == 0:
        return array
    made = np.zeros((beads, *array.shape[1:]), array.dtype)
    made[: len(array)] = array
    return made
