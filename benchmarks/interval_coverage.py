"""How often the intervals that the report prints hold the truth, on made-up correlated data whose truth is known.

Every experiment draws fresh data and returns, for each quantity, the truth and the interval that the library gives.
Prints the table of docs/validation.md. Example (some minutes)::

    python benchmarks/interval_coverage.py --trials 1000
"""

import argparse
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np
from made_up_ensembles import (
    Results,
    fading,
    fold,
    slow_divergence,
    smooth_divergence,
    smooth_free_energies,
    switching,
    two_state_divergence,
    two_state_free_energies,
)

from cgpipe.data.mean_forces import MeanForces
from cgpipe.dynamics.stability import rung_numbers
from cgpipe.physics.force_errors import force_metrics, force_sums, paired_metrics, r_squared
from cgpipe.physics.independent_units import independent_units
from cgpipe.physics.mean_forces import mean_force_metrics, paired_gain
from cgpipe.physics.noise_ceiling import PairSums, ceiling_metrics, held_ceiling, share_of_ceiling
from cgpipe.physics.statistics import resampling
from cgpipe.physics.survival import death_rate_bound
from cgpipe.units import KB
from cgpipe.validation.ensembles import share_of


def right_handed(random: np.random.Generator, runs: int, frames: int, memory: float, share: float) -> Results:
    """Share of right-handed dihedrals, at six positions that switch independently."""
    state = switching(random, 6 * runs, frames, memory, share).reshape(runs, 6, frames)
    return {"share": (share, share_of(list(state.transpose(0, 2, 1)))[1])}


def forces(random: np.random.Generator, runs: int, frames: int, memory: float) -> Results:
    """Forces of a perfect model, of labels whose noise and size remember, and what it gains over half of the force."""
    size = np.exp(0.3 * fading(random, (runs, frames), memory)).ravel()[:, None, None]
    mean = 3.0 * size * random.normal(size=(runs * frames, 4, 3))
    slow = 2.0 * fading(random, (runs, 4, 3, frames), memory).transpose(0, 3, 1, 2).reshape(mean.shape)
    F = mean + slow + 1.5 * random.normal(size=mean.shape)
    run, time = np.repeat(np.arange(runs), frames), np.tile(np.arange(frames), runs)
    series = [np.sum(F**2, axis=(1, 2)), np.sum((F - mean) ** 2, axis=(1, 2))]
    blocks, missing, _ = independent_units(run, time, series)
    if missing:
        return dict.fromkeys(("RMSE", "R²", "slope", "R² gained", "RMSE gained", "R² beyond the bonds"), (0.0, None))
    weights = resampling(random, int(blocks.max()) + 1, 300)
    sums, other = (force_sums(F, P, blocks) for P in (mean, 0.5 * mean))
    flat, gain = force_metrics(sums, weights, "m"), paired_metrics(sums, other, weights)
    signal, noise = 9.0 * np.exp(2 * 0.3**2), 2.0**2 + 1.5**2
    worse = noise + signal / 4
    return {
        "RMSE": (np.sqrt(noise), flat["m_rmse_interval"]),
        "R²": (signal / (signal + noise), flat["m_r2_interval"]),
        "slope": (1.0, flat["m_slope_interval"]),
        "R² gained": (0.25 * signal / (signal + noise), gain["r2_gain_interval"]),
        "RMSE gained": (np.sqrt(worse) - np.sqrt(noise), gain["rmse_gain_interval"]),
        "R² beyond the bonds": (1 - noise / worse, gain["r2_beyond_interval"]),
    }


def mean_forces(random: np.random.Generator, configurations: int) -> Results:
    """Mean forces at spread-out configurations, a model that misses a fifth, bonds that miss a half."""
    size = np.exp(0.3 * random.normal(size=(configurations, 1, 1)))
    truth = 5.0 * size * random.normal(size=(configurations, 8, 3))
    missed = random.normal(size=truth.shape)
    rest = np.repeat(random.normal(size=(configurations, 8, 1)), 3, axis=2)
    model, bonds = truth - 1.0 * missed, truth - 2.5 * rest
    error2 = 0.5**2
    F = truth + np.sqrt(error2) * random.normal(size=truth.shape)
    labels = MeanForces(truth, F, np.full(truth.shape, error2), None, 300.0, ("ALA",) * 8)
    weights = resampling(random, configurations, 300)
    flat = mean_force_metrics(labels, bonds, {"full": model}, weights)
    gain = paired_gain(labels, model, bonds, weights)
    whole, off, bonds_off = 25.0 * np.exp(2 * 0.3**2), 1.0, 2.5**2
    truths = {
        "r2": 1 - (off + error2) / (whole + error2),
        "rmse": np.sqrt(off + error2),
        "slope": whole / (whole + off),
        "r2_corrected": 1 - off / whole,
        "r2_beyond_bonds": 1 - (off + error2) / (bonds_off + error2),
        "r2_beyond_bonds_corrected": 1 - off / bonds_off,
        "rmse_corrected": np.sqrt(off),
    }
    found: Results = {name: (truth, flat[f"mean_force_full_{name}_interval"]) for name, truth in truths.items()}
    found["r2_gain"] = ((bonds_off - off) / (whole + error2), gain["r2_gain_interval"])
    return found


def ceiling(random: np.random.Generator, blocks: int) -> Results:
    """The ceiling of R² from pairs of frames, and the share that a model reaches; noise differs between blocks."""
    noise2, signal2, beads, frames = 4.0, 6.0, 5, 20
    level = noise2 * random.gamma(8.0, 1 / 8.0, size=(beads, blocks, 1))
    distance2 = random.uniform(0.1, 2.0, size=(beads, blocks, frames))
    gamma = level * random.chisquare(3, size=distance2.shape) / 3 + 0.5 * distance2
    columns = (np.ones_like(gamma), distance2, distance2**2, gamma, gamma * distance2)
    fit = np.stack([column.sum(axis=2) for column in columns], axis=2)
    squares = signal2 * random.chisquare(20, size=blocks) / 20 + level.mean(axis=(0, 2))
    weights, test = resampling(random, blocks, 300), resampling(random, 12, 300)
    components = float(frames * beads * 3)
    labels = np.stack([np.full(blocks, components), components * squares], axis=1)
    flat, draws = ceiling_metrics(PairSums(fit, labels), weights)
    truth = signal2 / (signal2 + noise2)
    mean = np.sqrt(signal2) * random.normal(size=(120, beads, 3))
    blocks_of_test = np.repeat(np.arange(12), 10)
    noise = np.sqrt(noise2) * np.sqrt(random.gamma(8.0, 1 / 8.0, size=(12, 1, 1)))[blocks_of_test]
    sums = force_sums(mean + noise * random.normal(size=mean.shape), mean, blocks_of_test)
    drawn = r_squared(sums.drawn(test))
    _, share = share_of_ceiling(float(r_squared(sums)), drawn, flat["force_r2_max"], draws, min(blocks, 12))
    return {
        "noise of labels": (np.sqrt(noise2), flat["label_noise_interval"]),
        "ceiling of R²": (truth, flat["force_r2_max_interval"]),
        "share of the ceiling": (1.0, share),
    }


def ceiling_of_held_beads(random: np.random.Generator, configurations: int, blocks: int) -> Results:
    """The ceiling of R² where the noise of labels is known at held beads, and differs between them."""
    noise2, signal2, frames = 4.0, 6.0, 20
    at_beads = noise2 * random.gamma(8.0, 1 / 8.0, configurations)
    squares = np.repeat((signal2 + noise2) * random.gamma(20.0, 1 / 20.0, blocks), frames)
    squares *= random.gamma(10.0, 1 / 10.0, len(squares))
    of_frame = np.repeat(np.arange(blocks), frames)
    drawn, weights = resampling(random, configurations, 300), resampling(random, blocks, 300)
    flat, _ = held_ceiling(at_beads, squares, of_frame, drawn, weights)
    return {
        "noise of labels": (np.sqrt(noise2), flat["label_noise_interval"]),
        "ceiling of R²": (signal2 / (signal2 + noise2), flat["force_r2_max_interval"]),
    }


def deaths(random: np.random.Generator, replicas: int, expected: float) -> Results:
    """The bound of the rate of deaths of replicas that end when they die; one-sided."""
    rate = expected / replicas
    ends = random.exponential(1 / rate, replicas)
    bound = death_rate_bound(int(np.sum(ends < 1)), float(np.minimum(ends, 1).sum()))
    return {"bound": (rate, (0.0, float(bound or np.inf)))}


def temperatures(random: np.random.Generator, replicas: int) -> Results:
    """Kinetic and configurational temperature over replicas, at 99.9 %."""
    T, beads, times = 300.0, 10, 60
    square = np.sum(fading(random, (replicas, beads, 3, times), 5.0).transpose(3, 0, 1, 2) ** 2, axis=3)
    slow = fading(random, (replicas, 3 * beads, times), 9.0).transpose(2, 0, 1)
    trial = SimpleNamespace(
        survived=np.ones(replicas, bool),
        reasons=[None] * replicas,
        ends=np.ones(replicas),
        time=np.arange(times),
        condition=SimpleNamespace(timestep=4.0, temperature=T),
        kinetic=square * KB * T / 2,
        squared_force=KB * T * np.sum(slow**2, axis=2),
        laplacian=np.full((times, replicas), 3.0 * beads),
    )
    rung = rung_numbers(trial)  # type: ignore[arg-type]
    return {name: (T, rung[f"{name}_interval"]) for name in ("kinetic", "configurational")}


EXPERIMENTS: dict[str, Callable[[np.random.Generator], Results]] = {
    "JS, the same ensemble, 4 + 4 runs of 26 memories": partial(
        smooth_divergence, runs=(4, 4), frames=500, memory=19.0, shift=0.0, period=None
    ),
    "JS, shifted by half a width, 4 + 4 runs of 26 memories": partial(
        smooth_divergence, runs=(4, 4), frames=500, memory=19.0, shift=0.5, period=None
    ),
    "JS of an angle, shifted, 15 + 8 runs of 20 memories": partial(
        smooth_divergence, runs=(15, 8), frames=180, memory=9.0, shift=0.5, period=360.0
    ),
    "JS, shifted, 1 + 4 runs of 200 and 100 memories": partial(
        smooth_divergence, runs=(1, 4), frames=1000, memory=5.0, shift=0.5, period=None
    ),
    "JS, two states, 4 + 4 runs of 5 memories": partial(
        two_state_divergence, runs=(4, 4), frames=500, memory=99.0, shares=(0.5, 0.7)
    ),
    "JS, two states, 12 + 8 runs of 2.5 memories": partial(
        two_state_divergence, runs=(12, 8), frames=250, memory=99.0, shares=(0.5, 0.8)
    ),
    "slow coordinates, 4 + 4 runs of 20 memories": partial(slow_divergence, runs=(4, 4), frames=400, memory=19.0),
    "free energies, the same ensemble, 4 + 4 runs of 26 memories": partial(
        smooth_free_energies, runs=(4, 4), frames=500, memory=19.0, shift=0.0
    ),
    "free energies, shifted by half a width, 4 + 4 runs of 26 memories": partial(
        smooth_free_energies, runs=(4, 4), frames=500, memory=19.0, shift=0.5
    ),
    "free energies, shifted by a width, 15 + 8 runs of 20 memories": partial(
        smooth_free_energies, runs=(15, 8), frames=180, memory=9.0, shift=1.0
    ),
    "free energies, two states, 4 + 4 runs of 10 memories": partial(
        two_state_free_energies, runs=(4, 4), frames=500, memory=49.0, shares=(0.5, 0.7)
    ),
    "free energies, two states, 12 + 8 runs of 5 memories": partial(
        two_state_free_energies, runs=(12, 8), frames=250, memory=49.0, shares=(0.5, 0.8)
    ),
    "fold, 4 + 4 runs of 10 memories": partial(fold, runs=(4, 4), frames=500, memory=49.0, shares=(0.5, 0.7)),
    "fold, 15 + 8 runs of 5 memories": partial(fold, runs=(15, 8), frames=250, memory=49.0, shares=(0.4, 0.2)),
    "right-handed dihedrals, 4 runs of 5 memories": partial(right_handed, runs=4, frames=500, memory=99.0, share=0.8),
    "right-handed dihedrals, 8 runs of 10 memories": partial(right_handed, runs=8, frames=200, memory=19.0, share=0.3),
    "forces, 4 runs of 15 memories": partial(forces, runs=4, frames=75, memory=5.0),
    "forces, 4 runs of 3 memories": partial(forces, runs=4, frames=60, memory=19.0),
    "forces, 1 run of 150 memories": partial(forces, runs=1, frames=450, memory=3.0),
    "mean forces, 12 configurations": partial(mean_forces, configurations=12),
    "mean forces, 60 configurations": partial(mean_forces, configurations=60),
    "ceiling, 12 blocks": partial(ceiling, blocks=12),
    "ceiling from held beads, 20 configurations, 12 blocks": partial(
        ceiling_of_held_beads, configurations=20, blocks=12
    ),
    "temperatures at 99.9 %, 8 replicas": partial(temperatures, replicas=8),
    "JS, 1 + 2 runs of 2 memories": partial(
        smooth_divergence, runs=(1, 2), frames=200, memory=99.0, shift=0.3, period=None
    ),
    "JS, two states, 4 + 4 runs of a fifth of a memory": partial(
        two_state_divergence, runs=(4, 4), frames=200, memory=999.0, shares=(0.5, 0.8)
    ),
    "fold (one-sided), 4 + 8 runs, hardly ever seen": partial(
        fold, runs=(4, 8), frames=200, memory=49.0, shares=(0.5, 0.004)
    ),
    "fold (one-sided), 8 + 8 runs shorter than their memory": partial(
        fold, runs=(8, 8), frames=200, memory=999.0, shares=(0.5, 0.1)
    ),
    "rate of deaths (one-sided), 16 replicas, 4 expected": partial(deaths, replicas=16, expected=4.0),
    "rate of deaths (one-sided), 16 replicas, 12 expected": partial(deaths, replicas=16, expected=12.0),
}


def coverage(
    experiment: Callable[[np.random.Generator], Results], trials: int, seed: int
) -> dict[str, tuple[float, float]]:
    """By quantity, the share of intervals that hold the truth, and the share of trials that gave an interval."""
    random = np.random.default_rng(seed)
    held: dict[str, list[bool]] = {}
    for _ in range(trials):
        for name, (truth, bounds) in experiment(random).items():
            inside = held.setdefault(name, [])
            if bounds is not None:
                low, high = bounds
                inside.append((low is None or low <= truth) and (high is None or truth <= high))
    return {name: (float(np.mean(one)) if one else np.nan, len(one) / trials) for name, one in held.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| made-up data | share of intervals that hold the truth [%] | intervals given [%] |\n|---|---|---|")
    for title, experiment in EXPERIMENTS.items():
        found = coverage(experiment, arguments.trials, arguments.seed)
        shares = ", ".join(f"{name} {100 * held:.1f}" for name, (held, _) in found.items())
        print(f"| {title} | {shares} | {100 * min(given for _, given in found.values()):.0f} |", flush=True)


if __name__ == "__main__":
    main()
