"""The parity gate: the exported program must give the forces of the Python model, on real frames, padded or not.

Relative error of one protein = max |F_program − F_python| / RMS(F_python), both over all components of all compared
frames. Positions are rounded to a grid of 6e-5 Å first, so that engines with other centres see the same ones. Every
capacity that holds the protein is compared with the Python model without padding; both get the same single-precision
positions. What remains is the rounding of sums in another order, about 1e-6.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from cgpipe.data.store import Dataset, Frames
from cgpipe.data.topology import Topology
from cgpipe.deploy.consensus import Consensus, Model, evaluate
from cgpipe.deploy.program import Program, centred, on_grid

SPLIT_ORDER = ("test", "val", "train")
"""Where frames for the comparison are looked for; the first set that has any."""

POINTS = 200
"""Beads of each protein whose errors are recorded, for the figure."""


@dataclass(frozen=True)
class Sample:
    """A few frames of one protein, without padding."""

    R: Float[np.ndarray, "frames beads 3"]
    topology: Topology
    split: str


@dataclass(frozen=True)
class Parity:
    """Comparison of one protein.

    Attributes:
        split: set that the frames came from.
        frames: how many frames were compared.
        capacities: bead capacities that were compared.
        rel_error: largest force error over the RMS force.
        energy_error: largest energy error [kcal/mol].
        forces: size of the Python model's force on each compared bead, and by how much the program's differs
            [kcal/mol/Å], one row per bead; of many a selection that holds the worst.
        reference: energy per bead [kcal/mol] and forces [kcal/mol/Å] of the Python model in the first frame.
    """

    split: str
    frames: int
    capacities: tuple[int, ...]
    rel_error: float
    energy_error: float
    forces: Float[np.ndarray, "points 2"]
    reference: tuple[Float[np.ndarray, " beads"], Float[np.ndarray, "beads 3"]]


def sample_frames(dataset: Dataset, count: int) -> dict[str, Sample]:
    """Up to ``count`` frames of every protein, spread over its test set."""
    samples = {}
    for protein in dataset.proteins:
        for split in SPLIT_ORDER:
            frames = dataset.load_protein(protein.name, split)
            if len(frames.R):
                samples[protein.name] = _spread(frames, count, split)
                break
    return samples


def _spread(frames: Frames, count: int, split: str) -> Sample:
    chosen = np.unique(np.linspace(0, len(frames.R) - 1, count).round().astype(int))
    topology = Topology(*(np.asarray(values[0]) for values in frames.topology))
    return Sample(on_grid(frames.R[chosen]), topology, split)


def compare(model: Model, program: Program, samples: Mapping[str, Sample]) -> dict[str, Parity]:
    """Compare the program with the Python model, protein by protein.

    Args:
        model: what was exported.
        program: what came back from the exported files.
        samples: frames by protein.
    """
    python = eqx.filter_jit(partial(evaluate, model))
    return {name: _compare(python, program, sample) for name, sample in samples.items()}


def _compare(evaluate: Callable[..., Consensus], program: Program, sample: Sample) -> Parity:
    python = [evaluate(centred(R), sample.topology) for R in sample.R]
    forces = np.stack([result.forces for result in python]).astype(np.float64)
    energies = np.array([np.asarray(result.bead_energies).sum(dtype=np.float64) for result in python])
    capacities = tuple(beads for beads in program.capacities if beads >= len(sample.topology.species))
    force_error = energy_error = 0.0
    differences = np.zeros(forces.shape[:2])
    for beads in capacities:
        chain = program.bind(sample.topology, beads)
        exported = [chain(R) for R in sample.R]
        found = np.stack([result.forces for result in exported])
        force_error = max(force_error, float(np.abs(found - forces).max()))
        differences = np.maximum(differences, np.linalg.norm(found - forces, axis=-1))
        energy_error = max(energy_error, float(np.abs(energies - [result.energy for result in exported]).max()))
    return Parity(
        split=sample.split,
        frames=len(sample.R),
        capacities=capacities,
        rel_error=force_error / float(np.sqrt(np.mean(forces**2))),
        energy_error=energy_error,
        forces=_selected(np.stack([np.linalg.norm(forces, axis=-1).ravel(), differences.ravel()], axis=1)),
        reference=(np.asarray(python[0].bead_energies), np.asarray(python[0].forces)),
    )


def _selected(points: Float[np.ndarray, "all 2"]) -> Float[np.ndarray, "points 2"]:
    """At most ``POINTS`` rows, spread over the sizes of forces, the largest difference among them."""
    ordered = points[np.argsort(points[:, 0])]
    chosen = np.linspace(0, len(ordered) - 1, min(POINTS, len(ordered))).astype(int)
    return ordered[np.union1d(chosen, ordered[:, 1].argmax())]


def judged(parities: Mapping[str, Parity], tolerance: float) -> dict[str, Any]:
    """The comparison as ``parity.json`` holds it."""
    worst = max(parity.rel_error for parity in parities.values())
    names = ("split", "frames", "capacities", "rel_error", "energy_error")
    return {
        "max_rel_error": worst,
        "tolerance": tolerance,
        "passed": worst <= tolerance,
        "proteins": {
            name: {**{key: getattr(parity, key) for key in names}, "forces": parity.forces.tolist()}
            for name, parity in parities.items()
        },
    }
