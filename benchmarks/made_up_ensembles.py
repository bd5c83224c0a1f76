"""Made-up ensembles whose truth is known, and the intervals that the library gives for what they differ in.

Experiments of ``interval_coverage.py``: each draws fresh data and returns the truth and the interval of each quantity.
"""

import numpy as np
from scipy.signal import lfilter
from scipy.stats import norm

from cgpipe.physics.divergence_estimates import divergence
from cgpipe.physics.divergences import jensen_shannon
from cgpipe.physics.ensembles import Bins, in_bins
from cgpipe.physics.free_energies import Interval, difference, equal_levels, squared_difference
from cgpipe.physics.two_states import fold_free_energy, free_energy, minus
from cgpipe.validation.ensembles import slow_coordinates

Results = dict[str, tuple[float, Interval | None]]
"""Quantity → its true value, and the interval found for it."""


def fading(random: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """Normal numbers whose correlation fades along the last axis; integrated autocorrelation time (1 + ρ)/(1 − ρ)."""
    rho = (memory - 1) / (memory + 1)
    steps = random.normal(size=shape) * np.sqrt(1 - rho**2)
    steps[..., 0] = random.normal(size=shape[:-1])
    return lfilter([1.0], [1.0, -rho], steps, axis=-1)


def switching(random: np.random.Generator, runs: int, frames: int, memory: float, share: float) -> np.ndarray:
    """Runs that switch between two states, 1 with the given probability; integrated autocorrelation time as given."""
    stay = (memory - 1) / (memory + 1)
    state = np.zeros((runs, frames), bool)
    fresh = random.random((runs, frames)) < share
    kept = random.random((runs, frames)) < stay
    state[:, 0] = fresh[:, 0]
    for frame in range(1, frames):
        state[:, frame] = np.where(kept[:, frame], state[:, frame - 1], fresh[:, frame])
    return state


def smooth_divergence(
    random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float, shift: float, period: float | None
) -> Results:
    """JS of a quantity with one peak, reference against a simulation that is shifted by so many of its widths."""
    width = 1.0 if period is None else period / 12
    reference, simulated = (width * fading(random, (number, frames), memory) for number in runs)
    values = [list(x[:, :, None]) for x in (reference, simulated + width * shift)]
    if period is not None:
        values = [[(run + period / 2) % period - period / 2 for run in runs] for runs in values]
    bins = Bins.of(values[0], 60, period)
    exact = []
    for mean in (0.0, width * shift):
        below = sum(norm.cdf(bins.edges + turn, mean, width) for turn in ((0.0,) if period is None else (-period, 0.0)))
        if period is None:
            below[0], below[-1] = 0.0, 1.0
        exact.append(np.bincount(bins.wider, np.diff(below), bins.number))
    found = divergence(bins.binned(values[0]), bins.binned(values[1]), bins.number)
    return {"JS": (float(jensen_shannon(*exact)), found.interval)}


def two_state_divergence(
    random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float, shares: tuple[float, float]
) -> Results:
    """JS of a quantity with two states."""
    values = []
    for number, share in zip(runs, shares, strict=True):
        state = switching(random, number, frames, memory, share)
        values.append(list((state + random.uniform(-0.4, 0.4, state.shape))[:, :, None]))
    bins = Bins.of(values[0], 2, None)
    found = divergence(bins.binned(values[0]), bins.binned(values[1]), bins.number)
    exact = [np.array([1 - share, share]) for share in shares]
    return {"JS": (float(jensen_shannon(*exact)), found.interval)}


def folding_chain(random: np.random.Generator, runs: int, frames: int, memory: float) -> list[np.ndarray]:
    """A chain of 8 beads that opens and closes slowly in the middle, and trembles."""
    R = np.zeros((runs, frames, 8, 3))
    R[..., 0], R[..., 1] = 3.8 * np.arange(8), 2.0 * (np.arange(8) % 2)
    R[:, :, 4:, 0] += 1.5 * switching(random, runs, frames, memory, 0.5)[:, :, None]
    R += 0.4 * fading(random, (runs, 8, 3, frames), 9.0).transpose(0, 3, 1, 2)
    return list(R)


def slow_divergence(random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float) -> Results:
    """Slow coordinates that were fitted to the reference, of a simulation that samples the same ensemble."""
    reference, simulated = (folding_chain(random, number, frames, memory) for number in runs)
    flat, _ = slow_coordinates(reference, simulated, 300.0, random)
    return {"JS": (0.0, flat["js_tica_interval"]), "ΔF": (0.0, flat["free_energy_tica_interval"])}


def smooth_free_energies(
    random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float, shift: float
) -> Results:
    """Free energies along a coordinate with one basin, of a simulation that is shifted by so many of its widths."""
    reference, simulated = (fading(random, (number, frames), memory) for number in runs)
    values = [list(x[:, :, None]) for x in (reference, simulated + shift)]
    borders = equal_levels(values[0], runs[0] * frames / memory)
    below = [np.concatenate([[0.0], norm.cdf(borders, mean), [1.0]]) for mean in (0.0, shift)]
    truth = squared_difference(0.0).of(*map(np.diff, below))
    found = difference(*(in_bins(borders, one) for one in values), len(borders) + 1)
    return {"ΔF": (float(np.sqrt(truth)), found.interval)}


def two_state_free_energies(
    random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float, shares: tuple[float, float]
) -> Results:
    """Free energies along a coordinate with two basins."""
    values = []
    for number, share in zip(runs, shares, strict=True):
        state = switching(random, number, frames, memory, share)
        values.append(list((state + random.uniform(-0.4, 0.4, state.shape))[:, :, None]))
    borders = equal_levels(values[0], runs[0] * frames / memory)
    low, high = (np.clip((borders - middle + 0.4) / 0.8, 0.0, 1.0) for middle in (0.0, 1.0))
    below = [np.concatenate([[0.0], (1 - share) * low + share * high, [1.0]]) for share in shares]
    found = difference(*(in_bins(borders, one) for one in values), len(borders) + 1)
    return {"ΔF": (float(np.sqrt(squared_difference(0.0).of(*map(np.diff, below)))), found.interval)}


def fold(
    random: np.random.Generator, runs: tuple[int, int], frames: int, memory: float, shares: tuple[float, float]
) -> Results:
    """Folding free energy of a simulation, and its difference to the reference's; Q trembles in both states."""
    found = []
    for number, share in zip(runs, shares, strict=True):
        state = switching(random, number, frames, memory, share)
        found.append(fold_free_energy(list(0.3 + 0.5 * state + random.uniform(-0.15, 0.15, state.shape))))
    truth = [free_energy(share) for share in shares]
    return {
        "ΔG": (truth[1], found[1].interval),
        "ΔΔG": (truth[1] - truth[0], minus(found[1], found[0]).interval),
    }
