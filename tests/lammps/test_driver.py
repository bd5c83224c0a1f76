"""The callback between LAMMPS and a force field: rows, failures, interruptions. Real LAMMPS, analytic forces."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from force_fields import FailsAt, Springs, plan, unbonded
from synthetic_program import chain_positions, chain_topology

from cgpipe.data.species import vocabulary
from cgpipe.deploy.program import NeighbourOverflow
from cgpipe.dynamics.ends import BondWatch, Death
from cgpipe.dynamics.lammps.driver import Driver
from cgpipe.dynamics.lammps.input import commands, input_text
from cgpipe.dynamics.lammps.library import open_lammps
from cgpipe.dynamics.lammps.system import write_data

NAMES = vocabulary("residues")
BEADS = 40
NVE = "fix move all nve"


@contextlib.contextmanager
def lammps_system(folder: Path, R: np.ndarray, shuffle: bool = False, sort: str = "0 0.0"):
    """LAMMPS with the beads of a chain and the fix external, before anything ran."""
    write_data(folder / "system.data", "test", R, chain_topology(len(R)), NAMES)
    if shuffle:
        head, atoms = (folder / "system.data").read_text().split("Atoms # molecular\n\n")
        lines = np.random.default_rng(1).permutation(atoms.splitlines())
        (folder / "system.data").write_text(head + "Atoms # molecular\n\n" + "\n".join(lines) + "\n")
    with contextlib.chdir(folder):
        lammps = open_lammps()
        setup = commands(input_text(plan(1)))
        setup = setup[: next(i for i, line in enumerate(setup) if line.startswith("min_style"))]
        for line in setup:
            lammps.command(line.replace("sort 0 0.0", f"sort {sort}"))
        lammps.command("timestep 2.0")
        yield lammps
        lammps.close()


def attached(lammps, field: Springs) -> Driver:
    driver = Driver(lammps, field, unbonded(chain_topology(len(field.sites))))
    driver.attach(chain_topology(len(field.sites)), NAMES)
    return driver


def gathered(lammps, what: str) -> np.ndarray:
    """A per-atom vector in the order of the atom IDs."""
    return np.array(lammps.gather_atoms(what, 1, 3)).reshape(-1, 3)


@pytest.mark.parametrize("shuffle", [False, True])
def test_forces_follow_atom_ids(tmp_path, shuffle):
    """Detects rows taken in LAMMPS's order: with shuffled atoms those forces are shown to be others."""
    sites = chain_positions(BEADS)
    R = sites + np.random.default_rng(2).normal(size=sites.shape)
    field = Springs(sites)
    with lammps_system(tmp_path, R, shuffle) as lammps:
        attached(lammps, field).command("run 0")
        rows = lammps.numpy.extract_atom("id")[:BEADS] - 1
        forces, x = gathered(lammps, "f"), gathered(lammps, "x")
        energy = lammps.get_thermo("pe")
    np.testing.assert_allclose(forces, field.at(x).forces, rtol=1e-12)
    assert energy == pytest.approx(field.at(x).energy)
    if shuffle:
        naive = np.empty_like(x)
        naive[rows] = field.at(x[rows]).forces
        assert np.abs(naive - forces).max() > 10.0


def test_a_sort_in_mid_run_changes_nothing(tmp_path):
    """Detects an order of rows that is taken once and kept: beads swing past each other, with and without sorting."""
    sites = chain_positions(60)
    final, orders = [], []
    for sort in ("0 0.0", "1 4.0"):
        with lammps_system(tmp_path, sites[::-1], sort=sort) as lammps:
            driver = attached(lammps, Springs(sites))
            for line in (NVE, "neigh_modify every 1 delay 0 check no", "run 0", "run 200"):
                driver.command(line)
                orders.append(lammps.numpy.extract_atom("id")[:60].tolist())
            final.append(gathered(lammps, "x"))
    assert orders[2] == orders[3] == sorted(orders[2])
    assert orders[6] != orders[7]
    np.testing.assert_allclose(final[0], final[1], atol=1e-9)


def test_nve_conserves_energy_to_second_order(tmp_path):
    """Detects wrong signs, units and late forces: half the step must give about a quarter of the error."""
    sites = chain_positions(BEADS)
    errors = []
    for timestep, steps in ((4.0, 500), (2.0, 1000)):
        with lammps_system(tmp_path, sites) as lammps:
            driver = attached(lammps, Springs(sites))
            driver.command("velocity all create 600 3 dist gaussian")
            driver.command(NVE)
            driver.command(f"timestep {timestep}")
            energies = []
            for _ in range(50):
                driver.command(f"run {steps // 50}")
                energies.append(lammps.get_thermo("etotal"))
            errors.append(np.std(energies))
    assert errors[1] < 0.05
    assert 3.0 < errors[0] / errors[1] < 5.0


class Broken(Exception):
    """Something that no one expects."""


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (Broken("odd"), Broken),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(3), SystemExit),
        (FloatingPointError("nan"), Death),
        (NeighbourOverflow("66 neighbours"), Death),
    ],
)
def test_whatever_is_raised_stops_the_run(tmp_path, failure, raised):
    """Detects a swallowed exception, an MD that runs on after it, and a LAMMPS that stays stopped for ever."""
    sites = chain_positions(BEADS)
    field = FailsAt(sites, 20, failure)
    with lammps_system(tmp_path, sites) as lammps:
        driver = attached(lammps, field)
        driver.command(NVE)
        with pytest.raises(raised) as caught:
            driver.command("run 1000")
        if raised is Death:
            assert caught.value.step == 19
        assert len(field.seen) == 20
        assert lammps.extract_global("ntimestep") < 25
        driver.command("run 100")
        assert len(field.seen) > 100


@pytest.fixture
def interruptible():
    """SIGINT as a terminal has it; a shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_the_run(tmp_path, interruptible):
    """Detects an interrupt that is lost: it strikes in LAMMPS's own wrapper, before the callback can guard anything."""
    sites = chain_positions(BEADS)
    field = Springs(sites)
    with lammps_system(tmp_path, sites) as lammps:
        driver = attached(lammps, field)
        driver.command(NVE)
        wrapped = lammps.numpy.iarray

        def interrupted(*arguments):
            if len(field.seen) == 10:
                signal.raise_signal(signal.SIGINT)
            return wrapped(*arguments)

        lammps.numpy.iarray = interrupted
        with pytest.raises(KeyboardInterrupt):
            driver.command("run 1000")
    assert len(field.seen) == 10
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_broken_bond_is_a_death(tmp_path):
    """Detects bonds that are not watched, and names of the wrong beads."""
    sites = chain_positions(BEADS)
    lengths = np.linalg.norm(np.diff(sites, axis=0), axis=1)
    watch = BondWatch(np.ones(BEADS - 1, bool), lengths, 1.0)
    moved = sites.copy()
    moved[7:] += [3.0, 0.0, 0.0]
    watch.check(sites, 0)
    with pytest.raises(Death, match=r"bond of beads 6 and 7 is .* off its mean"):
        watch.check(moved, 5)
    bonded = np.arange(BEADS - 1) != 6
    BondWatch(bonded, lengths[bonded], 1.0).check(moved, 5)
    moved[3] = np.nan
    with pytest.raises(Death):
        watch.check(moved, 5)


def test_other_atoms_than_the_program_expects_are_refused(tmp_path):
    sites, topology = chain_positions(BEADS), chain_topology(BEADS)
    with lammps_system(tmp_path, sites) as lammps:
        driver = Driver(lammps, Springs(sites), unbonded(topology))
        with pytest.raises(RuntimeError, match="40 atoms, the program 39 beads"):
            driver.attach(chain_topology(39), NAMES)
        with pytest.raises(RuntimeError, match="atom types mean species"):
            driver.attach(topology._replace(species=topology.species[::-1]), NAMES)


def test_a_mistake_in_an_input_line_is_an_error(tmp_path):
    """Detects LAMMPS's own complaints being taken for a death."""
    sites = chain_positions(BEADS)
    with lammps_system(tmp_path, sites) as lammps, pytest.raises(Exception, match="Unknown command") as caught:
        attached(lammps, Springs(sites)).command("runn 10")
    assert not isinstance(caught.value, Death)


def test_two_mpi_processes_are_refused():
    """Detects replicas that compute half a molecule each; needs the mpiexec of the MPI wheel."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    if not mpiexec.exists():
        pytest.skip("no mpiexec beside the interpreter")
    program = (
        "import sys\n"
        "from cgpipe.dynamics.lammps.library import open_lammps\n"
        "from cgpipe.stage import run\n"
        "sys.exit(run(lambda _: open_lammps() and 0, []))\n"
    )
    done = subprocess.run([mpiexec, "-n", "2", sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert "2 MPI processes, but each would see only its own beads" in done.stderr
