"""Parts of ensembles that count as independent: whole runs, or pieces of them that are much longer than the memory.

Errors come from the scatter between such parts. As few and as long ones are taken as Student's t can do with, because a
part that remembers the one before it makes errors too small, and the memory that a short run shows is itself too
short; runs are cut only where that leaves pieces of at least five integrated autocorrelation times.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.autocorrelation import integrated_time

WANTED = 12
"""So many parts are made where the memory allows it and there are not more runs."""

MEMORIES, MEMORIES_OF_FEW = 5.0, 8.0
"""A run is cut into pieces of at least so many autocorrelation times; of more where there are fewer than four runs."""

FEWEST = 4
"""With fewer parts there is no interval."""

FEWEST_FRAMES = 6
"""The same for independent frames: all frames over the memory. Runs that hardly change state do not scatter."""

ENOUGH_RUNS = 8
"""So many runs tell of their scatter even if none of them changes state."""

FEWEST_OF_FEW = 10
"""The same of parts where there are fewer than four runs, which hardly show a memory as long as themselves."""


class Units(NamedTuple):
    """Number of the part that each frame belongs to, from 0; why there are too few for an interval, or None; and how
    many independent frames all of them are worth."""

    part: Int[np.ndarray, " frames"]
    too_few: str | None
    worth: float


def independent_units(
    run: Int[np.ndarray, " frames"], time: Int[np.ndarray, " frames"], series: Sequence[Float[np.ndarray, " frames"]]
) -> Units:
    """Independent parts of an ensemble.

    Args:
        run: trajectory of each frame.
        time: number of each frame in its trajectory.
        series: numbers per frame; the one with the longest memory decides.
    """
    memory = max(integrated_time(one, run, time) for one in series)
    runs = len(np.unique(run))
    least = MEMORIES if runs >= FEWEST else MEMORIES_OF_FEW
    part = cut(run, time, max(len(run) / WANTED, least * memory), WANTED)
    found, needed = int(part.max()) + 1, FEWEST if runs >= FEWEST else FEWEST_OF_FEW
    worth = len(run) / memory
    too_few = None
    if found < needed:
        too_few = f"{found} independent parts of {runs} runs, {needed} needed"
    elif runs < ENOUGH_RUNS and worth < FEWEST_FRAMES:
        too_few = f"worth {int(worth)} independent frames, {FEWEST_FRAMES} needed"
    return Units(part, too_few, worth)


def cut(
    run: Int[np.ndarray, " frames"], time: Int[np.ndarray, " frames"], shortest: float, most: int
) -> Int[np.ndarray, " frames"]:
    """Number of the piece that each frame belongs to: pieces of a run have equally many consecutive frames.

    Args:
        run: trajectory of each frame.
        time: number of each frame in its trajectory.
        shortest: length of a piece [frames]; a shorter run is one piece.
        most: pieces of a run.
    """
    pieces = np.zeros(len(run), dtype=np.int64)
    first = 0
    for name in np.unique(run):
        members = np.flatnonzero(run == name)
        members = members[np.argsort(time[members], kind="stable")]
        count = int(np.clip(len(members) / shortest + 1e-9, 1, most))
        pieces[members] = first + np.arange(len(members)) * count // len(members)
        first += count
    return pieces
