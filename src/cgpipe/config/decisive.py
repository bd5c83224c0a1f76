"""What decides the result of a stage: settings that matter, seeds among them, hashes of its inputs, and its code.

The workflow's rules, the folders that unfinished work is kept in, and the headers of artefacts all ask here. So a rule
reruns exactly when a checkpoint is of no use any more, and a header says what made its file.

Versions of Python and of libraries do not decide: they change roundings, a training of weeks must outlive an update,
and who wants results of new versions alone can force a stage. Headers record them instead.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from cgpipe.config.closure import Closure, closure_of
from cgpipe.config.slices import TrainSettings
from cgpipe.config.syntax import LENGTH, digest_of_text
from cgpipe.config.training import frames_per_step

EVERYWHERE = {
    "compiler": "refuses what computes wrong numbers, and changes none",
    "config.decisive": "says what decides",
    "environment": "keeps what a shell holds from deciding",
    "maker": "says who makes a file",
}
"""Modules behind every stage that decide no result, and what they do instead."""

INDIFFERENT = {
    "train": {
        "training.display": "shows how far a training is",
        "training.distributed": "joins processes, and ends them together",
        "training.loggers": "copies metrics elsewhere",
        "training.rendezvous": "tries whether processes can meet, before they compute",
    },
}
"""Stage → further modules behind it that do not decide its result."""

INDIFFERENT_KEYS = {"checkpoint_steps", "keep_checkpoints", "loggers"}
"""Keys of ``training`` that do not decide what is trained."""

SHARED_OUT = {"batch_per_device", "accumulate"}
"""Keys of ``training`` of which only the product with the number of devices matters, but for rounding."""


class Decisive(NamedTuple):
    """What decides one result; equal ones mean equal results.

    Attributes:
        stage: that makes it.
        settings: those that matter, as in JSON.
        inputs: hashes of what it is made from, by name.
        code: digest of the sources behind the stage.
    """

    stage: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Any]
    code: str

    def text(self) -> str:
        """All of it."""
        return json.dumps(self._asdict(), sort_keys=True)

    def fingerprint(self) -> str:
        """Short enough for the name of a folder."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:LENGTH]


def code_files(stage: str, *chosen: str) -> dict[str, str]:
    """The sources that decide a stage's result: name of each file → digest of what it does.

    Args:
        chosen: modules that the settings choose (`engine_module`), which no import statement names.
    """
    return _closure(stage, chosen).files


def code_digest(stage: str, *chosen: str) -> str:
    """One digest of `code_files`."""
    return digest_of_text(json.dumps(code_files(stage, *chosen)))


def libraries(stage: str, *chosen: str) -> frozenset[str]:
    """Names of the foreign packages that a stage's sources import."""
    return _closure(stage, chosen).libraries


def engine_module(engine: str) -> str:
    """The module behind a value of ``simulate.engine``, so that a stage depends on the engine in use alone."""
    return f"dynamics.engine_{engine}"


def training_that_matters(chosen: TrainSettings, devices: int = 1) -> dict[str, Any]:
    """The settings of a training that decide its result."""
    kept = chosen.model_dump(mode="json", exclude={"training": INDIFFERENT_KEYS | SHARED_OUT})
    return {**kept, "frames_per_step": frames_per_step(chosen.training, devices)}


@cache
def _closure(stage: str, chosen: tuple[str, ...]) -> Closure:
    return closure_of([stage, *chosen], {*EVERYWHERE, *INDIFFERENT.get(stage, ())})
