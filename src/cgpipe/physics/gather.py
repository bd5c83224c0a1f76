"""The one pass over an all-atom trajectory: frames are checked, summed up for the fit of the force map, put aside.

Positions and forces of the Cα stay in memory; forces on the rigid groups, which any map is made of, go to a spool.
Two threads share the work: one reads and checks, the other sums up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64, Int

from cgpipe.data.bond_ranges import atom_bonds, bead_bonds, together
from cgpipe.data.frames import Chunk
from cgpipe.data.prefetch import Prefetch
from cgpipe.data.readers import Reader
from cgpipe.data.sane_frames import Sieve
from cgpipe.physics.constraints import BondFluctuations
from cgpipe.physics.crossfit import Folds
from cgpipe.physics.forcemap import Groups, group_forces
from cgpipe.physics.gram import Gram, LocalGram
from cgpipe.physics.mapping import BeadMapping
from cgpipe.physics.spool import Spool

CUT = "a molecule that a periodic boundary cuts must be made whole first, and the topology must be that of the frames"

AHEAD = 2
"""Chunks that a thread reads and prepares while sums of products are taken over earlier ones."""

CHECKED_FRAMES = 300
"""Constraints are checked on so many frames at least, spread evenly (on all of fewer)."""


@dataclass
class Gathered:
    """What the pass leaves; each list has an entry per chunk.

    ``left_out`` counts frames by the reason for which they were left out, ``notes`` tell it in words.
    """

    gram: Gram | LocalGram
    fluctuations: BondFluctuations
    R: list[Float32[np.ndarray, "frames beads 3"]] = field(default_factory=list)
    alpha_force: list[Float32[np.ndarray, "frames beads 3"]] = field(default_factory=list)
    all_forces: list[Float32[np.ndarray, "frames atoms 3"]] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    trajectory: list[int] = field(default_factory=list)
    frame: list[Int[np.ndarray, " frames"]] = field(default_factory=list)
    fold: list[Int[np.ndarray, " frames"]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
    bonds = together(atom_bonds(reader.atoms), bead_bonds(mapping.chain, mapping.residue, mapping.atom))
    sieve = Sieve(non_finite, lambda trajectory: f"{where}: {reader.where(trajectory)}", bonds, mapping.atom, CUT)
    seen = 0
    with Prefetch(_prepared(reader, sieve, groups, folds), AHEAD) as chunks:
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
    gathered.notes = sieve.finish()
    gathered.left_out = sieve.summary()
    return gathered


def rows_by_fold(fold: Int[np.ndarray, " frames"]) -> Iterator[tuple[int, slice | Int[np.ndarray, " rows"]]]:
    """Each fold present among frames, with its rows (three per frame)."""
    for one in np.unique(fold).tolist():
        frames = np.flatnonzero(fold == one)
        whole = len(frames) == len(fold)
        yield one, slice(None) if whole else (3 * frames[:, None] + np.arange(3)).ravel()


def _prepared(
    reader: Reader, sieve: Sieve, groups: Groups, folds: Folds
) -> Iterator[tuple[Chunk, Int[np.ndarray, " frames"], Float64[np.ndarray, "groups rows"]]]:
    """Chunks of usable frames, the folds of the frames, and the forces on the rigid groups."""
    taken = [0] * len(reader.lengths)
    for chunk in map(sieve, reader.chunks()):
        first = taken[chunk.trajectory]
        taken[chunk.trajectory] += len(chunk.frame)
        if len(chunk.frame):
            fold = folds.of(chunk.trajectory, np.arange(first, taken[chunk.trajectory]))
            yield chunk, fold, group_forces(chunk.F, groups)
