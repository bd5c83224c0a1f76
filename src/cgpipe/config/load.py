"""Reads ``config.yaml``, overlays and ``proteins.yaml`` into the strict models; mistakes say file, line and key.

Overlays merge like Snakemake's: blocks key by key, anything else is replaced. Paths in the files are relative to the
working directory.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cgpipe.config.keys import Location, allowed, json_types, keys
from cgpipe.config.models import Config
from cgpipe.config.proteins import Proteins
from cgpipe.config.yaml_lines import Document, read_document, scalar
from cgpipe.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

BASE = Path("config/config.yaml")
COMMAND_LINE = "--config"
QUOTED = re.compile("'([^']+)'")


def load(files: Sequence[Path | str], merged: Mapping[str, Any] | None = None) -> tuple[Config, Proteins]:
    """Read and validate everything that a run is configured by.

    Args:
        files: ``config.yaml`` and the overlays on top of it, in this order.
        merged: Snakemake's values of ``--config``; those that equal the files' change nothing.

    Raises:
        UserError: any mistake, as ``file:line: key: message``; values of ``--config`` have no line.
    """
    documents = [read_document(Path(file)) for file in files]
    values: dict[str, Any] = {}
    for document in documents:
        if not document.values and document.path != BASE:
            raise UserError(f"{document.path}:1: holds no keys, which Snakemake refuses: leave the overlay out")
        _merge(values, document.values)
    if merged is not None:
        _override(values, merged)
    config = _validate(Config, values, documents)
    try:
        proteins = load_proteins(Path(config.proteins))
    except UserError as error:
        if Path(config.proteins).exists():
            raise
        raise UserError(f"{_where(('proteins',), config.proteins, documents)}: proteins: {error}") from None
    _check_held_out(config, proteins, documents)
    _check_families(config, proteins, documents)
    return config, proteins


def load_proteins(path: Path) -> Proteins:
    """Read and validate a ``proteins.yaml``.

    Raises:
        UserError: any mistake, as ``file:line: key: message``.
    """
    document = read_document(path)
    return _validate(Proteins, document.values, [document])


def _merge(base: dict[str, Any], overlay: Mapping[str, Any]) -> None:
    for key, value in overlay.items():
        if isinstance(value, Mapping):
            block = base.get(key)
            base[key] = dict(block) if isinstance(block, Mapping) else {}
            _merge(base[key], value)
        else:
            base[key] = value


def _override(values: dict[str, Any], merged: Mapping[str, Any], block: Location = ()) -> None:
    """Put Snakemake's values on top."""
    for key, value in merged.items():
        location = (*block, key)
        own = values.get(key)
        if isinstance(value, Mapping):
            if not isinstance(own, dict):
                values[key] = own = {}
            _override(own, value, location)
        elif key not in values or not _same(value, own):
            values[key] = _typed(value, location)


def _typed(value: Any, location: Location) -> Any:
    """A value of ``--config``: Snakemake gives some numbers, and all that is nested, as text."""
    if isinstance(value, list):
        return [_typed(item, (*location, index)) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: _typed(item, (*location, key)) for key, item in value.items()}
    types = json_types(Config, location)
    return scalar(value) if isinstance(value, str) and types and "string" not in types else value


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type; NaN equals itself."""
    return json.dumps(one, default=str) == json.dumps(other, default=str)


def _validate(model: type[Model], values: Mapping[str, Any], documents: Sequence[Document]) -> Model:
    """Validate strictly; JSON's rules are the strict ones that still take a list for a tuple and 12 for 12.0."""
    try:
        return model.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # an unknown key first: it often explains why another one is missing
        first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        location, value = _in_files(first["loc"], values)
        where = _where(location, value, documents)
        key = ".".join(map(str, location)) or model.__name__.lower()
        remedy = _remedy(first["type"], value, _written(location, where, value, documents))
        raise UserError(f"{where}: {key}: {_message(model, first, value)}{remedy}{more}") from None


def _in_files(location: Location, values: Any) -> tuple[Location, Any]:
    """The part of a pydantic location that exists in the files (union tags and missing keys do not), and its value."""
    found: list[str | int] = []
    for step in location:
        if isinstance(values, str):  # one file where a list of them may stand
            break
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            continue
        found.append(step)
    return tuple(found), values


def _where(location: Location, value: Any, documents: Sequence[Document]) -> str:
    """``file:line`` of the last file that gives this key this value, else the command line."""
    for document in reversed(documents):
        if location in document.lines:
            own = document.get(location)
            if _same(own, value) or isinstance(own, dict) or isinstance(value, dict):
                return f"{document.path}:{document.lines[location]}"
    return COMMAND_LINE


def _written(location: Location, where: str, value: Any, documents: Sequence[Document]) -> str:
    """A value as it stands in the files, in quotes; on the command line the shell takes one pair of them away."""
    if where == COMMAND_LINE:
        return f"\"'{value}'\""
    return next(
        (f"'{document.texts[location]}'" for document in reversed(documents) if location in document.texts),
        f"'{value}'",
    )


def _message(model: type[BaseModel], detail: Any, value: Any) -> str:
    """What is wrong, in the words of somebody who edits YAML."""
    kind, location, context = detail["type"], detail["loc"], detail.get("ctx", {})
    got = "nothing" if value is None else repr(value)
    if kind == "extra_forbidden":
        return f"unknown key{_suggest_key(model, location)}"
    if kind == "missing":
        return f"key {location[-1]!r} is missing"
    if kind == "union_tag_not_found":
        return "key 'source' is missing"
    if kind in ("literal_error", "union_tag_invalid"):
        choices = context["expected" if kind == "literal_error" else "expected_tags"]
        chosen = context.get("tag", value)
        return f"expected {choices}, got {chosen!r}{_suggest(str(chosen), QUOTED.findall(choices))}"
    if kind == "model_type":
        return f"expected a block of keys, got {got}"
    if kind == "value_error":
        return f"{context['error']}, got {got}"
    if "[key]" in location:
        return f"the name {location[-2]!r} may hold only letters, digits, _ and -"
    return f"{detail['msg'].removeprefix('Input ').removeprefix('Value ')}, got {got}"


def _remedy(kind: str, value: Any, text: str) -> str:
    """What to write instead, where YAML takes a word for another type than the key has.

    Args:
        kind: pydantic's type of error.
        value: what was read.
        text: what to write to have it as text.
    """
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f": as text, write it in quotes: {text}"
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        if isinstance(scalar(value), bool | int | float):
            return ": write it without quotes"
        if value.strip()[:1].isdigit():
            return ": write numbers in plain decimal digits, without leading zeros, signs between digits or units"
    return ""


def _suggest_key(model: type[BaseModel], location: Location) -> str:
    word = str(location[-1])
    close = _suggest(word, allowed(model, location[:-1]))
    if close:
        return close
    elsewhere = [key.path for key in keys(model) if key.path.rsplit(".", 1)[-1] == word]
    return f" (did you mean {elsewhere[0]!r}?)" if elsewhere else ""


def _suggest(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_held_out(config: Config, proteins: Proteins, documents: Sequence[Document]) -> None:
    names = list(proteins.proteins)
    for index, name in enumerate(config.dataset.held_out):
        if name not in names:
            where = _where(("dataset", "held_out", index), name, documents)
            raise UserError(f"{where}: dataset.held_out: {name!r} is not in {config.proteins}{_suggest(name, names)}")
    if set(names) <= set(config.dataset.held_out):
        where = _where(("dataset", "held_out"), list(config.dataset.held_out), documents)
        raise UserError(f"{where}: dataset.held_out: names every protein, nothing is left to train on")


def _check_families(config: Config, proteins: Proteins, documents: Sequence[Document]) -> None:
    """Where families are dealt there must be one for each set; the dataset stage finds out the rest."""
    if config.dataset.split != "proteins":
        return
    family = {name: block.family or name for name, block in proteins.proteins.items()}
    forced = {family[name] for name in config.dataset.held_out}
    free = len(set(family.values()) - forced)
    needed = 3 if config.dataset.test_fraction and not forced else 2
    if free < needed:
        where = _where(("dataset", "split"), "proteins", documents)
        raise UserError(
            f"{where}: dataset.split: {config.proteins} has {free} families that are not held out, but training, "
            f"validation and test need {needed}; add proteins of other families, or divide by blocks"
        )
