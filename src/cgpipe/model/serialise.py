"""Model files: one line of JSON that says everything about the model, then its weights as Equinox leaves.

The line holds the provenance header, the hyperparameters (from which the structure is rebuilt), the prior, the cutoff
and what the training set determined. Nothing else is needed to evaluate the model.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from cgpipe.artefact import atomic, check_header
from cgpipe.errors import UserError
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes
from cgpipe.physics.prior import Prior

FORMAT = 2
"""Of the network's weights. 1: padded neighbour lists, scalars of the first layer not projected."""


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
    }
    line = json.dumps({"cgpipe": dict(head), "model": model, "statistics": dict(statistics)}, allow_nan=False)
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(line.encode() + b"\n")
        eqx.tree_serialise_leaves(file, potential)


def load_model(path: Path) -> tuple[Potential, dict[str, Any]]:
    """Read a model file: the potential, and its JSON line (``cgpipe``, ``model``, ``statistics``).

    Raises:
        UserError: missing, damaged, or another kind of file.
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
        if found != FORMAT:
            raise UserError(
                f"{path}: model of format {found}, but this cgpipe reads {FORMAT}; run the train stage again"
            )
        skeleton = _skeleton(header["model"])
        try:
            return eqx.tree_deserialise_leaves(file, skeleton), header
        except (ValueError, EOFError, RuntimeError) as error:
            raise UserError(f"{path}: weights truncated or damaged ({error}); rerun its stage") from None


def _skeleton(model: Mapping[str, Any]) -> Potential:
    network, prior = model["network"], model["prior"]
    if network is not None:
        network = eqx.filter_eval_shape(Allegro, _settings_from_json(network), jax.random.key(0))
    return Potential(
        prior=None if prior is None else Prior.from_json(prior),
        network=network,
        cutoff=model["cutoff"],
        neighbour_slots=model["neighbour_slots"],
    )


def _settings_to_json(settings: AllegroSettings) -> dict[str, Any]:
    return {**settings._asdict(), "sizes": settings.sizes._asdict()}


def _settings_from_json(content: Mapping[str, Any]) -> AllegroSettings:
    sizes = Sizes(**{**content["sizes"], "embed": tuple(content["sizes"]["embed"])})
    return AllegroSettings(**{**content, "sizes": sizes, "edge_features": tuple(content["edge_features"])})
