"""Cα chains of the demo's proteins, and the prior fitted to both."""

import h5py
import numpy as np
import pytest

from cgpipe.data.species import canonical_residue, vocabulary
from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology
from cgpipe.physics.prior import Weights
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import merged
from cgpipe.physics.prior.quality import halves

CUTOFF = 12.0
PROTEINS = ("cln025", "trpcage")


def _chains(path) -> Frames:
    """Cα positions at 348 K."""
    words = vocabulary("residues")
    with h5py.File(path) as file:
        group = next(iter(file.values()))
        names = [
            line[12:16].strip() for line in group["pdbProteinAtoms"][()].decode().splitlines() if line[:4] == "ATOM"
        ]
        alpha = [row for row, name in enumerate(names) if name == "CA"]
        species = [words.species(canonical_residue(group["resname"][row].decode())) for row in alpha]
        runs = [run["coords"][:, alpha] for run in group["348"].values()]
    R = np.concatenate(runs).astype(np.float32)
    trajectory = np.repeat(np.arange(len(runs)), [len(run) for run in runs]).astype(np.int32)
    frame = np.concatenate([np.arange(len(run)) for run in runs]).astype(np.int32)
    beads = len(alpha)
    fields = (np.asarray(species, np.int32), np.zeros(beads, np.int32), np.arange(beads, dtype=np.int32))
    topology = Topology(*(np.broadcast_to(field, R.shape[:2]) for field in (*fields, np.ones(beads, bool))))
    temperature, weight = np.full(len(R), 348.0, np.float32), np.ones(len(R), np.float32)
    return Frames(R, np.zeros_like(R), topology, 0 * frame, temperature, trajectory, frame, weight, weight == 0)


@pytest.fixture(scope="session")
def demo_chains(demo_data):
    """Frames of every demo protein, without forces."""
    return {name: _chains(demo_data / f"mdcath_dataset_{name}.h5") for name in PROTEINS}


@pytest.fixture(scope="session")
def demo_prior(demo_chains):
    """The prior fitted to all of them, and the histograms of the halves of each."""
    words = vocabulary("residues")
    data = {name: halves(frames, len(words), CUTOFF) for name, frames in demo_chains.items()}
    everything = merged([half for both in data.values() for half in both])
    return fit_prior(everything, words.types, CUTOFF, Weights(), FitOptions()), data
