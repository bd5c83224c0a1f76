"""Checkpoints: everything that a killed training needs to go on as if nothing had happened.

``<folder>/<fingerprint>/step-<n>.checkpoint``: a line with the SHA-256 of all that follows, one line of JSON (step,
history, best epoch), then the leaves. The fingerprint is that of ``cgpipe.config.decisive``: a run with other settings,
data or code has another folder, so neither can take up the other's weights. Files appear atomically, and a damaged
newest one is passed over. What is made once, before the first step, lies beside them in the same form.
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

from cgpipe.artefact import atomic, earlier, sign
from cgpipe.errors import UserError

SUFFIX = ".checkpoint"


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
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob(f".*{SUFFIX}"):
            unfinished.unlink()
        path = self._folder / f"step-{progress.step:010d}{SUFFIX}"
        _write(path, vars(progress), leaves)
        existing = self._existing()
        here = existing.index(path)
        # later steps are of files that were passed over
        for other in [*existing[:here], *existing[here + self._keep :]]:
            other.unlink(missing_ok=True)

    def load(self, like: Callable[[int], PyTree]) -> tuple[Progress, PyTree] | None:
        """The newest checkpoint that can be read; None where there is none. Says on stderr what it passes over.

        Args:
            like: step → a tree of the structure that was saved then.
        """
        others = [other for other in self._folder.parent.glob("*/") if other != self._folder]
        if others and not self._existing():
            print(
                f"note: {self._folder.parent} holds checkpoints of other settings, data, code or frames per step "
                "only; starting anew",
                file=sys.stderr,
            )
        for path in self._existing():
            found = _read(path, lambda head: like(Progress(**head).step), "trying the one before it")
            if found is not None:
                return Progress(**found[0]), found[1]
        return None

    def sign(self, by: Mapping[str, Any]) -> None:
        """Note who trains now, beside the checkpoints that are taken up or will be made."""
        sign(self._folder, by, goes_on=any(self._folder.glob(f"*{SUFFIX}")))

    def earlier(self, by: Mapping[str, Any]) -> dict[str, Any]:
        """For the header: who else trained."""
        return earlier(self._folder, by)

    def keep(self, name: str, facts: Mapping[str, Any], leaves: PyTree) -> None:
        """Keep what is made once before the first step, for as long as the checkpoints."""
        _write(self._folder / f"{name}{SUFFIX}", facts, leaves)

    def kept(self, name: str, like: PyTree) -> tuple[dict[str, Any], PyTree] | None:
        """What was kept under a name: facts, and leaves in a tree like the given one; None if it is not there."""
        path = self._folder / f"{name}{SUFFIX}"
        return _read(path, lambda _: like, "making it again") if path.exists() else None

    def _existing(self) -> list[Path]:
        """Newest first; unfinished files have a hidden name and are not among them."""
        return sorted(self._folder.glob(f"step-*{SUFFIX}"), reverse=True)


def _write(path: Path, facts: Mapping[str, Any], leaves: PyTree) -> None:
    payload = io.BytesIO()
    payload.write(json.dumps(facts).encode() + b"\n")
    eqx.tree_serialise_leaves(payload, leaves)
    content = payload.getvalue()
    with atomic(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def _read(path: Path, like: Callable[[dict[str, Any]], PyTree], remedy: str) -> tuple[dict[str, Any], PyTree] | None:
    """Facts and leaves of a file; None, and a line on stderr, if anything in it is not as it was written."""
    try:
        digest, content = path.read_bytes().split(b"\n", 1)
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise UserError("its content does not match its checksum")
        line, rest = content.split(b"\n", 1)
        head = json.loads(line)
        return head, eqx.tree_deserialise_leaves(io.BytesIO(rest), like(head))
    except (ValueError, TypeError, RuntimeError) as error:
        print(f"warning: {path} is damaged ({error}); {remedy}", file=sys.stderr)
        return None
