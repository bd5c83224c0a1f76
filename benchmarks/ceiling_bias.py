"""Bias of the ceiling of R² that neighbouring frames give, at the configurations of a real trajectory.

Labels are made up at the beads' real positions: forces of a model, which are a function of the beads, plus noise of a
known size, independent from frame to frame. Their ceiling is known exactly, so that what the estimate differs in is its
bias: structure finer than the distance of neighbours counts as noise. Example::

    python benchmarks/ceiling_bias.py results/demo --model results/demo/train/seed-0/model.eqx
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.data.projection import read_projection
from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import load_model
from cgpipe.physics.noise_ceiling import ceiling_metrics, noise_ceiling
from cgpipe.validation.predictions import model_forces

TRIALS = 8


def main() -> None:
    """Print the exact ceiling, the mean estimate, and its bias with the error of a mean, for every protein of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of a run")
    parser.add_argument("--model", type=Path, required=True, help="model.eqx whose forces are the mean force")
    parser.add_argument("--without-network", action="store_true", help="take the forces of its prior alone")
    parser.add_argument("--noise", type=float, default=8.8, help="standard deviation per component [kcal/mol/Å]")
    arguments = parser.parse_args()
    model = load_model(arguments.model)[0]
    print("| protein | frames | exact | estimate | bias |\n|---|---|---|---|---|")
    for path in sorted((arguments.results / "project").glob("*.h5")):
        projection = read_projection(path)
        kinds = list(model.prior.types)
        species = np.array([kinds.index(name) for name in projection.residue_name], np.int32)
        real = np.ones(projection.beads, bool)
        topology = Topology(species, projection.chain, projection.residue, real)
        alone = Potential(model.prior, None, model.cutoff, projection.beads - 1)
        mean = model_forces(alone if arguments.without_network else model, projection.R, topology, str(path))
        exact = float(np.mean(mean**2) / (np.mean(mean**2) + arguments.noise**2))
        found = []
        for trial in range(TRIALS):
            random = np.random.default_rng(trial)
            F = (mean + arguments.noise * random.normal(size=mean.shape)).astype(np.float32)
            block = np.zeros(len(F), int)
            pairs = noise_ceiling(projection.R, F, topology, projection.trajectory, projection.frame, block)
            assert pairs is not None
            found.append(ceiling_metrics(pairs, np.ones((2, 1), int))[0]["force_r2_max"])
        bias, error = np.mean(found) - exact, np.std(found, ddof=1) / np.sqrt(TRIALS)
        numbers = f"{exact:.3f} | {np.mean(found):.3f} | {bias:+.4f} ± {error:.4f}"
        print(f"| {projection.protein} | {len(projection)} | {numbers} |")


if __name__ == "__main__":
    main()
