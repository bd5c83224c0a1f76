"""What a source file does, apart from how it is written: its imports, its words, and a digest of its syntax tree.

Comments, docstrings (any string that stands alone), ``pass``, line breaks and ways of writing the same number are not
in the digest; everything else is, the order of functions and the texts of messages among them.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cgpipe.config.remember import Remembered

LENGTH = 16
"""Hexadecimal digits of a digest."""

UNSEEN = ("kind", "type_comment")
"""Fields of a syntax tree that change nothing: the u of u"…", and comments."""

LONGEST_NAME = 40
"""Longer words are no names of files."""


class Source(NamedTuple):
    """What is to be known of a Python file.

    Attributes:
        digest: of everything in it.
        functions: names of the functions at its top level.
        digest_of_functions: of these alone.
        imports: dotted names that import statements name anywhere in it: modules, and what is taken from them.
        words: short strings in it, whole and between slashes.
    """

    digest: str
    functions: list[str]
    digest_of_functions: str
    imports: list[str]
    words: list[str]


def digest_of_text(text: str) -> str:
    """Digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


@cache
def digest_of_data(path: Path) -> str:
    """Digest of a file that is no Python: of its bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:LENGTH]


@cache
def read_source(path: Path) -> Source:
    """Read a Python file, once per process; what was found in the same text before is remembered.

    Raises:
        ValueError: a relative import, which cannot be followed by its text alone.
    """
    text = path.read_text(encoding="utf-8")
    return Source(*remembered().get(digest_of_text(text), lambda: _parsed(text, path)))


@cache
def remembered() -> Remembered:
    """What earlier processes found, under a name that this file's own text is part of: it decides what is found."""
    return Remembered(f"sources-{digest_of_text(Path(__file__).read_text(encoding='utf-8'))}")


def _parsed(text: str, path: Path) -> Source:
    tree = ast.parse(text, str(path))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    imports: set[str] = set()
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path}:{node.lineno}: a relative import; name the package")
            imports |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= {node.value, *node.value.split("/")}
    return Source(
        _digest(tree.body),
        [node.name for node in functions],
        _digest(functions),
        sorted(imports),
        sorted(word for word in words if 0 < len(word) <= LONGEST_NAME),
    )


def _digest(statements: Any) -> str:
    return digest_of_text(repr(_plain(statements)))


def _plain(part: Any) -> Any:
    """A part of a syntax tree as nested tuples, the same in all versions of Python that have the same syntax."""
    if isinstance(part, list):
        return [_plain(one) for one in part if not _does_nothing(one)]
    if not isinstance(part, ast.AST):
        return part
    fields = ((name, getattr(part, name, None)) for name in part._fields if name not in UNSEEN)
    return type(part).__name__, [(name, _plain(value)) for name, value in fields if value is not None and value != []]


def _does_nothing(part: Any) -> bool:
    """Whether a statement is a docstring, another constant on its own, or ``pass``."""
    return isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
