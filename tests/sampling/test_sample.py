"""The stages ``sample`` and ``gather``, on a pentapeptide and a few picoseconds."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import openmm
import pytest
from openmm import app, unit

from cgpipe import gather, project, sample
from cgpipe.config import Config, Proteins, settings_json
from cgpipe.config.sampling import OpenmmProtein
from cgpipe.data.projection import read_projection
from cgpipe.errors import UserError
from cgpipe.sampling import replica as replica_module
from cgpipe.sampling.dynamics import BLOCK, Dynamics, State
from cgpipe.sampling.partial import Partial
from cgpipe.sampling.replica import Replica, build_start, make_plan
from cgpipe.sampling.start import Start
from cgpipe.sampling.system import cpu_platform, make_system
from cgpipe.stage import run

BLOCK_OF_KEYS = {
    "source": "openmm", "sequence": "AAGSA", "temperature": 348, "nanoseconds": 0.006, "equilibration": 1.0,
    "unfolding": 0.2, "save_every": 0.1, "replicas": 2, "unfolded": [1],
}  # fmt: skip
PROTEINS = Proteins.model_validate({"proteins": {"pep": BLOCK_OF_KEYS}})


def arguments(folder, replica: int) -> list[str]:
    """The command line that the workflow would use."""
    settings = settings_json(Config(), PROTEINS, "sample", "pep", replica)
    out, partial = folder / f"{replica}.h5", folder / f"{replica}.partial"
    names = ["--settings", settings, "--protein", "pep", "--replica", str(replica)]
    return [*names, "--out", str(out), "--partial", str(partial)]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """Both replicas, sampled without disturbance and gathered."""
    folder = tmp_path_factory.mktemp("allatom")
    for number in (0, 1):
        assert run(sample.main, arguments(folder, number)) == 0
    replicas = [str(folder / "0.h5"), str(folder / "1.h5")]
    assert run(gather.main, ["--protein", "pep", "--replicas", *replicas, "--out", str(folder / "pep.h5")]) == 0
    return folder


def layout(group: h5py.Group) -> dict[str, tuple]:
    """Every name with its kind of number, rank and attributes."""
    found: dict[str, tuple] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        kind = (item.dtype.kind, item.dtype.itemsize, item.ndim) if isinstance(item, h5py.Dataset) else ()
        found[name] = (kind, {*item.attrs})

    group.visititems(visit)
    return found


def test_layout_is_the_demos(sampled, demo_data):
    """Names, types, ranks, attributes and units as in the demo's files, and energies besides; whether dssp is right is
    not looked at."""
    with h5py.File(sampled / "pep.h5") as file, h5py.File(demo_data / "mdcath_dataset_trpcage.h5") as demo:
        assert file.attrs["layout"] == demo.attrs["layout"]
        ours, theirs = file["pep"], demo["trpcage"]
        assert set(ours.attrs) == set(theirs.attrs)
        assert {name: item for name, item in layout(theirs).items() if "/1" not in name and "/2" not in name} == {
            name: item for name, item in layout(ours).items() if "/1" not in name and "energy" not in name
        }
        assert layout(ours)["348/0/potential_energy"] == (("f", 4, 1), {"unit"})
        for key in ("coords", "forces"):
            assert ours[f"348/0/{key}"].attrs["unit"] == theirs[f"348/0/{key}"].attrs["unit"]
        assert ours["348/1"].attrs["numFrames"] == ours["348/1/coords"].shape[0] == 60
        assert ours.attrs["numResidues"] == 5


def test_forces_are_minus_the_gradient(sampled):
    """Central differences of the energy along random directions at stored frames, in double precision.

    Positions and forces of different steps, or constraint forces among them, would be off by far more.
    """
    start = build_start(PROTEINS.proteins["pep"], cpu_platform(1))
    system = make_system(start.topology)
    reference = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), reference)

    def energy(positions):
        context.setPositions(positions * unit.angstrom)
        return context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)

    random = np.random.default_rng(0)
    with h5py.File(sampled / "pep.h5") as file:
        for frame in (0, 59):
            R, F = (file["pep/348/1"][key][frame].astype(np.float64) for key in ("coords", "forces"))
            for _ in range(5):
                direction = random.normal(size=R.shape)
                step = 1e-5 * direction
                slope = (energy(R + step) - energy(R - step)) / 2e-5
                assert -(F * direction).sum() == pytest.approx(slope, abs=0.1, rel=1e-4)


def test_energies_are_those_of_their_frames(sampled):
    """U in the gathered file is the energy at the coordinates of the same row, of both replicas, up to the rounding of
    either; detects energies of other steps, in other units, or lost in gathering."""
    system = make_system(build_start(PROTEINS.proteins["pep"], cpu_platform(1)).topology)
    with h5py.File(sampled / "pep.h5") as file:
        for replica in "01":
            group = file[f"pep/348/{replica}"]
            energies = group["potential_energy"]
            assert energies.attrs["unit"] == "kcal/mol" and energies.shape == (60,)
            assert np.std(energies) > 1.0
            for frame in (0, 30, 59):
                expected, _ = evaluate(system, group["coords"][frame])
                assert energies[frame] == pytest.approx(expected, abs=0.01)


def evaluate(system: openmm.System, R: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy [kcal/mol] and forces [kcal/mol/Å] at R [Å], in double precision."""
    reference = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), reference)
    context.setPositions(R.astype(np.float64) * unit.angstrom)
    now = context.getState(getEnergy=True, getForces=True)
    energy = now.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
    return energy, np.array(now.getForces(asNumpy=True).value_in_unit(unit.kilocalorie_per_mole / unit.angstrom))


def test_sampled_frames_can_be_projected(sampled, tmp_path, monkeypatch):
    """What the workflow passes on: detects settings that do not lead from one stage to the next."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/default/allatom").mkdir(parents=True)
    (tmp_path / "results/default/allatom/pep.h5").symlink_to(sampled / "pep.h5")
    settings = settings_json(Config(), PROTEINS, "project", "pep")
    assert run(project.main, ["--settings", settings, "--protein", "pep", "--out", "pep.h5"]) == 0
    projection = read_projection(tmp_path / "pep.h5")
    assert projection.R.shape == (120, 5, 3)
    assert [str(name) for name in projection.residue_name] == ["ALA", "ALA", "GLY", "SER", "ALA"]
    quality = projection.quality
    assert quality["rms"]["optimal"] < quality["rms"]["slice"]
    assert quality["constraint_violation_max"] < 1e-3


def test_killed_run_ends_with_the_same_file(sampled, tmp_path):
    """SIGKILL after some frames, then once more from the start: byte for byte the undisturbed file."""
    command = arguments(tmp_path, 1)
    process = subprocess.Popen([sys.executable, "-m", "cgpipe.sample", *command], stderr=subprocess.PIPE)
    recorded = tmp_path / "1.partial" / "frames.f4"
    deadline = time.monotonic() + 600
    while not (recorded.exists() and recorded.stat().st_size) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not (tmp_path / "1.h5").exists()
    assert run(sample.main, command) == 0
    assert (tmp_path / "1.h5").read_bytes() == (sampled / "1.h5").read_bytes()
    assert not (tmp_path / "1.partial").exists()


@pytest.fixture(scope="module")
def tripeptide():
    """A start, and a plan of equilibration and three blocks."""
    keys = {**BLOCK_OF_KEYS, "sequence": "AGA", "nanoseconds": 0.003}
    block = OpenmmProtein.model_validate(keys)
    return build_start(block, cpu_platform(1)), make_plan(Replica("tri", 0, block, False))


def test_kill_between_frames_and_state(tripeptide, tmp_path):
    """Frames that no state counts are cut off and made again: none is lost, doubled or changed."""
    start, plan = tripeptide
    moved = Dynamics(start, plan, cpu_platform(1))
    whole = Partial(tmp_path / "whole", {}, len(start.positions))
    state = moved.first
    while state.interval < plan.intervals:
        state, frames = moved.advance(state)
        whole.append(frames, state)
        if state.interval == plan.equilibration + BLOCK:
            Partial(tmp_path / "cut", {}, len(start.positions)).append(frames, state)
    with (tmp_path / "cut/frames.f4").open("ab") as file:
        file.write(b"half a frame")
    (tmp_path / "cut/.state.1.npz").write_bytes(b"half a state")
    cut = Partial(tmp_path / "cut", {}, len(start.positions))
    assert cut.frames == BLOCK
    state, again = cut.state, Dynamics(start, plan, cpu_platform(1))
    while state.interval < plan.intervals:
        state, frames = again.advance(state)
        cut.append(frames, state)
    assert cut.frames == whole.frames == plan.frames == 30
    assert (tmp_path / "cut/frames.f4").read_bytes() == (tmp_path / "whole/frames.f4").read_bytes()


def test_frames_of_other_code_are_not_used(tmp_path, monkeypatch):
    """Detects a replica that goes on with frames that another cgpipe made; asks for the identity and runs nothing."""
    identities = []

    def stop(_, identity, atoms):
        identities.append(identity)
        raise UserError("enough")

    monkeypatch.setattr(replica_module, "Partial", stop)
    assert run(sample.main, arguments(tmp_path, 1)) == 2
    monkeypatch.setattr(replica_module, "code_digest", lambda _: "other")
    assert run(sample.main, arguments(tmp_path, 1)) == 2
    assert identities[0]["code"] != identities[1]["code"]
    assert {**identities[0], "code": "other"} == identities[1]


def test_frames_of_other_settings_are_not_used(tripeptide, tmp_path, capsys):
    """Detects a resumed run that mixes two configurations, or begins anew without a word."""
    start, plan = tripeptide
    atoms = len(start.positions)
    state, frames = Dynamics(start, plan, cpu_platform(1)).advance(State(plan.equilibration, *_at_rest(start), 0.0))
    Partial(tmp_path / "p", {"temperature": 300}, atoms).append(frames, state)
    assert Partial(tmp_path / "p", {"temperature": 300}, atoms).frames == BLOCK
    assert capsys.readouterr().err == ""
    assert Partial(tmp_path / "p", {"temperature": 310}, atoms).state is None
    assert "starting anew" in capsys.readouterr().err
    assert Partial(tmp_path / "p", {"temperature": 300}, atoms).state is None


def _at_rest(start: Start) -> tuple[np.ndarray, np.ndarray]:
    return start.positions / 10.0, np.zeros_like(start.positions)


@pytest.mark.parametrize("solvent", ["obc2", "gbn2"])
def test_solvents_are_openmms(tripeptide, solvent):
    """Frames of a block: U and F are those of OpenMM's own file for the solvent, U falls along F, and a second run is
    the same to the bit. Whether the solvent is a good one is not looked at."""
    start, plan = tripeptide
    start = replace(start, solvent=solvent)
    first = State(plan.equilibration, *_at_rest(start), 0.0)
    (_, frames), (_, again) = (Dynamics(start, plan, cpu_platform(1)).advance(first) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(frames, again, strict=True))
    field = app.ForceField("amber14/protein.ff14SB.xml", f"implicit/{solvent}.xml")
    system = field.createSystem(start.topology, constraints=app.HBonds)
    direction = np.random.default_rng(1).normal(size=start.positions.shape)
    for R, F, U in zip(frames.R[::4], frames.F[::4], frames.U[::4], strict=True):
        energy, forces = evaluate(system, R)
        assert pytest.approx(energy, abs=0.01) == U
        assert pytest.approx(forces, abs=0.02) == F
        up, down = (evaluate(system, R + sign * 1e-5 * direction)[0] for sign in (1, -1))
        assert -(F * direction).sum() == pytest.approx((up - down) / 2e-5, abs=0.1, rel=1e-4)


def test_temperature(tripeptide):
    """The mean kinetic temperature is the thermostat's to 10 %: constraints or units gone wrong would be seen."""
    start, plan = tripeptide
    plan = plan._replace(equilibration=20, frames=400)
    moved = Dynamics(start, plan, cpu_platform(1))
    state = moved.first
    while state.interval < plan.intervals:
        state, _ = moved.advance(state)
    assert state.temperatures / plan.frames == pytest.approx(348.0, rel=0.1)


def test_unstable_run_says_what_to_do(tripeptide):
    """A time step that no bond survives: a message, not a file full of NaN."""
    start, plan = tripeptide
    moved = Dynamics(start, plan._replace(timestep=40.0), cpu_platform(1))
    with pytest.raises(UserError, match="shorter timestep"):
        moved.advance(moved.first)


def test_missing_openmm(tmp_path, monkeypatch, capsys):
    """One line with the remedy; the rest of cgpipe works without it."""
    for name in [name for name in sys.modules if name.startswith("cgpipe.sampling")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openmm", None)
    assert run(sample.main, arguments(tmp_path, 0)) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "pip install" in message and "openmm" in message


def test_replicas_of_another_sequence_are_refused(sampled, tmp_path, capsys):
    """Files of two peptides under one name."""
    other = tmp_path / "2.h5"
    shutil.copy(sampled / "1.h5", other)
    with h5py.File(other, "a") as file:
        del file["pep/psf"]
        file["pep/psf"] = "another"
    files = [str(sampled / "0.h5"), str(other)]
    assert run(gather.main, ["--protein", "pep", "--replicas", *files, "--out", str(tmp_path / "pep.h5")]) == 2
    assert "other atoms" in capsys.readouterr().err
    assert not (tmp_path / "pep.h5").exists()
