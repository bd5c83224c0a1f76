"""Which whole runs of a protein are left out of training, so that training still covers every conformation.

A frame of a run that is left out is *covered* if some training run comes within 2.5 times the distance inside which a
twentieth of its own run lies; so the runs themselves say how wide a conformation is. A choice of runs covers if of no
run that is left out more than a twentieth of the frames are uncovered. Among such choices the best makes every set
resemble the whole: it minimises Σ_s (n_s ε(s) + ⟨d(all, all)⟩ |f_s − n_s|), with the shares n_s of the runs and f_s of
the frames in set s and the energy distance ε(s) = 2⟨d(s, all)⟩ − ⟨d(s, s)⟩ − ⟨d(all, all)⟩ between its conformations
and all of them (Székely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013)). So a conformation that few runs visit
stays in training and gives no more than its share to the test, and the test is not the shortest run. No choice leaves
out all runs of a temperature, whose entropy a model would not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int8

from cgpipe.data.conformations import conformations, unlikeness
from cgpipe.data.splits import SPLITS, number_of, spread

FEWEST = 3
"""Runs below which none is left out."""

WIDTH, REACH, UNCOVERED = 0.05, 2.5, 0.05
"""Share of a run that is inside the width of a conformation, how many such widths count as near, and the share of
frames that may be uncovered."""

FRAMES, MOST_PER_RUN = 6000, 200
"""Frames that are looked at in all and in each run, spread evenly."""

MOST_CHOICES = 5000
"""All choices are tried where they are fewer; else so many random ones."""

ABOUT_AS_GOOD = 1.05
"""The seed decides among choices whose cost is within this factor of the least."""


class Runs(NamedTuple):
    """Runs of a protein as the choice sees them.

    Attributes:
        covered: of each run, which of its frames are covered by which run; by itself none.
        apart: mean dRMS between the frames of every two runs [Å].
        share: of the frames, by run.
        at: at which of the temperatures each run has frames.
    """

    covered: Sequence[Bool[np.ndarray, "frames runs"]]
    apart: Float64[np.ndarray, "runs runs"]
    share: Float64[np.ndarray, " runs"]
    at: Bool[np.ndarray, "runs temperatures"]


def choose_runs(
    R: Float[np.ndarray, "frames beads 3"],
    trajectory: Int[np.ndarray, " frames"],
    fractions: Mapping[str, float],
    random: np.random.Generator,
    temperature: Float[np.ndarray, " frames"] | None = None,
) -> dict[int, str] | None:
    """The set of every run, or None where there is no choice that covers.

    Args:
        R: all frames of the protein [Å].
        trajectory: number of each frame's run.
        fractions: share of the runs for ``val`` and ``test``; fewer are left out where so many cannot be covered.
        random: decides among choices that are about as good.
        temperature: of each frame [K]; None where all are at one.
    """
    numbers = np.unique(trajectory)
    if len(numbers) < FEWEST:
        return None
    runs = look_at(R, trajectory, temperature)
    for val, test in _fewer_and_fewer(*(number_of(fractions[name], len(numbers)) for name in ("val", "test"))):
        choices = _choices(_spare(runs), len(numbers), val, test, random)
        covering = choices[_covers(runs, choices)]
        if len(covering):
            costs = imbalance(runs, covering)
            best = random.choice(np.flatnonzero(costs <= ABOUT_AS_GOOD * costs.min() + 1e-9))
            names = {number: name for name, number in SPLITS.items()}
            return {int(run): names[int(own)] for run, own in zip(numbers, covering[best], strict=True)}
    return None


def look_at(
    R: Float[np.ndarray, "frames beads 3"],
    trajectory: Int[np.ndarray, " frames"],
    temperature: Float[np.ndarray, " frames"] | None = None,
) -> Runs:
    """Compare every two runs on some of their frames."""
    temperature = np.zeros(len(trajectory)) if temperature is None else temperature
    rows = [np.flatnonzero(trajectory == number) for number in np.unique(trajectory)]
    most = max(1, min(MOST_PER_RUN, FRAMES // len(rows)))
    shapes = [conformations(R[own[spread(len(own), most)]]) for own in rows]
    covered, apart = [], np.zeros((len(rows), len(rows)))
    for a, own in enumerate(shapes):
        between = [unlikeness(own, other) for other in shapes]
        apart[a] = [table.mean() for table in between]
        # not counting the distance of a frame from itself
        width = np.quantile(np.sort(between[a], axis=1)[:, 1:], WIDTH, axis=1) if len(own) > 1 else np.zeros(1)
        near = np.stack([table.min(axis=1) <= REACH * width for table in between], axis=1)
        near[:, a] = False
        covered.append(near)
    lengths = np.array([len(own) for own in rows])
    at = np.stack([np.isin(np.unique(temperature), temperature[own]) for own in rows])
    return Runs(covered, apart, lengths / lengths.sum(), at)


def uncovered(runs: Runs, choices: Int8[np.ndarray, "choices runs"]) -> Float64[np.ndarray, " choices"]:
    """Of each choice, the largest share of uncovered frames in a run that it leaves out."""
    training = (choices == SPLITS["train"]).T.astype(np.float32)
    worst = np.zeros(len(choices))
    for run, covered in enumerate(runs.covered):
        share = 1.0 - np.mean(covered.astype(np.float32) @ training > 0, axis=0)
        worst = np.maximum(worst, np.where(choices[:, run] == SPLITS["train"], 0.0, share))
    return worst


def imbalance(runs: Runs, choices: Int8[np.ndarray, "choices runs"]) -> Float64[np.ndarray, " choices"]:
    """How little the sets of each choice resemble the whole [Å]."""
    whole = runs.share @ runs.apart
    typical = runs.share @ whole
    cost = np.zeros(len(choices))
    for number in (SPLITS["train"], SPLITS["val"], SPLITS["test"]):
        weight = np.where(choices == number, runs.share, 0.0)
        share = weight.sum(axis=1)
        weight = weight / np.maximum(share, 1e-300)[:, None]
        inside = np.einsum("cr,rs,cs->c", weight, runs.apart, weight, optimize=True)
        count = np.mean(choices == number, axis=1)
        cost += count * (2 * weight @ whole - inside - typical) + typical * np.abs(share - count)
    return cost


def _covers(runs: Runs, choices: Int8[np.ndarray, "choices runs"]) -> Bool[np.ndarray, " choices"]:
    """Which choices leave nearly all frames of the other sets covered, and a training run at every temperature."""
    trained = (choices == SPLITS["train"]) @ runs.at
    return np.asarray((uncovered(runs, choices) <= UNCOVERED) & trained.all(axis=1))


def _spare(runs: Runs) -> list[int]:
    """Runs that all the others together cover, their temperature included."""
    alone = np.zeros((len(runs.covered), len(runs.covered)), np.int8)
    np.fill_diagonal(alone, SPLITS["test"])
    return np.flatnonzero(_covers(runs, alone)).tolist()


def _fewer_and_fewer(val: int, test: int) -> Iterator[tuple[int, int]]:
    """Numbers of runs to leave out, down to one for every set that should have any."""
    while True:
        yield val, test
        if max(val, test) <= 1:
            return
        val, test = (val, test - 1) if test >= val else (val - 1, test)


def _choices(
    spare: Sequence[int], runs: int, val: int, test: int, random: np.random.Generator
) -> Int8[np.ndarray, "choices runs"]:
    """Ways to leave out so many of some runs: all, or random ones where there are too many."""
    if len(spare) < val + test:
        return np.zeros((0, runs), np.int8)
    if comb(len(spare), test) * comb(len(spare) - test, val) <= MOST_CHOICES:
        pairs = [
            (tested, validated)
            for tested in combinations(spare, test)
            for validated in combinations([run for run in spare if run not in tested], val)
        ]
    else:
        orders = (random.permutation(spare).tolist() for _ in range(MOST_CHOICES))
        pairs = [(order[:test], order[test : test + val]) for order in orders]
    choices = np.full((len(pairs), runs), SPLITS["train"], np.int8)
    for row, (tested, validated) in enumerate(pairs):
        choices[row, list(tested)], choices[row, list(validated)] = SPLITS["test"], SPLITS["val"]
    return choices
