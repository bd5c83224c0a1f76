"""What one simulation left behind: its record, and its trajectory as an array."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from MDAnalysis.lib.formats.libdcd import DCDFile

from cgpipe.artefact import read_json
from cgpipe.errors import UserError


@dataclass(frozen=True)
class Replica:
    """One simulation.

    Attributes:
        record: content of ``simulation.json``.
        R: positions in chain order [Å]; only frames up to the first one that is not finite.
        times: time of each frame [ps].
        broken_frames: frames from the first one on that is not finite.
    """

    record: dict[str, Any]
    R: Float[np.ndarray, "frames beads 3"]
    times: Float[np.ndarray, " frames"]
    broken_frames: int


def read_replica(record_path: Path, protein: str, beads: int) -> Replica:
    """Read ``simulation.json`` and the ``traj.dcd`` beside it.

    Args:
        record_path: the record.
        protein: whose simulation it must be.
        beads: of the protein; another number in the trajectory is an error.

    Raises:
        UserError: a file is missing or damaged, or belongs to another protein.
    """
    record = read_json(record_path, "simulation")
    if record["protein"] != protein:
        raise UserError(f"{record_path}: a simulation of {record['protein']}, not of {protein}")
    path = Path(record_path).with_name("traj.dcd")
    if not path.is_file():
        raise UserError(f"{path}: no such file, but {record_path.name} is there; rerun this simulation")
    try:
        with DCDFile(str(path)) as file:
            R = file.readframes().xyz
    except OSError as error:
        raise UserError(f"{path}: cannot be read as DCD ({error}); rerun this simulation") from None
    if R.shape[1] != beads:
        raise UserError(f"{path}: {R.shape[1]} beads, but {protein} has {beads}; rerun this simulation")
    finite = np.all(np.isfinite(R), axis=(1, 2))
    good = len(R) if finite.all() else int(np.argmin(finite))
    times = np.arange(good) * float(record["save_every"])
    return Replica(record, R[:good], times, len(R) - good)
