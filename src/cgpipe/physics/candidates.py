"""The force maps that a protein's Gram matrices give, how good each is on frames it has not seen, and the choice.

``auto`` takes the one of ``optimal`` and ``window`` with the smaller held-out RMS. A map with too many coefficients
for the frames is no candidate; where it was asked for, that is an error.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from cgpipe.errors import UserError
from cgpipe.physics.crossfit import crossfit_coefficients, heldout_rms, overfit_ratio
from cgpipe.physics.forcemap import Groups, mapped_rms, optimal_coefficients, uniform_coefficients
from cgpipe.physics.gram import Gram, LocalGram
from cgpipe.physics.window import free_in_windows, own_windows, spread, window_coefficients


@dataclass(frozen=True)
class Candidate:
    """A fitted map.

    ``coefficients`` of all groups from a fit to all frames, ``by_fold`` from fits to all other folds, RMS per component
    [kcal/mol/Å] on the frames of the fit and on frames not seen, and the number of free coefficients per bead.
    """

    coefficients: Float64[np.ndarray, "beads groups"]
    by_fold: Float64[np.ndarray, "folds beads groups"]
    rms: float
    rms_heldout: float
    free: int


@dataclass(frozen=True)
class Contest:
    """Which maps are in question for a protein, before its frames are read.

    Attributes:
        asked: map that the configuration asks for.
        windows: groups of each bead's window.
        limit: largest number of free coefficients over rows.
    """

    asked: str
    groups: Groups
    windows: Int[np.ndarray, "beads width"]
    limit: float
    ridge: float
    where: str

    def free(self) -> dict[str, int]:
        """Free coefficients per bead of the fitted maps."""
        return {"optimal": len(self.groups.free), "window": free_in_windows(self.windows)}

    def entrants(self, frames: int) -> tuple[str, ...]:
        """Fitted maps to compute for so many frames.

        Raises:
            UserError: the map that was asked for, or both maps of ``auto``, have too many coefficients.
        """
        if self.asked in ("uniform", "slice"):
            return ()
        fits = tuple(name for name, free in self.free().items() if overfit_ratio(free, frames) <= self.limit)
        if self.asked == "window":
            fits = tuple(name for name in fits if name == "window")
        if not fits or (self.asked == "optimal" and "optimal" not in fits):
            raise self._overfit(frames, "window" in fits)
        return fits

    def gram(self, frames: int, folds: int) -> Gram | LocalGram:
        """An empty Gram matrix, no larger than the maps in question need."""
        entrants = self.entrants(frames)
        if "optimal" in entrants:
            return Gram(folds, self.groups.count)
        return LocalGram(folds, self.windows if entrants else own_windows(self.groups))

    def fit(self, gram: Gram | LocalGram, frames: int) -> dict[str, Candidate]:
        """The maps in question, and the uniform one."""
        entrants = self.entrants(frames)
        fitted = {"optimal": self._optimal(gram)} if isinstance(gram, Gram) and "optimal" in entrants else {}
        if "window" in entrants:
            local = gram.local(self.windows) if isinstance(gram, Gram) else gram
            fitted["window"] = _windowed(local, self.groups, self.ridge, self.where)
        own = gram.local(own_windows(self.groups)) if isinstance(gram, Gram) else gram
        rms = float(np.sqrt(own.mean()[:, 0, 0].mean()))
        uniform = uniform_coefficients(self.groups)
        return {**fitted, "uniform": Candidate(uniform, np.stack([uniform] * gram.folds), rms, rms, 0)}

    def choose(self, candidates: dict[str, Candidate]) -> str:
        """The map to use: the one asked for, or for ``auto`` that of least held-out RMS."""
        if self.asked != "auto":
            return self.asked
        return min((name for name in candidates if name != "uniform"), key=lambda name: candidates[name].rms_heldout)

    def _optimal(self, gram: Gram) -> Candidate:
        mean = gram.mean()
        coefficients = optimal_coefficients(mean, self.groups, self.ridge, self.where)
        by_fold = crossfit_coefficients(gram, self.groups, self.ridge, self.where)
        rms = mapped_rms(coefficients, mean)
        return Candidate(coefficients, by_fold, rms, heldout_rms(by_fold, gram), self.free()["optimal"])

    def _overfit(self, frames: int, window_fits: bool) -> UserError:
        name = "optimal" if self.asked == "optimal" else "window"
        free = self.free()[name]
        remedies = [f"use at least {np.ceil(free / (3 * self.limit)):.0f} frames"]
        if name == "optimal" and window_fits:
            remedies.append(f"project.map: window ({self.free()['window']} coefficients) or auto")
        elif name == "window" and self.windows.shape[1] > 1:
            remedies.append("project.map: uniform")
        remedies.append("a larger project.max_overfit")
        return UserError(
            f"{self.where}: {free} free coefficients per bead ({name} map) for 3 × {frames} frames is a ratio of "
            f"{overfit_ratio(free, frames):.2f}, above project.max_overfit {self.limit:g}: the map would be fitted to "
            f"noise; {', '.join(remedies[:-1])}, or {remedies[-1]}"
        )


def _windowed(gram: LocalGram, groups: Groups, ridge: float, where: str) -> Candidate:
    windows = gram.windows
    local = window_coefficients(gram, groups, ridge, where)
    folds = [window_coefficients(gram, groups, ridge, where, without=fold) for fold in range(gram.folds)]
    inside = np.einsum("iw,iwv,iv->i", local, gram.mean(), local, optimize=True).mean()
    outside = sum(
        np.einsum("iw,iwv,iv->", own, total, own, optimize=True) for own, total in zip(folds, gram.total, strict=True)
    ) / (gram.rows.sum() * len(windows))
    return Candidate(
        coefficients=spread(local, windows, groups),
        by_fold=np.stack([spread(own, windows, groups) for own in folds]),
        rms=float(np.sqrt(inside)),
        rms_heldout=float(np.sqrt(outside)),
        free=free_in_windows(windows),
    )
