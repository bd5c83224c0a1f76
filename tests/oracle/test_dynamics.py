"""Simulated covariance against kT S⁺ of a network whose beads feel the Schur complement; integrators and units only."""

from pathlib import Path

import gaussian
import jax
import jax.numpy as jnp
import mdtraj
import numpy as np

from cgpipe.data.species import vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Evaluated
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.dynamics.plans import Plan
from cgpipe.physics.langevin import langevin, start

BEADS = 5
NET = gaussian.network(BEADS, 12)
TETHER = 2.0
"""Of every bead to the origin [kcal/mol/Å²], so that the centre stays."""
STIFFNESS = NET.schur + TETHER * np.eye(BEADS)
MASSES = np.full(BEADS, 57.051)
GLYCINE = 7


def deviations(R: np.ndarray) -> np.ndarray:
    """z-scores of the variance along every normal mode of STIFFNESS.

    Args:
        R: positions [runs, frames, beads, 3]; runs, or blocks of one run, count as independent.
    """
    stiffness, modes = np.linalg.eigh(STIFFNESS)
    squares = np.mean((np.einsum("rfbk,bm->rfmk", R, modes)) ** 2, axis=(1, 3)) * stiffness / gaussian.KT
    return (squares.mean(axis=0) - 1.0) / (squares.std(axis=0, ddof=1) / np.sqrt(len(squares)))


def test_langevin_in_jax():
    """Every mode's variance is kT/λ within 3 σ of 64 runs. Detects wrong noise, masses, units; not the rate."""
    K = jnp.asarray(STIFFNESS, jnp.float32)
    masses = jnp.asarray(MASSES, jnp.float32)

    def forces(R: jax.Array) -> jax.Array:
        return -K @ R

    @jax.jit
    def run(keys: jax.Array) -> jax.Array:
        def one(key: jax.Array) -> jax.Array:
            first, second = jax.random.split(key)
            state = start(forces, jnp.zeros((BEADS, 3)), masses, 300.0, first)
            return langevin(forces, state, masses, 300.0, 5.0, 0.2, frames=120, every=25, key=second)[1]

        return jax.vmap(one)(keys)

    R = np.asarray(run(jax.random.split(jax.random.key(5), 64)))[:, 20:]
    assert np.max(np.abs(deviations(R))) < 3.0


def test_lammps(tmp_path: Path):
    """The same in LAMMPS, 24 blocks of one run; its integrator errs by (ω dt)²/8 or less here, far below 3 σ."""
    K = STIFFNESS

    def field(R: np.ndarray) -> Evaluated:
        forces = -K @ R
        energies = -0.5 * np.sum(R * forces, axis=1)
        return Evaluated(float(energies.sum()), forces, energies)

    topology = Topology(
        np.full(BEADS, GLYCINE, np.int32),
        np.zeros(BEADS, np.int32),
        np.arange(BEADS, dtype=np.int32),
        np.ones(BEADS, bool),
    )
    steps = 50000
    plan = Plan(
        title="network",
        steps=steps,
        save_every=20,
        temperature=300.0,
        timestep=3.0,
        damping=0.1,
        velocity_seed=11,
        noise_seed=12,
    )
    nothing = BondWatch(np.zeros(BEADS - 1, bool), np.zeros(0), 1.0)
    apart = np.stack([np.arange(BEADS) - 2.0, np.zeros(BEADS), np.zeros(BEADS)], axis=1)
    outcome = run_chain(tmp_path, plan, apart, topology, vocabulary("residues"), field, nothing)
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        frames = file.read()[0]
    assert outcome.death is None and len(frames) == steps // 20 + 1
    blocks = frames[101:].reshape(24, -1, BEADS, 3).astype(float)
    assert np.max(np.abs(deviations(blocks))) < 3.0
