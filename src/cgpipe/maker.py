"""Who makes an artefact: the cgpipe that runs, as its header says it.

What is asked here is answered once per process, when a stage begins: a source that is edited while the stage runs is
not what made its result.
"""

import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cgpipe import __version__
from cgpipe.config.decisive import code_digest, libraries


@cache
def source_commit() -> str:
    """Git commit of the running cgpipe, ``-dirty`` appended on local changes; ``unknown`` outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def anybody() -> dict[str, Any]:
    """The maker of what no stage makes: version and commit."""
    return {"cgpipe": __version__, "commit": source_commit()}


@cache
def maker(stage: str, *chosen: str) -> Mapping[str, Any]:
    """Version, commit, digest of the code that decides a stage's result, versions of Python and of its libraries.

    Args:
        chosen: modules that the settings choose, as in `code_digest`.
    """
    return {**anybody(), "code": code_digest(stage, *chosen), "versions": _versions(libraries(stage, *chosen))}


def _versions(names: frozenset[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    with_compilers = names | ({"jaxlib"} if "jax" in names else set())
    for name in sorted(with_compilers - sys.stdlib_module_names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # not installed: it takes no part
            continue
    return found
