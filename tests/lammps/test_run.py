"""A whole run in LAMMPS: the ensemble it samples, the files it leaves, how it ends. Analytic forces."""

import mdtraj
import numpy as np
import pytest
from force_fields import FailsAt, Springs, plan, unbonded
from synthetic_program import chain_positions, chain_topology

from cgpipe.data.species import vocabulary
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.lammps.input import commands
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.units import thermal_energy

NAMES = vocabulary("residues")


def thermo(folder) -> np.ndarray:
    return np.genfromtxt(folder / "thermo.csv", delimiter=",", names=True)


def test_the_thermostat_samples_the_canonical_ensemble(tmp_path):
    """Springs have ⟨U⟩ = ⟨K⟩ = 3N kT/2 exactly. Detects wrong temperature, units of the damping, degrees of freedom

    (3N − 3 would be 10 % off) and integrators with a configurational error; not one below 4 %.
    """
    sites = chain_positions(10)
    topology = chain_topology(10)
    settings = plan(30000, save_every=25, timestep=4.0, damping=0.05)
    outcome = run_chain(tmp_path, settings, sites, topology, NAMES, Springs(sites), unbonded(topology))
    table = thermo(tmp_path)[100:]
    assert outcome.death is None and len(table) > 1000
    expected = 15 * thermal_energy(300.0)
    assert table["potential"].mean() == pytest.approx(expected, rel=0.04)
    assert table["kinetic"].mean() == pytest.approx(expected, rel=0.04)
    assert table["temperature"].mean() == pytest.approx(300.0, rel=0.04)


def test_the_saved_frames_are_the_positions_of_the_run(tmp_path):
    """Detects shifted, scaled, reordered or wrapped frames, and a first frame that is not step 0."""
    sites = chain_positions(30) + 1000.0
    topology = chain_topology(30)
    field = Springs(sites)
    outcome = run_chain(tmp_path, plan(100), sites, topology, NAMES, field, unbonded(topology))
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        frames = file.read()[0]
    assert frames.shape == (11, 30, 3) and outcome.steps == 100
    seen = np.array(field.seen[-101::10])
    np.testing.assert_allclose(frames, seen, atol=1e-3)
    table = thermo(tmp_path)
    assert table["step"].tolist() == list(range(0, 101, 10))
    np.testing.assert_allclose(table["picoseconds"], table["step"] * 0.002)
    np.testing.assert_allclose(table["potential"], [field.at(R).energy for R in seen], rtol=1e-6)
    masses = np.array(NAMES.masses)[topology.species]
    centre = np.average(seen[-1], axis=0, weights=masses)
    gyration = np.sqrt(np.average(((seen[-1] - centre) ** 2).sum(axis=1), weights=masses))
    assert table["radius_of_gyration"][-1] == pytest.approx(gyration, rel=1e-6)


def test_minimisation_comes_first_and_seeds_decide_the_rest(tmp_path):
    """Detects dynamics from the strained start, and replicas that repeat each other."""
    sites = chain_positions(10)
    topology = chain_topology(10)
    last = []
    for number, seeds in enumerate([(1, 2), (1, 2), (1, 3), (4, 2)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        settings = plan(50, velocity_seed=seeds[0], noise_seed=seeds[1])
        run_chain(folder, settings, sites + 1.0, topology, NAMES, Springs(sites), unbonded(topology))
        table = thermo(folder)
        assert table["potential"][0] < 1e-2
        last.append(table["potential"][-1])
    assert last[0] == last[1]
    assert len(set(last)) == 3


@pytest.mark.parametrize("call", [1, 60])
def test_a_death_ends_the_run_and_keeps_what_was_before(tmp_path, call):
    """Detects a death taken for an error and lost trajectories; call 1 is in the minimisation, 60 in the dynamics."""
    sites = chain_positions(10)
    topology = chain_topology(10)

    class Dies(FailsAt):
        """Once it failed it fails for good, as a program does at the same positions."""

        def __call__(self, R):
            self.call = max(self.call, len(self.seen) + 1) if len(self.seen) >= self.call else self.call
            return super().__call__(R)

    field = Dies(sites, call, FloatingPointError("the energy or a force is not finite"))
    outcome = run_chain(tmp_path, plan(1000), sites, topology, NAMES, field, unbonded(topology))
    assert outcome.death is not None and "not finite" in outcome.death.reason
    assert outcome.steps == outcome.death.step < 60
    assert (outcome.steps == 0) == (call == 1)
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        assert len(file.read()[0]) == outcome.steps // 10 + 1


def test_only_the_dynamics_can_die(tmp_path):
    """Detects a stumble of the minimiser that is recorded as the death of a run that went on to its end."""
    sites = chain_positions(10)
    topology = chain_topology(10)
    field = FailsAt(sites, 1, FloatingPointError("once"))
    outcome = run_chain(tmp_path, plan(50), sites, topology, NAMES, field, unbonded(topology))
    assert outcome.death is None and outcome.steps == 50


def test_a_bond_that_breaks_in_the_dynamics_is_a_death(tmp_path):
    """Detects bonds that are watched at the start only: soft springs at 600 K let neighbours part by more than 1 Å."""
    sites = chain_positions(10)
    topology = chain_topology(10)
    lengths = np.linalg.norm(np.diff(sites, axis=0), axis=1)
    bonds = BondWatch(np.ones(9, bool), lengths, 1.0)
    field = Springs(sites, np.full(10, 0.5))
    outcome = run_chain(tmp_path, plan(5000, temperature=600.0), sites, topology, NAMES, field, bonds)
    assert outcome.death is not None and "off its mean" in outcome.death.reason
    assert outcome.steps > 0 and outcome.max_bond_deviation > 1.0


def test_the_input_file_is_what_ran(tmp_path):
    """Detects an in.lammps that is decoration: LAMMPS's log must echo every command of the file, in order."""
    sites = chain_positions(5)
    topology = chain_topology(5)
    run_chain(tmp_path, plan(10), sites, topology, NAMES, Springs(sites), unbonded(topology))
    log = [" ".join(line.split()) for line in (tmp_path / "log.lammps").read_text().splitlines()]
    position = 0
    for command in commands((tmp_path / "in.lammps").read_text()):
        position = log.index(" ".join(command.split()), position) + 1
    data = (tmp_path / "system.data").read_text()
    assert "21 atom types" in data and f"{NAMES.lammps_type(0)} {NAMES.types[0]}" in data
    assert f"{NAMES.lammps_type(17)} {NAMES.masses[17]:.3f}" in data
