"""All devices of all processes in a row: frames are divided among them, everything else is the same on each."""

from collections.abc import Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

FRAMES = "frames"
Tree = TypeVar("Tree", bound=PyTree)


def data_mesh(devices: Sequence[jax.Device]) -> Mesh:
    """All devices in a row, along the frames of a batch."""
    return Mesh(np.array(devices), (FRAMES,))


def spread(mesh: Mesh) -> NamedSharding:
    """Frames divided among the devices."""
    return NamedSharding(mesh, PartitionSpec(FRAMES))


def replicated(mesh: Mesh) -> NamedSharding:
    """The same values on every device."""
    return NamedSharding(mesh, PartitionSpec())


def local_part(mesh: Mesh, size: int) -> slice:
    """Which of ``size`` frames this process has to provide: of its own devices, neighbours in the row."""
    own = [place for place, device in enumerate(mesh.devices.flat) if device.process_index == jax.process_index()]
    each = size // mesh.size
    return slice(own[0] * each, (own[-1] + 1) * each)


def on_devices(part: Tree, mesh: Mesh) -> Tree:
    """Arrays over frames, of which every process gives its `local_part`, as arrays over the devices."""
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(spread(mesh), x), part)
