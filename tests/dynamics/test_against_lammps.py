"""The same toy molecule under both engines."""

import numpy as np
from synthetic_program import chain_topology
from toys import BEADS, SLOTS, field, plan, two_wells, unbonded

from cgpipe.data.replicas import DCDFile
from cgpipe.data.species import vocabulary
from cgpipe.deploy.program import Evaluated
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.dynamics.parts import Parts
from cgpipe.dynamics.run import run_replicas


def energies_in_numpy(R: np.ndarray) -> Evaluated:
    """``toys.two_wells`` without JAX."""
    x, y, z = R.T
    energies = 1.2 * (x**2 - 1.0) ** 2 + 2.0 * (y**2 + z**2)
    forces = -np.stack([4.8 * x * (x**2 - 1.0), 4.0 * y, 4.0 * z], axis=1)
    return Evaluated(float(energies.sum()), forces, energies)


def read(folder) -> tuple[np.ndarray, np.ndarray]:
    """Positions and thermodynamics without the first fifth."""
    with DCDFile(str(folder / "traj.dcd")) as file:
        R = file.readframes().xyz.astype(np.float64)
    table = np.genfromtxt(folder / "thermo.csv", delimiter=",", names=True)
    assert len(R) == len(table)
    return R[len(R) // 5 :], table[len(R) // 5 :]


def test_both_engines_sample_the_same_distribution(tmp_path):
    """Two wells per bead, crossed every few ps: histogram of x, mean y², energies and temperature agree within noise.

    Detects a factor of kT, of the damping's unit or of masses in either engine, and columns that mean different things;
    not differences below 4 %.
    """
    names, topology = vocabulary("residues"), chain_topology(BEADS)
    masses = np.array(names.masses)[topology.species]
    start = np.tile([1.0, 0.0, 0.0], (BEADS, 1))
    (tmp_path / "lammps").mkdir()
    long = plan(steps=60_000, save_every=25, timestep=8.0)
    run_chain(tmp_path / "lammps", long, start, topology, names, energies_in_numpy, unbonded())
    plans = [plan(n, 20_000, save_every=25, timestep=8.0) for n in range(8)]
    folders = [tmp_path / str(n) for n in range(8)]
    for folder in folders:
        folder.mkdir()
    parts = Parts(tmp_path / "checkpoint", "")
    run_replicas(folders, plans, np.stack([start] * 8), field(two_wells), SLOTS, masses, unbonded(), parts)
    R, table = read(tmp_path / "lammps")
    ours = [read(folder) for folder in folders]
    theirs = np.concatenate([mine[0] for mine in ours])
    edges = np.linspace(-2.0, 2.0, 9)
    shares = [np.histogram(np.abs(x), edges[4:])[0] / x.size for x in (R[..., 0], theirs[..., 0])]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.02)
    np.testing.assert_allclose((theirs[..., 1:] ** 2).mean(), (R[..., 1:] ** 2).mean(), rtol=0.05)
    assert abs(theirs[..., 0].mean()) < 0.2 and abs(R[..., 0].mean()) < 0.4
    for column in ("temperature", "kinetic", "potential", "total"):
        mean = np.mean([mine[1][column].mean() for mine in ours])
        np.testing.assert_allclose(mean, table[column].mean(), rtol=0.04)
    assert ours[0][1].dtype.names == table.dtype.names
    R, table = ours[0]
    shift = R - np.average(R, axis=1, weights=masses)[:, None]
    gyration = np.sqrt(np.average((shift**2).sum(-1), axis=1, weights=masses))
    np.testing.assert_allclose(table["radius_of_gyration"], gyration, rtol=1e-5)
    np.testing.assert_allclose(table["potential"], [energies_in_numpy(frame).energy for frame in R], rtol=1e-4)
