"""What the labels of a dataset look like, and which frames look wrong.

Per protein: the size of forces, their net force and torque, how long a label remembers, the range of bonds and angles,
and three kinds of suspects: *outliers*, beads whose force |F| is more than `OUTLIER` robust deviations (1.4826 × median
absolute deviation) above that bead's median; *duplicates*, frames with exactly the same positions as an earlier one;
*frozen* beads, whose force or place never changes. Over all proteins: RMS by residue type and a histogram of |F|.

The memory of a label is C(τ) = ⟨f(t)·f(t+τ)⟩ / ⟨f²⟩ of force fluctuations f in a frame that turns with the chain (along
i−1 → i+1, towards the bend, and across), within trajectories. Near 0 at the shortest τ, every frame is a new sample of
the noise (and of the stiff bonds, whose forces forget within a fraction of a picosecond); where it is large, frames
repeat each other: a stride costs little, and gaps between sets must be longer than the memory. It is no measure of what
a model can explain.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int32

from cgpipe.data.splits import SPLITS
from cgpipe.data.store import ProteinBeads

OUTLIER = 10.0
LISTED = 20
"""So many suspects of each kind are listed per protein; all are counted."""
LAGS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
FEWEST = 20
"""Fewer frames than this give no median of a bead, and fewer pairs no correlation."""
STILL = 1e-3, 1e-6
"""Places [Å] and forces [kcal/mol/Å] that vary by less are frozen."""
EDGES = np.concatenate([[0.0], np.geomspace(0.1, 1e4, 101)])
"""Bins of |F| [kcal/mol/Å]."""
LEVELS = (0.0, 0.005, 0.5, 0.995, 1.0)
"""Bonds and angles are told by these quantiles."""


class Diagnostics:
    """Findings gathered protein by protein; one protein's arrays are in memory at a time."""

    def __init__(self) -> None:
        self._proteins: dict[str, dict[str, Any]] = {}
        self._residues: dict[str, np.ndarray] = {}
        self._magnitudes = np.zeros(len(EDGES) - 1, np.int64)
        self._sets = {name: np.zeros(2) for name in SPLITS}

    def add(
        self,
        beads: ProteinBeads,
        R: Float32[np.ndarray, "frames beads 3"],
        F: Float32[np.ndarray, "frames beads 3"],
        origin: Mapping[str, np.ndarray],
    ) -> None:
        """Look at one protein.

        Args:
            beads: its chain.
            R: positions [Å]; frozen places are seen only where they are those of the source, not centred ones.
            F: forces [kcal/mol/Å].
            origin: ``trajectory``, ``frame`` and ``split`` of each frame.
        """
        size = np.linalg.norm(F, axis=-1)
        self._magnitudes += np.histogram(np.clip(size, 0, EDGES[-1]), EDGES)[0]
        square = size.astype(np.float64) ** 2
        for name, number in SPLITS.items():
            own = square[origin["split"] == number]
            self._sets[name] += own.sum(), 3 * own.size
        for bead, residue in enumerate(beads.residues):
            seen = self._residues.setdefault(residue, np.zeros(4))
            seen[:3] += size.shape[0], size[:, bead].sum(dtype=np.float64), square[:, bead].sum()
            seen[3] = max(seen[3], size[:, bead].max(initial=0.0))
        torque = np.cross(R - R.mean(axis=1, keepdims=True), F).sum(axis=1)
        bonds, angles = _ranges(R, beads)
        self._proteins[beads.name] = {
            "frames": len(R),
            "force_mean": float(size.mean()),
            "force_max": float(size.max()),
            "force_rms": float(np.sqrt(square.mean() / 3)),
            "net_force_rms": _rms(F.sum(axis=1)),
            "net_torque_rms": _rms(torque),
            "bonds": bonds,
            "angles": angles,
            "autocorrelation": _autocorrelation(R, F, beads, origin),
            "outliers": _outliers(size, beads, origin),
            "duplicates": _duplicates(R, beads, origin),
            "frozen": _frozen(R, F),
        }

    def findings(self) -> dict[str, Any]:
        """Everything found, ready for JSON."""
        residues = {
            name: {
                "samples": int(n),
                "force_mean": total / n,
                "force_rms": float(np.sqrt(square / n / 3)),
                "force_max": largest,
            }
            for name, (n, total, square, largest) in sorted(self._residues.items())
        }
        return {
            "residues": residues,
            "magnitudes": {"edges": EDGES.tolist(), "counts": self._magnitudes.tolist()},
            "loss_without_model": {n: (square / c if c else None) for n, (square, c) in self._sets.items()},
            "suspects": self.suspects(),
            "proteins": self._proteins,
        }

    def suspects(self) -> dict[str, int]:
        """How many there are of each kind."""
        found = self._proteins.values()
        return {
            "outliers": sum(p["outliers"]["count"] for p in found),
            "duplicates": sum(p["duplicates"]["count"] for p in found),
            "duplicates_across_sets": sum(p["duplicates"]["across_sets"] for p in found),
            "frozen": sum(len(p["frozen"]) for p in found),
        }


def complaint(suspects: Mapping[str, int]) -> str:
    """The suspects in one line; empty where there are none."""
    said = {
        "outliers": f"forces more than {OUTLIER:g} robust deviations above their bead's median",
        "duplicates": f"frames equal to an earlier one ({suspects['duplicates_across_sets']} of them in another set)",
        "frozen": "beads that never move or whose force never changes",
    }
    return "; ".join(f"{suspects[kind]} {text}" for kind, text in said.items() if suspects[kind])


def _rms(values: Float[np.ndarray, "frames 3"]) -> float:
    return float(np.sqrt((values.astype(np.float64) ** 2).mean()))


def _bonded(beads: ProteinBeads) -> np.ndarray:
    return (beads.chain[1:] == beads.chain[:-1]) & (np.diff(beads.residue) == 1)


def _ranges(
    R: Float32[np.ndarray, "frames beads 3"], beads: ProteinBeads
) -> tuple[list[float] | None, list[float] | None]:
    """Quantiles of bonds [Å] and angles [°]."""
    bonded = _bonded(beads)
    step = np.diff(R, axis=1)
    length = np.linalg.norm(step, axis=-1)
    both = bonded[1:] & bonded[:-1]
    scale = np.maximum(length[:, 1:] * length[:, :-1], 1e-6)
    cosine = np.clip(-(step[:, 1:] * step[:, :-1]).sum(axis=-1) / scale, -1, 1)
    return _quantiles(length[:, bonded]), _quantiles(np.degrees(np.arccos(cosine[:, both])))


def _quantiles(values: np.ndarray) -> list[float] | None:
    return [float(q) for q in np.quantile(values, LEVELS)] if values.size else None


def _autocorrelation(
    R: Float32[np.ndarray, "frames beads 3"],
    F: Float32[np.ndarray, "frames beads 3"],
    beads: ProteinBeads,
    origin: Mapping[str, np.ndarray],
) -> dict[str, Any] | None:
    """C(τ) at some lags; τ in frames of the source. None where there are too few frames or beads."""
    bonded = _bonded(beads)
    middle = np.flatnonzero(bonded[1:] & bonded[:-1]) + 1
    order = np.lexsort((origin["frame"], origin["trajectory"]))
    trajectory, frame = origin["trajectory"][order], origin["frame"][order]
    steps = np.diff(frame)[np.diff(trajectory) == 0]
    if not len(middle) or len(steps) < FEWEST:
        return None
    spacing = int(np.median(steps))
    f = _turning(R, F, middle)[order]
    f -= f.mean(axis=0)
    variance = float((f.astype(np.float64) ** 2).sum(axis=(1, 2)).mean())
    lags, values = [], []
    for lag in (lag for lag in LAGS if lag < len(f)):
        pairs = (trajectory[lag:] == trajectory[:-lag]) & (frame[lag:] - frame[:-lag] == lag * spacing)
        if spacing > 0 and variance > 0 and pairs.sum() >= FEWEST:
            product = np.einsum("tbc,tbc->t", f[lag:], f[:-lag])[pairs]
            lags.append(lag * spacing)
            values.append(float(product.mean(dtype=np.float64)) / variance)
    return {"frames": lags, "correlation": values} if lags else None


def _turning(
    R: Float32[np.ndarray, "frames beads 3"], F: Float32[np.ndarray, "frames beads 3"], middle: np.ndarray
) -> Float32[np.ndarray, "frames middle 3"]:
    """Forces on beads with two bonds, in axes that turn with the chain."""
    before, here, after = (R[:, middle + k] for k in (-1, 0, 1))
    along = _unit(after - before)
    bend = before + after - 2 * here
    bend = _unit(bend - (bend * along).sum(axis=-1, keepdims=True) * along)
    axes = np.stack([along, bend, np.cross(along, bend)], axis=-2)
    return np.einsum("tbac,tbc->tba", axes, F[:, middle])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))


def _place(beads: ProteinBeads, origin: Mapping[str, np.ndarray], row: int) -> dict[str, Any]:
    return {"trajectory": beads.trajectories[origin["trajectory"][row]], "frame": int(origin["frame"][row])}


def _outliers(
    size: Float32[np.ndarray, "frames beads"], beads: ProteinBeads, origin: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    axis = 0 if len(size) >= FEWEST else None
    median = np.median(size, axis=axis)
    deviation = 1.4826 * np.median(np.abs(size - median), axis=axis)
    score = (size - median) / np.where(deviation > 0, deviation, np.inf)
    frames, columns = np.nonzero(score > OUTLIER)
    worst = np.argsort(-score[frames, columns], kind="stable")[:LISTED]
    listed = [
        _place(beads, origin, int(frames[i]))
        | {
            "bead": int(columns[i]),
            "residue": beads.residues[columns[i]],
            "force": float(size[frames[i], columns[i]]),
            "deviations": float(score[frames[i], columns[i]]),
        }
        for i in worst
    ]
    return {"count": len(frames), "frames": len(np.unique(frames)), "worst": listed}


def _duplicates(
    R: Float32[np.ndarray, "frames beads 3"], beads: ProteinBeads, origin: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    first: dict[bytes, int] = {}
    pairs = []
    for row, positions in enumerate(R):
        earlier = first.setdefault(positions.tobytes(), row)
        if earlier != row:
            pairs.append((row, earlier))
    split = origin["split"]
    across = sum(split[row] != split[earlier] and SPLITS["gap"] not in split[[row, earlier]] for row, earlier in pairs)
    listed: Sequence[dict[str, Any]] = [
        _place(beads, origin, row) | {"equals": _place(beads, origin, earlier)} for row, earlier in pairs[:LISTED]
    ]
    return {"count": len(pairs), "across_sets": int(across), "first": listed}


def _frozen(R: Float32[np.ndarray, "frames beads 3"], F: Float32[np.ndarray, "frames beads 3"]) -> list[int]:
    """Beads that keep their place or their force in all frames."""
    if len(R) < 2:
        return []
    still = [np.ptp(values, axis=0).max(axis=-1) < bound for values, bound in zip((R, F), STILL, strict=True)]
    found: Int32[np.ndarray, " beads"] = np.flatnonzero(still[0] | still[1]).astype(np.int32)
    return [int(bead) for bead in found]
