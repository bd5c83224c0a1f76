"""The one pass over an all-atom trajectory: frames are checked, summed up for the fit of the force map, put aside.

Positions and forces of the Cα stay in memory; forces on the rigid groups, which any map is made of, go to a spool.
Two threads share the work: one reads and checks, the other sums up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from cgpipe.data.frames import Chunk, usable_frames
from cgpipe.data.prefetch import Prefetch
from cgpipe.data.readers import Reader
from cgpipe.errors import UserError
from cgpipe.physics.constraints import BondFluctuations
from cgpipe.physics.crossfit import Folds
from cgpipe.physics.forcemap import Groups, group_forces
from cgpipe.physics.gram import Gram, LocalGram
from cgpipe.physics.mapping import BeadMapping
from cgpipe.physics.spool import Spool

LONGEST_BOND = 6.0
"""Bonded Cα are 2.8-4.1 Å apart; farther means a molecule cut by a periodic boundary [Å]."""

AHEAD = 2
"""Chunks that a thread reads and prepares while sums of products are taken over earlier ones."""

CHECKED_FRAMES = 300
"""Constraints are checked on so many frames at least, spread evenly (on all of fewer)."""


@dataclass
class Gathered:
    """What the pass leaves; each list has an entry per chunk."""

    gram: Gram | LocalGram
    fluctuations: BondFluctuations
    R: list[Float32[np.ndarray, "frames beads 3"]] = field(default_factory=list)
    alpha_force: list[Float32[np.ndarray, "frames beads 3"]] = field(default_factory=list)
    all_forces: list[Float32[np.ndarray, "frames atoms 3"]] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    trajectory: list[int] = field(default_factory=list)
    frame: list[Int[np.ndarray, " frames"]] = field(default_factory=list)
    fold: list[Int[np.ndarray, " frames"]] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Frames taken in."""
        return sum(map(len, self.frame))

    def origins(self) -> dict[str, np.ndarray]:
        """The projection's arrays that do not depend on the map."""
        lengths = [len(frame) for frame in self.frame]
        return {
            "R": np.concatenate(self.R),
            "temperature": np.repeat(np.array(self.temperature, np.float32), lengths),
            "trajectory": np.repeat(np.array(self.trajectory, np.int32), lengths),
            "frame": np.concatenate(self.frame).astype(np.int32),
        }

    def alpha_forces(self) -> Float32[np.ndarray, "frames beads 3"]:
        """Forces on the Cα alone [kcal/mol/Å]."""
        return np.concatenate(self.alpha_force)


def gather(
    where: str,
    reader: Reader,
    non_finite: str,
    mapping: BeadMapping,
    groups: Groups,
    folds: Folds,
    gram: Gram | LocalGram,
    spool: Spool,
    *,
    keep_all_forces: bool,
) -> Gathered:
    """Read all frames once.

    Args:
        where: protein, for messages.
        reader: its frames.
        non_finite: what to do with frames that cannot be used.
        mapping: its beads.
        groups: its rigid groups.
        folds: of the cross-fit.
        gram: takes in the sums.
        spool: takes in the groups' forces, an array per chunk.
        keep_all_forces: keep the forces on all atoms in memory.

    Raises:
        UserError: a frame that cannot be used, or none that can.
    """
    gathered = Gathered(gram, BondFluctuations(reader.atoms.bonds))
    every = max(1, sum(reader.lengths) // CHECKED_FRAMES)
    seen = 0
    with Prefetch(_prepared(where, reader, non_finite, mapping, groups, folds), AHEAD) as chunks:
        for chunk, fold, forces in chunks:
            gathered.fluctuations.add(chunk.R[-seen % every :: every])
            seen += len(chunk.frame)
            spool.put(forces)
            for one, rows in rows_by_fold(fold):
                gram.add(forces[:, rows], one)
            gathered.R.append(chunk.R[:, mapping.atom])
            gathered.alpha_force.append(chunk.F[:, mapping.atom])
            gathered.all_forces += [chunk.F] if keep_all_forces else []
            gathered.temperature.append(chunk.temperature)
            gathered.trajectory.append(chunk.trajectory)
            gathered.frame.append(chunk.frame)
            gathered.fold.append(fold)
    if not gathered.frame:
        raise UserError(f"{where}: no usable frame is left, {sum(reader.lengths)} were dropped")
    return gathered


def rows_by_fold(fold: Int[np.ndarray, " frames"]) -> Iterator[tuple[int, slice]]:
    """Each fold present among consecutive frames of one trajectory, with its rows (three per frame)."""
    starts = np.flatnonzero(np.diff(fold, prepend=-1))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(fold)], strict=True):
        yield int(fold[start]), slice(3 * start, 3 * stop)


def _prepared(
    where: str, reader: Reader, non_finite: str, mapping: BeadMapping, groups: Groups, folds: Folds
) -> Iterator[tuple[Chunk, Int[np.ndarray, " frames"], Float64[np.ndarray, "groups rows"]]]:
    """Chunks of usable frames, the folds of the frames, and the forces on the rigid groups."""
    for raw, position in _with_positions(reader):
        name = f"{where}: {reader.where(raw.trajectory)}"
        chunk = usable_frames(raw, non_finite, name)
        fold = folds.of(raw.trajectory, position)
        if len(chunk.frame) < len(raw.frame):
            fold = fold[np.isin(raw.frame, chunk.frame)]
        if len(chunk.frame):
            _refuse_broken(chunk.R[:, mapping.atom], chunk, mapping, name)
            yield chunk, fold, group_forces(chunk.F, groups)


def _with_positions(reader: Reader) -> Iterator[tuple[Chunk, Int[np.ndarray, " frames"]]]:
    """Chunks, and the places of their frames among those taken from their trajectory."""
    taken = [0] * len(reader.lengths)
    for chunk in reader.chunks():
        first = taken[chunk.trajectory]
        taken[chunk.trajectory] += len(chunk.frame)
        yield chunk, np.arange(first, taken[chunk.trajectory])


def _refuse_broken(R: Float[np.ndarray, "frames beads 3"], chunk: Chunk, mapping: BeadMapping, where: str) -> None:
    """Raise UserError where bonded Cα are too far apart for a whole molecule."""
    bonded = (np.diff(mapping.residue) == 1) & (np.diff(mapping.chain) == 0)
    length = np.linalg.norm(np.diff(R, axis=1), axis=-1)[:, bonded]
    if length.size and length.max() > LONGEST_BOND:
        frame, _ = np.unravel_index(np.argmax(length), length.shape)
        raise UserError(
            f"{where}, frame {chunk.frame[frame]}: bonded Cα are {length.max():.1f} Å apart; the molecule is cut by a "
            "periodic boundary: make molecules whole first"
        )
