"""Checkpoints: everything that a killed training needs to go on as if nothing had happened.

``<folder>/<fingerprint>/step-<n>.checkpoint``: one line of JSON (step, history, best epoch, SHA-256 of the rest), then
the leaves. The fingerprint is a hash of all that decides the result; a run with other settings or data has another
folder, so neither can take up the other's weights. Files appear atomically, and a damaged newest one is passed over.
"""

import hashlib
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
from jaxtyping import PyTree

from cgpipe.artefact import atomic
from cgpipe.errors import UserError

SUFFIX = ".checkpoint"


def fingerprint(parts: Mapping[str, Any]) -> str:
    """A short hash of what decides a training's result."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Progress:
    """The part of a checkpoint that is not arrays."""

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_mse: float = float("inf")
    ended: bool = False
    """Training came to its end before its last step."""


class Checkpoints:
    """The checkpoints of one training."""

    def __init__(self, folder: Path, fingerprint: str, keep: int):
        self._folder = Path(folder) / fingerprint
        self._keep = keep

    def save(self, progress: Progress, leaves: PyTree) -> None:
        """Write a checkpoint, and delete all but the last few and what a killed process left half written."""
        payload = io.BytesIO()
        eqx.tree_serialise_leaves(payload, leaves)
        content = payload.getvalue()
        line = json.dumps({**vars(progress), "sha256": hashlib.sha256(content).hexdigest()})
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob(f".step-*{SUFFIX}"):
            unfinished.unlink()
        with atomic(self._folder / f"step-{progress.step:010d}{SUFFIX}") as temporary:
            temporary.write_bytes(line.encode() + b"\n" + content)
        for old in self._existing()[self._keep :]:
            old.unlink(missing_ok=True)

    def load(self, like: Callable[[int], PyTree]) -> tuple[Progress, PyTree] | None:
        """The newest checkpoint that can be read; None where there is none. Says on stderr what it passes over.

        Args:
            like: step → a tree of the structure that was saved then.
        """
        others = [other for other in self._folder.parent.glob("*/") if other != self._folder]
        if others and not self._existing():
            print(
                f"note: {self._folder.parent} holds checkpoints of other settings, data or frames per step only; "
                "starting anew",
                file=sys.stderr,
            )
        for path in self._existing():
            try:
                line, content = path.read_bytes().split(b"\n", 1)
                head = json.loads(line)
                if hashlib.sha256(content).hexdigest() != head.pop("sha256"):
                    raise UserError("its content does not match its checksum")
                progress = Progress(**head)
                return progress, eqx.tree_deserialise_leaves(io.BytesIO(content), like(progress.step))
            except (ValueError, KeyError, TypeError, RuntimeError) as error:
                print(f"warning: {path} is damaged ({error}); trying the one before it", file=sys.stderr)
        return None

    def _existing(self) -> list[Path]:
        """Newest first; unfinished files have a hidden name and are not among them."""
        return sorted(self._folder.glob(f"step-*{SUFFIX}"), reverse=True)
