"""Reads YAML strictly and remembers the line of every key, so that errors can point at it.

Keys keep the text the user wrote (a protein called ``1e10`` or ``no`` stays itself), duplicate keys are errors, and
``1e-3`` is a number, as in YAML 1.2 and unlike PyYAML's default.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cgpipe.config.keys import Location
from cgpipe.errors import UserError


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that also takes ``1e-3`` for a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass(frozen=True)
class Document:
    """A YAML file: its values, and the line of each key and list element by its location in the tree."""

    path: Path
    values: dict[str, Any]
    lines: dict[Location, int]

    def get(self, location: Location) -> Any:
        """The value at a location that the file has."""
        value: Any = self.values
        for step in location:
            value = value[step]
        return value


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a block of keys; an empty file is an empty block.

    Raises:
        UserError: missing, not text, not YAML, a duplicate key, or no keys at the top level.
    """
    path = Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder, expected a YAML file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from None
    lines: dict[Location, int] = {(): 1}
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            values = {} if root is None else _build(loader, root, (), path, lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UserError(f"{where}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}:1: expected keys at the top level, got {values!r}")
    return Document(path, values, lines)


def scalar(text: str) -> Any:
    """The value that a plain word has in YAML, e.g. 0.001 for ``1e-3``."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return loader.construct_object(node) if isinstance(node, yaml.ScalarNode) else text
    except yaml.YAMLError:
        return text
    finally:
        loader.dispose()


def _build(loader: _Loader, node: yaml.Node, location: Location, path: Path, lines: dict[Location, int]) -> Any:
    """The value of a node; fills in ``lines`` on the way."""
    if isinstance(node, yaml.MappingNode):
        _refuse_duplicates(node, location, path)
        loader.flatten_mapping(node)
        block: dict[str, Any] = {}
        for key, value in node.value:
            here = (*location, key.value)
            lines[here] = key.start_mark.line + 1
            block[key.value] = _build(loader, value, here, path, lines)
        return block
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*location, index)] = item.start_mark.line + 1
        return [_build(loader, item, (*location, index), path, lines) for index, item in enumerate(node.value)]
    return loader.construct_object(node)


def _refuse_duplicates(node: yaml.MappingNode, location: Location, path: Path) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{path}:{line}: a key must be a plain word")
        if key.value in seen:
            name = ".".join(map(str, (*location, key.value)))
            raise UserError(f"{path}:{line}: {name}: duplicate key, first given in line {seen[key.value]}")
        seen[key.value] = line
