"""Model files: one line of JSON that says everything about the model, then its weights as Equinox leaves.

The line holds the provenance header, the hyperparameters (from which the structure is rebuilt), the prior, the cutoff
and what the training set determined. Nothing else is needed to evaluate the model.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import equinox as eqx
import jax
import jax.numpy as jnp

from cgpipe.artefact import atomic, check_header
from cgpipe.data.one_temperature import same_temperature
from cgpipe.data.statistics import ROW
from cgpipe.errors import UserError
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential, Temperatures
from cgpipe.model.presets import Sizes
from cgpipe.model.temperature import at_temperature, with_entropy
from cgpipe.physics.prior import prior_from_json

FORMAT = 4
"""Of the network's weights. In format 1 the embedding itself was the first scalars, one map gave the weights of the
first tensors and of the first environment, and room for neighbours was counted by the most crowded bead. Up to format 2
the network had no ceiling, up to format 3 no model was a function of temperature."""

EXPORTED_AT = "exported_at"
"""Among the statistics of a model that was taken at one temperature [K] of those that it was trained for."""


def save_model(path: Path, potential: Potential, head: Mapping[str, Any], statistics: Mapping[str, Any]) -> None:
    """Write a model file atomically.

    Args:
        path: the file.
        potential: prior and network.
        head: provenance header of kind ``model``.
        statistics: what the training set determined (vocabulary, mean neighbours, force RMS, dataset hash …), JSON.
    """
    network = potential.network
    model = {
        "format": FORMAT,
        "cutoff": potential.cutoff,
        "neighbour_slots": potential.neighbour_slots,
        "network": None if network is None else _settings_to_json(network.settings),
        "prior": None if potential.prior is None else potential.prior.to_json(),
        "ceiling": potential.ceiling is not None,
        "temperatures": potential.temperatures and potential.temperatures._asdict(),
    }
    line = json.dumps({"cgpipe": dict(head), "model": model, "statistics": dict(statistics)}, allow_nan=False)
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(line.encode() + b"\n")
        eqx.tree_serialise_leaves(file, potential)


def load_model(path: Path) -> tuple[Potential, dict[str, Any]]:
    """Read a model file: the potential, and its JSON line (``cgpipe``, ``model``, ``statistics``).

    Raises:
        UserError: missing, damaged, newer, or another kind of file.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - the with statement follows, outside this except
    except FileNotFoundError:
        raise UserError(f"{path}: no such model; run the train stage first") from None
    with file:
        try:
            header = json.loads(file.readline())
        except ValueError:
            raise UserError(f"{path}: not a model file (its first line is not JSON)") from None
        check_header(header.get("cgpipe", {}), "model", path)
        found = header["model"].get("format", 1)
        if found not in range(1, FORMAT + 1):
            raise UserError(f"{path}: model of format {found}, but this cgpipe reads 1 to {FORMAT}; update cgpipe")
        skeleton = _skeleton(header["model"])
        try:
            if found == 1:
                return _read_format_1(file, skeleton), header
            return eqx.tree_deserialise_leaves(file, skeleton), header
        except (ValueError, EOFError, RuntimeError) as error:
            raise UserError(f"{path}: weights truncated or damaged ({error}); rerun its stage") from None


def load_model_at(path: Path, temperature: float, what: str = "") -> Potential:
    """The potential of a model file at a temperature [K]; see `at_temperature`.

    Raises:
        UserError: as `load_model` and `at_temperature`; or the file is of an export at another temperature.
    """
    try:
        potential, line = load_model(path)
        own = line["statistics"].get(EXPORTED_AT)
        if own is not None and not same_temperature(own, temperature):
            where = f"{what}: " if what else ""
            raise UserError(
                f"{where}{temperature:g} K, but the file holds the model at {own:g} K; take the one that was trained, "
                "or export at the other temperature"
            )
        return at_temperature(potential, temperature, what)
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def _read_format_1(file: BinaryIO, skeleton: Potential) -> Potential:
    """The same function with the weights of today: the first scalars are projected by the identity."""
    slots = ROW * -(-skeleton.neighbour_slots // ROW)
    skeleton = replace(skeleton, neighbour_slots=slots)
    if skeleton.network is None:
        return eqx.tree_deserialise_leaves(file, skeleton)
    features, weights = skeleton.network.tensors.weights[0].shape
    joint = jax.ShapeDtypeStruct((features, 2 * weights), jnp.float32)
    stored = eqx.tree_at(lambda p: (p.network.tensors.weights, p.network.projection), skeleton, ((joint,), None))
    stored = eqx.tree_deserialise_leaves(file, stored)
    tensors, environment = jnp.split(stored.network.tensors.weights[0], 2, axis=1)
    # a map divides by the root of its inputs
    projection = jnp.concatenate([math.sqrt(features) * jnp.eye(features), environment], axis=1)
    found = (tensors,), eqx.tree_at(lambda m: m.weights, skeleton.network.projection, (projection,))
    return eqx.tree_at(
        lambda p: (p.network.tensors.weights, p.network.projection), stored, found, is_leaf=lambda x: x is None
    )


def _skeleton(model: Mapping[str, Any]) -> Potential:
    network, prior = model["network"], model["prior"]
    temperatures = Temperatures(**model["temperatures"]) if model.get("temperatures") else None
    ceiling = None
    if network is not None:
        network = eqx.filter_eval_shape(Allegro, _settings_from_json(network), jax.random.key(0))
        ceiling = jnp.zeros(network.settings.types) if model.get("ceiling") else None
    if temperatures is not None:
        network = network and eqx.filter_eval_shape(with_entropy, network)
        ceiling = ceiling if ceiling is None else jnp.zeros((2, *ceiling.shape))
    return Potential(
        prior=None if prior is None else prior_from_json(prior),
        network=network,
        cutoff=model["cutoff"],
        neighbour_slots=model["neighbour_slots"],
        ceiling=ceiling,
        temperatures=temperatures,
    )


def _settings_to_json(settings: AllegroSettings) -> dict[str, Any]:
    return {**settings._asdict(), "sizes": settings.sizes._asdict()}


def _settings_from_json(content: Mapping[str, Any]) -> AllegroSettings:
    sizes = Sizes(**{**content["sizes"], "embed": tuple(content["sizes"]["embed"])})
    return AllegroSettings(**{**content, "sizes": sizes, "edge_features": tuple(content.get("edge_features", ()))})
