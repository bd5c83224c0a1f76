"""A prior fitted to CLN025, acting alone: chains stay whole and local geometry is that of the data.

Positions only; the forces are checked by the stage's own figures. Cannot detect a wrong tertiary structure: a prior
has none.
"""

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.data.species import canonical_residue, vocabulary
from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology
from cgpipe.physics.prior import Weights
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import merged
from cgpipe.physics.prior.quality import check, halves
from cgpipe.physics.prior.terms import angle_energy

CUTOFF = 12.0


@pytest.fixture(scope="module")
def cln025(demo_data):
    """Cα positions at 348 K of the demo's CLN025."""
    words = vocabulary("residues")
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as file:
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
    return Frames(R, np.zeros_like(R), topology, 0 * frame, np.full(len(R), 348.0, np.float32), trajectory, frame)


@pytest.fixture(scope="module")
def fitted(cln025):
    words = vocabulary("residues")
    data = halves(cln025, len(words), CUTOFF)
    return fit_prior(merged(data), words.types, CUTOFF, Weights(), FitOptions()), data


def test_histograms_under_the_prior_alone(cln025, fitted):
    """Detects terms that disturb each other, wrong units of the fit, and chains that break; broken bonds end it."""
    prior, data = fitted
    numbers = check(prior, cln025, data, np.asarray(vocabulary("residues").masses), seed=1).numbers
    assert numbers["max_bond_deviation"] < 0.5
    assert numbers["js_bond"] < 0.01
    assert numbers["js_angle"] < 0.03
    assert numbers["js_dihedral"] < 0.05


def test_fitted_walls_confine_for_every_species(fitted):
    """Detects a fitted angle tail that lets go: beyond the data the energy rises up to θ = 40° and 180°."""
    prior, _ = fitted
    tables = (prior.angle_coefficients, prior.angle_lower, prior.angle_upper, prior.angle_wall)
    for row in range(len(prior.types)):
        lower, upper = float(prior.angle_lower[row]), float(prior.angle_upper[row])
        for theta, sign in ((np.linspace(0.5 * lower, lower, 20), -1), (np.linspace(upper, np.pi, 20), 1)):
            rows = [jnp.broadcast_to(table[row], (20, *table.shape[1:])) for table in tables]
            energy = np.asarray(angle_energy(jnp.cos(theta), *rows))
            assert (sign * np.diff(energy) > 0).all(), prior.types[row]


def test_the_bond_constant_is_that_of_the_forces(fitted):
    """Detects a wrong kT or Jacobian: on CLN025 a fit to forces gives 189 kcal/mol/Å² and 3.869 Å independently."""
    prior, _ = fitted
    assert float(jnp.mean(prior.bond_k)) == pytest.approx(189.4, rel=0.05)
    assert float(jnp.mean(prior.bond_r0)) == pytest.approx(3.869, abs=0.005)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(prior))
