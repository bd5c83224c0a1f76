"""The source files that a stage's result depends on, found without importing any of them.

The import statements of a stage's module are followed through this package, by syntax alone. A file or folder beside
them that is no Python, such as templates or C++ sources, belongs to the modules that name it in a string. Of
``cgpipe.config`` only the functions count that a stage calls: the effect of all else there is the settings that a stage
is given. The package's ``__init__`` holds the version, and is left out.
"""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cgpipe.config.syntax import digest_of_data, read_source, remembered

PACKAGE = Path(__file__).resolve().parents[1]
NAME = PACKAGE.name
CONFIG = f"{NAME}.config"


class Closure(NamedTuple):
    """What stands behind some modules.

    Attributes:
        files: name of each source file from the package's folder on → digest of its content.
        libraries: top-level names of everything foreign that is imported.
    """

    files: dict[str, str]
    libraries: frozenset[str]


def closure_of(modules: Iterable[str], passed_by: Collection[str] = ()) -> Closure:
    """Follow the imports of some modules.

    Args:
        modules: dotted names without the package's; they need not be importable.
        passed_by: likewise; modules that are not looked into.
    """
    passed = {f"{NAME}.{module}" for module in passed_by}
    seen: set[str] = set()
    files: dict[str, str] = {}
    libraries: set[str] = set()
    waiting = [f"{NAME}.{module}" for module in modules]
    while waiting:
        module = waiting.pop()
        path = _file(PACKAGE, module)
        if module in seen or module in passed or path is None:
            continue
        seen.add(module)
        source = read_source(path)
        if _of_config(module):
            files[_shown(path)] = source.digest_of_functions
            continue
        files[_shown(path)] = source.digest
        files |= {_shown(data): digest_of_data(data) for word in source.words for data in _data(PACKAGE).get(word, ())}
        waiting += _followed(PACKAGE, path)
        libraries |= {name.split(".")[0] for name in source.imports} - {NAME}
    remembered().write()
    return Closure(dict(sorted(files.items())), frozenset(libraries))


def _shown(path: Path) -> str:
    """The same wherever the package lies."""
    return path.relative_to(PACKAGE.parent).as_posix()


@cache
def _file(package: Path, module: str) -> Path | None:
    """The file of a module, or None: an attribute of a module, or somebody else's."""
    path = package.parent.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _followed(package: Path, path: Path) -> frozenset[str]:
    """Modules of this package that a file's import statements run and that count, parent packages among them."""
    own = [name for name in read_source(path).imports if name.startswith(f"{NAME}.")]
    plain = {name for name in own if not _of_config(name)}
    with_parents = {".".join(name.split(".")[:end]) for name in plain for end in range(2, name.count(".") + 2)}
    return frozenset(with_parents | {module for name in own if (module := _function_of_config(package, name))})


def _of_config(module: str) -> bool:
    return module == CONFIG or module.startswith(f"{CONFIG}.")


def _function_of_config(package: Path, name: str) -> str:
    """The module of the configuration that holds this function; empty where the name is another thing."""
    module, _, attribute = name.rpartition(".")
    path = _file(package, module) if _of_config(module) else None
    return module if path is not None and attribute in read_source(path).functions else ""


@cache
def _data(package: Path) -> dict[str, list[Path]]:
    """What is no Python, by the name that modules use: of a file, or of a folder without Python."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*")):
        parts = path.relative_to(package).parts
        if path.is_file() and path.suffix not in (".py", ".pyc") and not any(part.startswith(".") for part in parts):
            found.setdefault(_top(package, path).name, []).append(path)
    return found


def _top(package: Path, path: Path) -> Path:
    """A data file, or the outermost folder without Python that it lies in."""
    while path.parent != package and not any(path.parent.rglob("*.py")):
        path = path.parent
    return path
