"""H5MD, where every quantity has steps of its own (de Buyl, Colberg, Höfling, Comput. Phys. Commun. 185, 1546, 2014).

Positions, forces and boxes lie in groups ``particles/<name>/position``, ``force`` and ``box/edges``, each with
``value`` and, for its rows, ``step``: a list, or one number by which it grows from the attribute ``offset``. MDAnalysis
takes equal rows for equal steps, so the steps are compared before it reads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Shaped
from MDAnalysis.coordinates.H5MD import H5MDReader

from cgpipe.errors import UserError

NAMES = {"position": "positions", "force": "forces", "box/edges": "boxes"}


class PlainH5MDReader(H5MDReader):
    """MDAnalysis' reader without velocities, which are not needed and may have steps of their own."""

    format = "CGPIPE_H5MD"

    @property
    def _has(self) -> Mapping[str, bool]:
        return self._wanted

    @_has.setter
    def _has(self, found: Mapping[str, bool]) -> None:
        self._wanted = {**found, "velocity": False}


def check_steps(path: Path) -> None:
    """Refuse an H5MD file whose positions, forces and boxes are not of the same steps.

    Raises:
        UserError: as said, with how many steps there are of each; or steps that cannot be compared or read.
    """
    try:
        with h5py.File(path) as file:
            group = next(iter(file["particles"].values()))
            found = {name: group[name] for name in NAMES if isinstance(group.get(name), h5py.Group)}
            rows = {name: len(element["value"]) for name, element in found.items()}
            steps = {name: _steps(element, rows[name]) for name, element in found.items()}
            single = [name for name, element in found.items() if "step" in element and not element["step"].ndim]
    except (OSError, KeyError, StopIteration, TypeError, ValueError, AttributeError, RuntimeError):
        return  # no such file, or no H5MD: MDAnalysis says what it is
    if "position" not in rows or "force" not in rows:
        return
    for name, other in (("force", "position"), ("box/edges", "position")):
        if name in rows and not _same(rows, steps, name, other):
            raise UserError(
                f"{path}: {NAMES[other]} were saved at {_told(rows[other], steps[other])}, {NAMES[name]} at "
                f"{_told(rows[name], steps[name])}: those of one row do not belong together; save them at equal steps"
            )
    missing = [NAMES[name] for name in rows if steps[name] is None]
    if missing or single:
        what = f"no steps of {missing[0]}" if missing else f"the steps of {NAMES[single[0]]} as a fixed increment"
        raise UserError(f"{path}: holds {what}, but a list with the step of every frame is needed")


def _steps(element: h5py.Group, rows: int) -> Shaped[np.ndarray, " rows"] | None:
    """The step of every row; None where the file has none."""
    if "step" not in element:
        return None
    step = element["step"]
    offset: Any = step.attrs.get("offset", 0)
    return step[()] if step.ndim else offset + step[()] * np.arange(rows)


def _same(rows: Mapping[str, int], steps: Mapping[str, Shaped[np.ndarray, " _"] | None], name: str, other: str) -> bool:
    known = {one: given for one in (name, other) if (given := steps[one]) is not None}
    if rows[name] != rows[other] or any(len(given) != rows[one] for one, given in known.items()):
        return False
    return len(known) < 2 or np.array_equal(known[name], known[other])


def _told(rows: int, steps: Shaped[np.ndarray, " steps"] | None) -> str:
    """How many steps there are, and which."""
    if steps is None:
        return f"{rows} steps"
    some = [str(step) for step in steps[:3]] + ([f"… {steps[-1]}"] if len(steps) > 3 else [])
    unequal = "" if len(steps) == rows else f", with {rows} values"
    return f"{len(steps)} steps ({', '.join(some)}{unequal})"
