"""What the line learns of a mean force that is known exactly, as frames grow.

Left, the relative error of the learnt mean force: the prior by Boltzmann inversion, the prior fitted to forces, and
prior and network trained as the stage ``train`` does it. Right, the estimated ceiling of R² beside the exact one.
Prints the numbers. Example (about a minute per size and seed; networks take much longer)::

    python benchmarks/oracle.py --out docs/images/oracle.png --epochs 0
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracle"))

import chain
import line

from cgpipe.model.potential import Potential
from cgpipe.physics.noise_ceiling import ceiling_metrics, noise_ceiling
from cgpipe.physics.prior import read_prior
from cgpipe.physics.statistics import resampling
from cgpipe.plots import style

SIZES = (250, 500, 1000, 2000, 4000)
LABELS = {"inverted": "prior, Boltzmann inversion", "matched": "prior, fitted to forces", "network": "prior + network"}
COLOURS = {"inverted": style.ORANGE, "matched": style.GREEN, "network": style.BLUE}


def errors(frames: int, seed: int, epochs: int) -> dict[str, float]:
    """Relative errors of what so many frames teach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line.write_dataset(folder, frames, seed)
        line.write_prior(folder)
        inverted = Potential(read_prior(folder / "prior.json"), None, line.CUTOFF, chain.BEADS - 1)
        models = {"inverted": inverted, "matched": line.force_matched(folder)}
        if epochs:
            models["network"] = line.trained(folder, epochs)
        return {name: line.relative_error(model) for name, model in models.items()}


def ceiling(frames: int, force_map: str) -> tuple[float, list[float], float]:
    """Estimated R²_max, its interval, and the exact one."""
    projection, mean = line.projected(frames, 2, force_map)
    blocks = (np.arange(frames) // max(25, frames // 40)).astype(int)
    sums = noise_ceiling(projection.R, projection.F, line.TOPOLOGY, projection.trajectory, projection.frame, blocks)
    if sums is None:
        raise ValueError(f"{frames} frames are too few for an estimate of the ceiling")
    flat, _ = ceiling_metrics(sums, resampling(np.random.default_rng(0), int(blocks.max()) + 1, 300))
    exact = 1 - float(np.mean((projection.F - mean) ** 2) / np.mean(projection.F**2))
    return flat["force_r2_max"], list(flat["force_r2_max_interval"]), exact


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="figure to write (PNG)")
    parser.add_argument("--epochs", type=int, default=0, help="of the network's training; 0 trains none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    found = {n: [errors(n, seed, given.epochs) for seed in given.seeds] for n in SIZES}
    for name in found[SIZES[0]][0]:
        rms = [float(np.sqrt(np.mean([one[name] ** 2 for one in found[n]]))) for n in SIZES]
        slope = float(np.polyfit(np.log(SIZES), np.log(rms), 1)[0])
        print(
            f"{name}: "
            + ", ".join(f"{n} {100 * e:.2f} %" for n, e in zip(SIZES, rms, strict=True))
            + f"; slope {slope:.3f}"
        )
        label = f"{LABELS[name]}, slope {slope:.2f}"
        left.loglog(SIZES, 100 * np.array(rms), "o-", color=COLOURS[name], ms=5, label=label)
    guide = 5.5 * (np.array(SIZES) / SIZES[0]) ** -0.5
    left.loglog(SIZES, guide, color=style.REFERENCE, lw=1, ls=(0, (4, 2)), label="1/√frames")
    left.set_ylabel("relative error of the mean force  [%]")
    left.legend()
    for force_map, colour in (("optimal", style.BLUE), ("slice", style.VERMILION)):
        for n in SIZES:
            value, bounds, exact = ceiling(n, force_map)
            print(f"ceiling, {force_map}, {n} frames: {value:.3f} ({bounds[0]:.3f}–{bounds[1]:.3f}), exact {exact:.3f}")
            right.semilogx([n, n], bounds, color=colour, lw=2.2, alpha=0.5)
            right.semilogx(n, value, "o", color=colour, ms=5)
        right.axhline(exact, color=colour, lw=1, ls=(0, (4, 2)))
        right.annotate(
            f"{force_map} map, exact", (SIZES[0], exact), xytext=(0, 4), textcoords="offset points", fontsize=8
        )
    for axes in (left, right):
        axes.set_xlabel("frames")
        axes.set_xticks(SIZES, map(str, SIZES))
        axes.minorticks_off()
    left.set_yticks((1, 2, 4), ("1", "2", "4"))
    right.set_ylabel("estimated ceiling of R²")
    right.set_ylim(0, 1)
    style.save(figure, given.out)


if __name__ == "__main__":
    main()
