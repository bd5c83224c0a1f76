"""Plain LAMMPS with the native pair style against the Python engine: forces, trajectories, processes, boundaries."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from force_fields import plan, unbonded
from native_runs import DUMP, NAMES, Native, all_dumped, dumped, finished, periodic_box
from synthetic_program import chain_positions

from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program, centre, load_program, on_grid
from cgpipe.dynamics.lammps.driver import Driver
from cgpipe.dynamics.lammps.input import commands, input_text
from cgpipe.dynamics.lammps.library import open_lammps
from cgpipe.dynamics.lammps.system import write_data

EDGE = 40.0


@pytest.fixture(scope="module")
def program(native: Native) -> Program:
    return load_program(native.model_json)


def chains(*lengths: int, gap: int = 0) -> tuple[np.ndarray, Topology]:
    """Chains side by side, 7 Å apart; in the first one the numbering jumps by ``gap`` in its middle.

    All positions are on the grid of centres, so that single precision rounds nothing, whatever the engine's centre is.
    """
    R = np.concatenate([chain_positions(n, seed) + np.array([0, 7.0 * seed, 0]) for seed, n in enumerate(lengths)])
    residue = np.concatenate([np.arange(n) for n in lengths])
    residue[lengths[0] // 2 : lengths[0]] += gap
    species = np.random.default_rng(3).integers(0, 20, len(R)).astype(np.int32)
    chain = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    return on_grid(R), Topology(species, chain, residue.astype(np.int32), np.ones(len(R), bool))


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference over the RMS of what is expected."""
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(expected**2)))


def shuffled(file: Path) -> None:
    """The atoms of a data file in another order."""
    head, atoms = file.read_text().split("Atoms # molecular\n\n")
    lines = np.random.default_rng(1).permutation(atoms.splitlines())
    file.write_text(head + "Atoms # molecular\n\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(("lengths", "gap"), [((12,), 0), ((12,), 3), ((9, 6, 5), 0)])
def test_forces_are_those_of_the_python_engine(native, program, tmp_path, lengths, gap):
    """Detects wrong order (the atoms are shuffled), species, chains, gaps, signs, units and energies per bead."""
    R, topology = chains(*lengths, gap=gap)
    write_data(tmp_path / "system.data", "test", R, topology, NAMES)
    shuffled(tmp_path / "system.data")
    table = finished(tmp_path, native.text(*DUMP, "run 0"))
    beads, expected = dumped(tmp_path), program.evaluate(R, topology)
    assert relative(beads.f, expected.forces) < 1e-5
    assert relative(beads.energy, expected.bead_energies) < 1e-5
    assert table["PotEng"][0] == pytest.approx(expected.energy, rel=1e-5)
    if gap:
        closed = program.evaluate(R, topology._replace(residue=np.arange(len(R), dtype=np.int32)))
        assert relative(closed.forces, expected.forces) > 0.1


def test_swapped_residues_change_the_forces_as_in_python(native, program, tmp_path):
    """Detects types that are mistaken for each other: two residues exchange their types."""
    R, topology = chains(12)
    species = topology.species.copy()
    species[[2, 8]] = species[[8, 2]]
    assert species[2] != species[8]
    write_data(tmp_path / "system.data", "test", R, topology._replace(species=species), NAMES)
    finished(tmp_path, native.text(*DUMP, "run 0"))
    swapped = program.evaluate(R, topology._replace(species=species)).forces
    assert relative(dumped(tmp_path).f, swapped) < 1e-5
    assert relative(program.evaluate(R, topology).forces, swapped) > 1e-2


def test_the_same_seed_gives_the_same_trajectory(native, program, tmp_path):
    """1,000 steps of Langevin dynamics in both engines. Detects differences of the integration, a thermostat that
    meets the atoms in another order, and forces that are not quite the same."""
    R, topology = chains(12)
    settings = plan(1000, save_every=1000, timestep=2.0)
    lines = commands(input_text(settings))
    dynamics = [
        line
        for line in lines[lines.index("reset_timestep  0") :]
        if not line.startswith(("fix             table", "dump"))
    ]
    write_data(tmp_path / "system.data", "test", R, topology, NAMES)
    with contextlib.chdir(tmp_path):
        lammps = open_lammps()
        driver = Driver(lammps, program.bind(topology), unbonded(topology))
        head = lines[: next(i for i, line in enumerate(lines) if line.startswith("min_style"))]
        for line in head:
            driver.command(line)
        driver.attach(topology, NAMES)
        for line in dynamics:
            driver.command(line)
        python = np.array(lammps.gather_atoms("x", 1, 3)).reshape(-1, 3)
        lammps.close()
    finished(
        tmp_path, native.text(*dynamics, *DUMP, "run 0").replace("plugin load", "atom_modify sort 0 0.0\nplugin load")
    )
    moved = np.linalg.norm(python - R, axis=1)
    assert moved.mean() > 1.0
    np.testing.assert_allclose(dumped(tmp_path).x, python, atol=1e-3)


def three_chains(folder: Path) -> tuple[np.ndarray, Topology]:
    """Three chains in a periodic box, each across a boundary, near images of each other."""
    R, topology = chains(9, 8, 7)
    R = R - centre(R) + [38.0, 1.0, 39.0]
    periodic_box(folder, R, topology, EDGE)
    return R, topology


def test_chains_across_periodic_boundaries_are_whole(native, program, tmp_path):
    """Detects chains that are cut at the boundary: far from their images they have the forces of free ones."""
    R, topology = three_chains(tmp_path)
    table = finished(tmp_path, native.text(*DUMP, "run 0", boundary="p p p"))
    expected = program.evaluate(R, topology)
    assert np.any(dumped(tmp_path).x < 0.5 * EDGE) and np.any(dumped(tmp_path).x > 0.5 * EDGE)
    assert relative(dumped(tmp_path).f, expected.forces) < 1e-5
    assert table["PotEng"][0] == pytest.approx(expected.energy, rel=1e-5)


@pytest.mark.parametrize("ranks", [2, 4])
def test_processes_share_the_work(native, tmp_path, ranks):
    """Detects energies that are counted twice or never, and forces that stay on ghosts, before and after 50 steps.

    In these steps rounding grows, so what is compared then are trajectories, by less than would show a lost bead.
    """
    motion = (*DUMP, "velocity all create 300 5 loop geom", "fix move all nve", "thermo 50", "run 50")
    alone, together = tmp_path / "1", tmp_path / "n"
    tables = []
    for folder, count in ((alone, 1), (together, ranks)):
        folder.mkdir()
        three_chains(folder)
        tables.append(finished(folder, native.text(*motion, boundary="p p p"), count))
    first, divided = all_dumped(alone)[0], all_dumped(together)[0]
    assert relative(divided.f, first.f) < 1e-5
    assert relative(divided.energy, first.energy) < 1e-5
    assert tables[1]["Press"][0] == pytest.approx(tables[0]["Press"][0], rel=1e-5, abs=1e-3)
    np.testing.assert_allclose(dumped(together).x, dumped(alone).x, atol=1e-3)
    assert np.abs(dumped(alone).x - first.x).max() > 0.1


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_many_copies_in_one_box(native, program, tmp_path, ranks):
    """64 copies, more beads than any program holds: detects parts that are lost, and copies that are taken for each
    other. Each has the energy and forces of one alone."""
    R, topology = chains(6)
    R = R - centre(R) + 15.0
    periodic_box(tmp_path, R, topology, 30.0)
    table = finished(tmp_path, native.text("replicate 4 4 4", *DUMP, "run 0", boundary="p p p"), ranks)
    expected = program.evaluate(R, topology)
    assert relative(dumped(tmp_path).f, np.tile(expected.forces, (64, 1))) < 1e-5
    assert table["PotEng"][0] == pytest.approx(64 * expected.energy, rel=1e-5)


def test_molecules_apart_are_not_cut(native, program, tmp_path):
    """Five chains that do not meet, each as long as the largest program: detects cuts through a chain, whose halves
    would both need all of it."""
    n = max(program.capacities)
    R, topology = chains(*[n] * 5)
    R = R + 100.0 * np.repeat(np.random.default_rng(0).permutation(5), n)[:, None]
    write_data(tmp_path / "system.data", "apart", R, topology, NAMES)
    finished(tmp_path, native.text("run 0"))
    assert f"{5 * n} beads in 5 programs per step, {5 * n} with" in (tmp_path / "log.lammps").read_text()


def test_a_process_without_beads_waits_for_the_others(native, program, tmp_path):
    """Detects a process that fails or hangs when all beads are elsewhere."""
    R, topology = chains(8)
    R = R - centre(R) + 10.0
    periodic_box(tmp_path, R, topology, 80.0)
    slabs = "processors 4 1 1\n"
    finished(tmp_path, slabs + native.text(*DUMP, "run 0", "fix move all nve", "run 5", boundary="p p p"), 4)
    assert relative(all_dumped(tmp_path)[0].f, program.evaluate(R, topology).forces) < 1e-5


def test_pressure_is_that_of_a_strained_box(native, tmp_path):
    """Virial against finite differences of the energy, −∂E/∂V, three directions and a small box where chains meet their
    images. Detects wrong signs, missing ghost terms and images of a chain that are mistaken for the chain itself."""
    R, topology = chains(9, 8, 7)
    edge, strain = 24.0, 2e-3
    periodic_box(tmp_path, R - centre(R) + [23.0, 1.0, 12.0], topology, edge)
    atmospheres = 68568.415
    pressures = finished(tmp_path, native.text("run 0", boundary="p p p"))
    found = [pressures[name][0] for name in ("Pxx", "Pyy", "Pzz")]
    expected = []
    for axis in "xyz":
        energies = []
        for sign in (-1, 1):
            scale = f"change_box all {axis} scale {1 + sign * strain} remap"
            energies.append(finished(tmp_path, native.text(scale, "run 0", boundary="p p p"))["PotEng"][0])
        expected.append(-(energies[1] - energies[0]) / (2 * strain * edge**3) * atmospheres)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-3 * scale)


def test_a_restart_goes_on_where_it_was(native, tmp_path):
    """Detects topology that a restart file does not hold: chains, gaps, image flags."""
    three_chains(tmp_path)
    start = native.text(
        "velocity all create 300 5", "fix move all nve", "run 20", "write_restart half", boundary="p p p"
    )
    finished(tmp_path, start + "run 20\n" + "\n".join(DUMP) + "\nrun 0\n")
    straight = dumped(tmp_path)
    again = native.text("fix move all nve", "run 20", *DUMP, "run 0", boundary="p p p")
    again = again.replace("read_data system.data", "read_restart half").replace("atom_style molecular\n", "")
    again = again.replace("boundary p p p\n", "").replace("newton on\n", "")
    finished(tmp_path, again)
    np.testing.assert_allclose(dumped(tmp_path).x, straight.x, atol=1e-6)
