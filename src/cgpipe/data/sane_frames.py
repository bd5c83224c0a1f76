"""Which frames of a source can be, whatever it is: the one place where frames are refused or left out.

A frame cannot be whose numbers are not finite or beyond reason, whose atoms are on one point, whose bonds are longer or
shorter than bonds are, whose forces are all zero, or that was there before in the same trajectory (a writer that hung,
a restart that was written twice), be it only its forces. A frame that is in an earlier trajectory as well (runs that
overlap, or have one start) is no damage: it is left out and told.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8

from cgpipe.data.bond_ranges import BondRanges, likely_unit
from cgpipe.data.frames import Chunk
from cgpipe.errors import UserError

FARTHEST = 1e5
"""Coordinates are smaller [Å]: beyond, single precision is coarser than 0.01 Å, and no protein diffuses so far."""
STRONGEST = 1e4
"""Components of forces are smaller [kcal/mol/Å]: at thermal energies, atoms feel some hundreds."""
MUCH = 150.0
"""Half of the components of forces on atoms are below a tenth of this [kcal/mol/Å]."""
SMALLEST = 0.01
"""Frames of less extent along all axes are on one point [Å]."""
MOSTLY = 0.9
"""Where a larger share of the frames is bad, something else is wrong than a few frames."""

REASONS = (
    "",
    "NaN or infinity in the coordinates",
    "NaN or infinity in the forces",
    "all forces are zero",
    "coordinates beyond reason",
    "atoms on one point",
    "bonds of impossible length",
    "forces beyond reason",
    "equal to an earlier frame",
    "forces of an earlier frame",
)
NOT_FINITE, NO_NUMBER, NO_FORCE, FAR, ONE_POINT, BROKEN, STRONG, EQUAL, STALE = range(1, len(REASONS))


class Sieve:
    """Judges the frames of one source, chunk by chunk.

    Args:
        policy: ``refuse`` raises on the first bad frame, ``drop`` leaves bad frames out.
        where: protein, file and whatever else names a trajectory, by its index.
        bonds: between rows of a frame.
        beads: rows of the beads.
        advice: what a bond that is too long may mean besides damage.

    Attributes:
        dropped: bad frames left out, by reason.
        copies: frames left out because an earlier trajectory has them, by the two trajectories.
    """

    def __init__(
        self,
        policy: str,
        where: Callable[[int], str],
        bonds: BondRanges,
        beads: Int[np.ndarray, " beads"],
        advice: str,
    ) -> None:
        self._policy, self._where, self._bonds, self._beads, self._advice = policy, where, bonds, beads, advice
        self._seen: tuple[dict[int, tuple[int, int]], ...] = ({}, {})
        self._odd = np.random.default_rng(0).integers(2**63, size=3 * len(beads), dtype=np.uint64) * 2 + 1
        self._total = 0
        self.dropped: Counter[str] = Counter()
        self.copies: Counter[tuple[int, int]] = Counter()

    def __call__(self, chunk: Chunk) -> Chunk:
        """The frames that can be and were not there before.

        Raises:
            UserError: a bad frame under ``refuse``; positions in another unit under either policy.
        """
        self._total += len(chunk.frame)
        reasons = _reasons(chunk, self._bonds, self._beads)
        if (reasons == BROKEN).any():
            self._refuse_unit(chunk, reasons)
        kept = reasons == 0
        equals = self._compare(chunk.R, chunk, kept, self._seen[0])
        for row, (trajectory, _) in equals.items():
            if trajectory == chunk.trajectory:
                reasons[row] = EQUAL
            else:
                self.copies[trajectory, chunk.trajectory] += 1
            kept[row] = False
        stale = self._compare(chunk.F, chunk, kept, self._seen[1])
        reasons[list(stale)] = STALE
        kept[list(stale)] = False
        bad = np.flatnonzero(reasons)
        if len(bad) and self._policy == "refuse":
            self._refuse(chunk, reasons, int(bad[0]), equals | stale)
        self.dropped.update(REASONS[reason] for reason in reasons[bad].tolist())
        return chunk if kept.all() else chunk.select(kept)

    def finish(self) -> tuple[str, ...]:
        """What was left out, in words.

        Raises:
            UserError: nearly all frames were bad, or none is left.
        """
        bad, counted = sum(self.dropped.values()), _counted(self.dropped)
        left = self._total - bad - sum(self.copies.values())
        if not left:
            raise UserError(
                f"{self._where(0)}: no usable frame is left, {self._total} were dropped ({counted}); {self._advice}"
            )
        if bad > MOSTLY * self._total:
            raise UserError(
                f"{self._where(0)}: {bad} of {self._total} frames cannot be ({counted}): not a few damaged frames; do "
                f"topology and units fit? {self._advice}"
            )
        notes = [f"{bad} of {self._total} frames left out: {counted}"] if bad else []
        notes += [
            f"{count} frames of {self._where(later)} are also in {self._where(earlier)}; left out of the later one"
            for (earlier, later), count in self.copies.items()
        ]
        return tuple(notes)

    def summary(self) -> dict[str, int]:
        """Frames left out, by reason."""
        copies = sum(self.copies.values())
        return dict(self.dropped) | ({"also in an earlier trajectory": copies} if copies else {})

    def _compare(
        self,
        vectors: Float32[np.ndarray, "frames atoms 3"],
        chunk: Chunk,
        kept: Bool[np.ndarray, " frames"],
        seen: dict[int, tuple[int, int]],
    ) -> dict[int, tuple[int, int]]:
        """Rows with exactly the beads' vectors of an earlier frame, and that frame: its trajectory and number."""
        equals = {}
        bits = np.ascontiguousarray(vectors[:, self._beads]).reshape(len(kept), -1).view(np.uint32)
        marks = (bits * self._odd).sum(axis=1)  # modulo 2⁶⁴: others than equal frames never meet
        for row in np.flatnonzero(kept).tolist():
            own = (chunk.trajectory, int(chunk.frame[row]))
            first = seen.setdefault(int(marks[row]), own)
            if first != own:
                equals[row] = first
        return equals

    def _refuse(
        self, chunk: Chunk, reasons: Int8[np.ndarray, " frames"], row: int, equals: dict[int, tuple[int, int]]
    ) -> None:
        reason, what = int(reasons[row]), REASONS[reasons[row]]
        if reason == FAR:
            what = f"a coordinate of {np.abs(chunk.R[row]).max():.9g} Å, beyond reason"
        elif reason == STRONG:
            what = f"a force of {np.abs(chunk.F[row]).max():.3g} kcal/mol/Å, beyond reason"
            if np.median(np.abs(chunk.F)) > MUCH:
                what += ", and all of this trajectory's are large: likely in kJ/mol/nm"
        elif reason == EQUAL:
            what = f"equal to frame {equals[row][1]}, an earlier one of the same trajectory"
        elif reason == STALE:
            what = f"other positions, but the forces of frame {equals[row][1]}"
        elif reason == BROKEN:
            often = ", as in nearly all frames" if (reasons == BROKEN).mean() > MOSTLY else ""
            what = f"{self._bonds.worst(chunk.R[row])}{often}; {self._advice}"
        raise UserError(
            f"{self._where(chunk.trajectory)}, frame {chunk.frame[row]}: {what}; repair the trajectory, or set "
            "project.non_finite: drop to leave such frames out"
        )

    def _refuse_unit(self, chunk: Chunk, reasons: Int8[np.ndarray, " frames"]) -> None:
        """Raise where the bonds of most frames are too long, or too short, by one factor."""
        broken = reasons == BROKEN
        if broken.mean() <= MOSTLY:
            return
        scale = float(np.median([self._bonds.scale(frame) for frame in chunk.R[broken][:20]]))
        if unit := likely_unit(scale):
            raise UserError(
                f"{self._where(chunk.trajectory)}: bonds are {scale:.2g} times as long as bonds are, in nearly all "
                f"frames; {unit}"
            )


def _reasons(chunk: Chunk, bonds: BondRanges, beads: Int[np.ndarray, " beads"]) -> Int8[np.ndarray, " frames"]:
    """For each frame the first of `REASONS` that holds; 0 where none does."""
    with np.errstate(invalid="ignore", over="ignore"):
        lowest, highest = _extremes(chunk.R)
        weakest, strongest = _extremes(chunk.F)
        shape = chunk.R[:, beads]
        found = np.zeros(len(chunk.frame), np.int8)
        found[np.maximum(strongest, -weakest) > STRONGEST] = STRONG
        found[bonds.broken(chunk.R)] = BROKEN
        found[(np.ptp(shape, axis=1) < SMALLEST).all(axis=1) | _coinciding(shape)] = ONE_POINT
        found[np.maximum(highest, -lowest) > FARTHEST] = FAR
        found[(weakest == 0) & (strongest == 0)] = NO_FORCE
        found[~(np.isfinite(weakest) & np.isfinite(strongest))] = NO_NUMBER
        found[~(np.isfinite(lowest) & np.isfinite(highest))] = NOT_FINITE
    return found


def _extremes(
    vectors: Float32[np.ndarray, "frames atoms 3"],
) -> tuple[Float32[np.ndarray, " frames"], Float32[np.ndarray, " frames"]]:
    """Smallest and largest component of every frame; NaN where any is."""
    flat = vectors.reshape(len(vectors), -1)
    return flat.min(axis=1), flat.max(axis=1)


def _coinciding(beads: Float32[np.ndarray, "frames beads 3"]) -> np.ndarray:
    """Frames in which two beads have the same place."""
    # along a line of no symmetry, beads of one place are neighbours, and no others are as close
    along = np.sort(beads.astype(np.float64) @ np.array([1.0, np.sqrt(2), np.sqrt(3)]), axis=1)
    return np.asarray((np.diff(along, axis=1) == 0).any(axis=1))


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{count} × {reason}" for reason, count in reasons.items())
