"""The weights alone, as a flat table of named arrays, for tools that want no program."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cgpipe.artefact import atomic, write_npz
from cgpipe.deploy.consensus import Model


def flat_parameters(model: Model) -> dict[str, np.ndarray]:
    """Every array of a model under its path, e.g. ``network.layers.0.path_weights``.

    Those of an ensemble begin with ``members.`` and have an axis for the members in front.
    """
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(model, eqx.is_array))
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


def write_parameters(folder: Path, model: Model, head: Mapping[str, Any]) -> None:
    """Write ``params.npz`` (no pickle inside) and ``params.pkl`` (the same arrays in a plain dictionary)."""
    arrays = flat_parameters(model)
    write_npz(folder / "params.npz", arrays, dict(head))
    with atomic(folder / "params.pkl") as temporary:
        temporary.write_bytes(pickle.dumps(arrays))
