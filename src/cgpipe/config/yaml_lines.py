"""Reads YAML strictly and remembers the line of every key, so that errors can point at it.

Keys keep the text the user wrote (a protein called ``1e10`` or ``no`` stays itself), and duplicate keys are errors.
Numbers are what YAML 1.1 and 1.2 agree on, and ``1e-3``. What only YAML 1.1 takes for a number or a date (``010`` is 8
there, ``1:30`` is 90) stays text, and is refused where a number belongs.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cgpipe.config.keys import Location
from cgpipe.errors import UserError
from cgpipe.files import require_file


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with fewer kinds of plain words: truth values, nothing, whole and decimal numbers."""


TAG = "tag:yaml.org,2002:"
KEPT = {f"{TAG}{kind}" for kind in ("bool", "null", "merge")}
PLAIN = {f"{TAG}{kind}" for kind in ("str", "bool", "null", "int", "float")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag in KEPT]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
NUMBERS = {
    "int": r"[-+]?(0|[1-9][0-9]*)",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
for kind, words in NUMBERS.items():
    _Loader.add_implicit_resolver(f"{TAG}{kind}", re.compile(rf"^({words})$"), list("-+.0123456789"))


@dataclass(frozen=True)
class Document:
    """A YAML file: its values, and the line and text of each key and list element by its location in the tree.

    ``lines`` has blocks and lists too, ``texts`` single values only.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[Location, int]
    texts: dict[Location, str]

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
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start}); save it in that encoding"
        ) from None
    document = Document(path, {}, {(): 1}, {})
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            values = {} if root is None else _build(loader, root, (), document)
        finally:
            loader.dispose()
    except RecursionError:
        raise UserError(
            f"{path}: not valid: an alias (*) stands for a block that holds it, or blocks are too deep"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UserError(f"{where}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if values is None:  # `---` alone
        values = {}
    if not isinstance(values, dict):
        raise UserError(f"{path}:1: expected keys at the top level, got {values!r}")
    return replace(document, values=values)


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


def _build(loader: _Loader, node: yaml.Node, location: Location, document: Document) -> Any:
    """The value of a node; fills in the document's lines and texts on the way."""
    if isinstance(node, yaml.MappingNode):
        _refuse_duplicates(node, location, document.path)
        loader.flatten_mapping(node)
        block: dict[str, Any] = {}
        for key, value in node.value:
            here = (*location, key.value)
            document.lines[here] = key.start_mark.line + 1
            block[key.value] = _build(loader, value, here, document)
        return block
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            document.lines[(*location, index)] = item.start_mark.line + 1
        return [_build(loader, item, (*location, index), document) for index, item in enumerate(node.value)]
    document.texts[location] = node.value
    if node.tag not in PLAIN:
        where = f"{document.path}:{node.start_mark.line + 1}"
        raise UserError(f"{where}: not understood: the tag {node.tag!r}; expected text, a number, true or false")
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError):  # PyYAML's words about a tag that does not fit are Python's
        where = f"{document.path}:{node.start_mark.line + 1}"
        raise UserError(f"{where}: {node.value!r} is not what its tag {node.tag!r} says") from None


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
