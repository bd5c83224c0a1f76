"""The source files that a stage's result depends on, found without importing any of them.

The import statements of a stage's module are followed through this package, by syntax alone; with a package come the
files in its folder that are no Python, such as templates. A stage's rule takes the files as input, so that an edit
reruns the stage and all below it. Left out: ``cgpipe.config``, whose effect on a stage is the settings it is given, and
the package's ``__init__``, which holds the version.
"""

import ast
import os
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
NAME = PACKAGE.name
LEFT_OUT = (NAME, f"{NAME}.config")


def source_files(stage: str) -> list[str]:
    """Sorted source files behind a stage, relative to the working directory where they lie in it.

    Args:
        stage: name of a stage, e.g. ``train``; its module need not be importable.
    """
    found: set[str] = set()
    open_modules = [f"{NAME}.{stage}"]
    while open_modules:
        module = open_modules.pop()
        if module not in found:
            found.add(module)
            open_modules += _imports(module)
    sources = {path for module in found if (path := _file(module)) is not None}
    return sorted(_shown(path) for path in sources | {data for source in sources for data in _data(source)})


def _shown(path: Path) -> str:
    working = Path.cwd()
    return os.path.relpath(path, working) if path.is_relative_to(working) else str(path)


@cache
def _file(module: str) -> Path | None:
    """The file of a module of this package, or None: an attribute of a module, or somebody else's."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _data(source: Path) -> frozenset[Path]:
    """Files that are no Python in the folder of a package, given its ``__init__``; none for other modules."""
    if source.name != "__init__.py":
        return frozenset()
    files = (path for path in source.parent.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
    return frozenset(path for path in files if not any(part.startswith(".") for part in path.parts[-2:]))


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of this package that a module's import statements run, parent packages among them."""
    path = _file(module)
    if path is None:
        return frozenset()
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    with_parents = {".".join(name.split(".")[:end]) for name in named for end in range(1, name.count(".") + 2)}
    return frozenset(name for name in with_parents if name.startswith(f"{NAME}.") and not _left_out(name))


def _left_out(module: str) -> bool:
    return module in LEFT_OUT or module.startswith(f"{NAME}.config.")
