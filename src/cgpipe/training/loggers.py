"""Where the lines of ``metrics.jsonl`` can go besides: TensorBoard, Weights & Biases.

Each is an optional package, imported only where it is asked for. Lines of a run that was killed and resumed come in
once more where epochs are repeated; both tools take the last value of a step.
"""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from cgpipe.errors import UserError


@runtime_checkable
class Logger(Protocol):
    """Takes one line after each epoch, and one at the end."""

    def write(self, line: Mapping[str, Any], step: int) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files in ``<folder>/tensorboard``."""

    def __init__(self, folder: Path, run: str, settings: Mapping[str, Any]):
        writer = _module("tensorboard", "tensorboardX").SummaryWriter
        self._writer = writer(str(folder / "tensorboard"))

    def write(self, line: Mapping[str, Any], step: int) -> None:
        for name, value in scalars(line).items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run in ``<folder>/wandb``; nothing is sent unless WANDB_MODE says so (``wandb sync`` sends it later)."""

    def __init__(self, folder: Path, run: str, settings: Mapping[str, Any]):
        self._run = _module("wandb", "wandb").init(
            project="cgpipe",
            id=run,
            resume="allow",
            dir=str(folder),
            config=dict(settings),
            mode=os.environ.get("WANDB_MODE", "offline"),
        )

    def write(self, line: Mapping[str, Any], step: int) -> None:
        self._run.log(scalars(line), step=step)

    def close(self) -> None:
        self._run.finish()


LOGGERS: dict[str, Callable[[Path, str, Mapping[str, Any]], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


def open_loggers(names: Sequence[str], folder: Path, run: str, settings: Mapping[str, Any]) -> list[Logger]:
    """The loggers of these names.

    Args:
        names: keys of `LOGGERS`.
        folder: where their files go.
        run: identity of the training; the same for one that is resumed.
        settings: shown beside the curves.

    Raises:
        UserError: the package of one is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [LOGGERS[name](folder, run, settings) for name in names]


def scalars(line: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of a line; those of a nested table have its name in front."""
    found: dict[str, float] = {}
    for name, value in line.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = float(value)
    return found


def _module(logger: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(
            f"training.loggers names {logger!r}, but the package {package} is not installed; "
            f"pip install 'cgpipe[{logger}]', or take it off the list"
        ) from None
