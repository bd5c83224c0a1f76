"""Small results that later processes of this user need again: every job parses the workflow, and each would parse the
sources of all stages (a second).
"""

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST = 2000
"""Entries that are kept; more are those of old versions."""


class Remembered:
    """JSON values by a key that says everything they depend on. A file that cannot be read or written is no matter."""

    def __init__(self, name: str) -> None:
        """Read what is known.

        Args:
            name: of the file, in the user's cache.
        """
        cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', tempfile.gettempdir())}/.cache"
        self._file = Path(cache) / "cgpipe" / f"{name}.json"
        self._new: dict[str, Any] = {}
        self._known = self._read()

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The value of a key, made where it is not known."""
        if key not in self._known:
            self._known[key] = self._new[key] = make()
        return self._known[key]

    def write(self) -> None:
        """Add what is new to the file, as it is by now."""
        if not self._new:
            return
        kept = self._read() | self._new
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(dict(list(kept.items())[-MOST:])))
            temporary.replace(self._file)
            self._new = {}
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
