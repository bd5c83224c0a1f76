"""The peer's hyperparameters for one of our networks, our weights under its names, and the line to its process."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.model.allegro import OUTPUT_GAIN, Allegro, AllegroSettings
from cgpipe.model.angular import spherical_harmonics
from cgpipe.model.tensor_product import allowed_paths, harmonic_irreps, wigner_3j

DIRECTIONS = ((0.36, -0.48, 0.8), (0.6, 0.64, -0.48), (0.0, 0.8, 0.6))
"""Three unit vectors, not in a plane, at which signs of 3j symbols are compared."""


class PeerProcess:
    """nequip-allegro in the interpreter ``python``, with so many threads."""

    def __init__(self, python: Path, threads: int = 1):
        command = [str(python), str(Path(__file__).with_name("peer_allegro.py")), str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command; its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the peer died with exit code {self._process.wait()}; its message is above")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def peer_model(settings: AllegroSettings, dtype: str, coupling: bool = True) -> dict[str, Any]:
    """Arguments of ``AllegroModel`` for the same network.

    Args:
        dtype: ``float32`` or ``float64``.
        coupling: one weight per path and channel, as here; or one per path, a smaller class of functions.
    """
    sizes = settings.sizes
    if sizes.embed[0] != sizes.embed[1]:
        raise ValueError("the peer's embedding is as wide as its scalar features")
    scale = settings.energy_scale
    return {
        "model_dtype": dtype,
        "type_names": [chr(ord("A") + i) for i in range(settings.types)],
        "r_max": settings.cutoff,
        "l_max": settings.l_max,
        "parity": False,
        "radial_chemical_embed": {"_target_": "allegro.nn.TwoBodyBesselScalarEmbed", "num_bessels": sizes.radial},
        "scalar_embed_mlp_hidden_layers_depth": 1,
        "scalar_embed_mlp_hidden_layers_width": sizes.embed[1],
        "num_layers": sizes.layers,
        "num_scalar_features": sizes.embed[1],
        "num_tensor_features": settings.tensor_channels,
        "allegro_mlp_hidden_layers_depth": sizes.mlp_depth - 1,
        "allegro_mlp_hidden_layers_width": sizes.mlp_width,
        "tp_path_channel_coupling": coupling,
        "readout_mlp_hidden_layers_depth": 1,
        "readout_mlp_hidden_layers_width": sizes.readout,
        "avg_num_neighbors": settings.mean_neighbours,
        "per_type_energy_scales": scale,
        "per_type_energy_shifts": 0.0,
    }


def peer_weights(
    network: Allegro, parameters: Mapping[str, list[int]], signs: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Our weights under the peer's names.

    Args:
        network: with symmetry o3 and without edge features.
        parameters: name → shape there.
        signs: answer of the peer to ``signs`` for ``DIRECTIONS``.

    The peer orders the weights of a tensor by channel, then order; ours by order, then channel. It does not divide a
    product by the number of paths, and some of its 3j symbols have the other sign. It has no small gain on the output.
    """
    s = network.settings
    orders, channels, features = s.l_max + 1, s.tensor_channels, s.sizes.embed[1]

    def by_channel(weight: np.ndarray) -> np.ndarray:
        return weight.reshape(-1, orders, channels).swapaxes(1, 2).reshape(len(weight), -1)

    def with_environment(weight: np.ndarray) -> np.ndarray:
        return np.concatenate([weight[:, :features], by_channel(weight[:, features:])], axis=1)

    ours: dict[str, list[np.ndarray]] = {
        "center_embed": [np.asarray(network.centre_types)],
        "neighbor_embed": [np.asarray(network.neighbour_types)],
        "basis_linear": [np.asarray(w) for w in network.radial.weights],
        "scalar_embed_mlp": [np.asarray(w) for w in network.embedding.weights],
        "env_embed_linear": [by_channel(np.asarray(network.tensors.weights[0]))],
        "first_layer_env_embed_projection": [with_environment(np.asarray(network.projection.weights[0]))],
        "edge_readout": [np.asarray(network.readout.weights[0]), OUTPUT_GAIN * np.asarray(network.readout.weights[1])],
    }
    irreps = harmonic_irreps(s.l_max)
    for number, layer in enumerate(network.layers):
        last = number == len(network.layers) - 1
        paths = allowed_paths(irreps, irreps, irreps[:1] if last else irreps)
        factors = [
            _sign(a, b, c) * signs[f"{a}{b}{c}"] / np.sqrt(sum(path[2] == c for path in paths)) for a, b, c in paths
        ]
        ours[f"tps.{number}"] = [(np.asarray(layer.path_weights) * np.asarray(factors)[:, None]).T]
        *hidden, out = (np.asarray(w) for w in layer.latent.weights)
        ours[f"latents.{number}"] = [*hidden, out if last else with_environment(out)]
    named: dict[str, np.ndarray] = {}
    for name, shape in parameters.items():
        (key,) = (key for key in ours if f".{key}." in name)
        named[name] = ours[key].pop(0)
        if list(named[name].shape) != shape:
            raise ValueError(f"{name}: shape {shape} there, {list(named[name].shape)} here")
    if any(ours.values()):
        raise ValueError(f"the peer has no place for {[key for key, rest in ours.items() if rest]}")
    return named


def _sign(l1: int, l2: int, l3: int) -> float:
    """Sign of Σ w_ijk Y_i(a) Y_j(b) Y_k(c) with our 3j symbol, for the three ``DIRECTIONS``."""
    a, b, c = (
        np.stack(spherical_harmonics(np.asarray(u), order)[order**2 :])
        for u, order in zip(DIRECTIONS, (l1, l2, l3), strict=True)
    )
    return float(np.sign(np.einsum("ijk,i,j,k", wigner_3j(l1, l2, l3), a, b, c)))
