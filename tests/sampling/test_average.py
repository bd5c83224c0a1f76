"""The stage ``average``: dynamics at held Cα atoms, and the labels that come out, on a pentapeptide."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import openmm
import pytest

from cgpipe import average, gather, project, sample
from cgpipe.config import Config, Proteins, settings_json
from cgpipe.config.decisive import Decisive
from cgpipe.data.mean_forces import found_in, read_mean_forces
from cgpipe.data.projection import read_projection
from cgpipe.errors import UserError
from cgpipe.physics.averages import Agreement
from cgpipe.sampling.held import Held, HeldDynamics, State, alpha_atoms, exchange, held_system, plain_maps
from cgpipe.sampling.labels import _prepare, refuse_disagreement
from cgpipe.sampling.replica import build_start
from cgpipe.sampling.system import cpu_platform, make_system
from cgpipe.stage import run
from cgpipe.units import KB

KEYS = {
    "source": "openmm", "sequence": "AAGSA", "temperature": 348, "nanoseconds": 0.012, "equilibration": 1.0,
    "save_every": 0.1, "replicas": 1,
    "average": {"test": 2, "train": 1, "picoseconds": 5.0, "exchange": [420.0]},
}  # fmt: skip
PROTEINS = Proteins.model_validate({"proteins": {"pep": KEYS}})


def settings(stage: str) -> list[str]:
    return ["--settings", settings_json(Config(), PROTEINS, stage, "pep")]


def arguments(folder: Path, name: str, out: Path) -> list[str]:
    """The command line that the workflow would use for one set."""
    inputs = ["--projection", str(folder / "project.h5"), "--trajectories", str(folder / "pep.h5"), "--set", name]
    files = {"out": out, "summary": out.with_suffix(".json"), "partial": out.with_suffix(".partial")}
    return [*settings("average"), *inputs, *(word for key, file in files.items() for word in (f"--{key}", str(file)))]


@pytest.fixture(scope="module")
def peptide(tmp_path_factory):
    """Sampled, gathered and projected."""
    folder = tmp_path_factory.mktemp("pep")
    replica = ["--protein", "pep", "--replica", "0", "--out", str(folder / "0.h5"), "--partial", str(folder / "part")]
    assert run(sample.main, [*settings("sample"), *replica]) == 0
    gathered = ["--protein", "pep", "--replicas", str(folder / "0.h5"), "--out", str(folder / "pep.h5")]
    assert run(gather.main, gathered) == 0
    chosen = json.loads(settings("project")[1])
    chosen["protein"]["path"] = [str(folder / "pep.h5")]
    out = ["--protein", "pep", "--out", str(folder / "project.h5")]
    assert run(project.main, ["--settings", json.dumps(chosen), *out]) == 0
    return folder


@pytest.fixture(scope="module")
def labels(peptide):
    """Both sets, made without disturbance."""
    for name in ("test", "train"):
        assert run(average.main, arguments(peptide, name, peptide / f"{name}.npz")) == 0
    return peptide


@pytest.fixture(scope="module")
def start():
    return build_start(PROTEINS.proteins["pep"], cpu_platform(1))


def test_held_atoms_have_no_mass_and_flexible_bonds(start):
    """Detects Cα–Hα bonds that are neither rigid nor there, and any other change of the system."""
    system, free = held_system(start.topology), make_system(start.topology)
    alpha = set(alpha_atoms(start.topology).tolist())
    masses = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    assert {i for i, mass in enumerate(masses) if mass == 0} == alpha
    held, rigid = (
        {frozenset(one.getConstraintParameters(i)[:2]) for i in range(one.getNumConstraints())}
        for one in (system, free)
    )
    released = rigid - held
    assert all(alpha & pair for pair in released) and not any(alpha & pair for pair in held)
    assert len(released) == 6  # glycine has two
    bonds, before = (
        next(force for force in one.getForces() if isinstance(force, openmm.HarmonicBondForce))
        for one in (system, free)
    )
    assert bonds.getNumBonds() == before.getNumBonds() + len(released)


def test_held_runs_have_the_solvent_of_the_frames(start):
    """From the block of the protein to the system: detects held beads in the default solvent."""
    block = PROTEINS.proteins["pep"].model_copy(update={"solvent": "gbn2"})
    assert build_start(block, cpu_platform(1)).solvent == "gbn2"
    dynamics = HeldDynamics(
        replace(start, solvent="gbn2"), Held("held", (348.0,), 4.0, 1), plain_maps(start.topology), cpu_platform(1)
    )
    names = {force.getName() for force in dynamics._system.getForces()}
    assert "CustomGBForce" in names and "GBSAOBCForce" not in names


def test_beads_do_not_move(start, monkeypatch):
    """To the last bit, over a whole run with a stretch at 600 K and exchanges."""
    platform = cpu_platform(1)
    maps = np.concatenate([plain_maps(start.topology)[:1], plain_maps(start.topology)])
    dynamics = HeldDynamics(start, Held("held", (348.0, 420.0), 4.0, 4), maps, platform)
    ends: list[np.ndarray] = []
    state = dynamics._state
    monkeypatch.setattr(dynamics, "_state", lambda: ends.append((found := state()).positions) or found)
    dynamics.run(start.positions, 0, 1)
    alpha = alpha_atoms(start.topology)
    others = np.setdiff1d(np.arange(len(start.positions)), alpha)
    assert all(np.array_equal(one[alpha], start.positions[alpha] / 10.0) for one in ends)
    assert np.abs(ends[-1][others] - start.positions[others] / 10.0).max() > 0.01


def test_exchanges_keep_both_distributions():
    """Oscillators drawn from both canonical distributions still have them after one attempt each; detects a wrong sign
    or factor in the criterion, and velocities of the other temperature."""
    random, temperatures, modes, draws = np.random.default_rng(3), (350.0, 420.0), 20, 20_000
    energies, speeds, done = np.empty((draws, 2)), np.empty((draws, 2)), 0
    for draw in range(draws):
        states = [
            State(np.zeros((1, 3)), random.normal(scale=np.sqrt(T), size=(modes, 3)), random.gamma(modes, KB * T))
            for T in temperatures
        ]
        done += exchange(states, 0, temperatures, random)
        energies[draw] = [state.energy for state in states]
        speeds[draw] = [np.mean(state.velocities**2) for state in states]
    assert 0.3 < done / draws < 0.9
    for side, temperature in enumerate(temperatures):
        error = KB * temperature * np.sqrt(modes / draws)
        assert energies[:, side].mean() == pytest.approx(modes * KB * temperature, abs=4 * error)
        assert energies[:, side].std() == pytest.approx(np.sqrt(modes) * KB * temperature, rel=0.03)
        assert speeds[:, side].mean() == pytest.approx(temperature, rel=0.005)


def test_labels_can_be_used(labels):
    """Both files hold what datasets and validation read; no configuration is in both; forces are of a sane size."""
    test, train = (read_mean_forces(labels / f"{name}.npz") for name in ("test", "train"))
    assert (test.R.shape, train.R.shape) == ((2, 5, 3), (1, 5, 3))
    assert test.residue_name == ("ALA", "ALA", "GLY", "SER", "ALA")
    assert not found_in(test.R, train.R).any()
    frames = read_projection(labels / "project.h5")
    assert found_in(test.R, frames.R.astype(float)).all()
    for labelled in (test, train):
        assert 2.0 < np.sqrt(np.mean(labelled.F**2)) < 30.0
        assert 0.1 < np.sqrt(np.mean(labelled.error2)) < np.sqrt(np.mean(labelled.noise2)) / 2
    summary = json.loads((labels / "test.json").read_text())
    assert {one["map"] for one in summary["maps"]} | {summary["map"]} > {"uniform", "slice"}
    assert 0.0 < summary["exchanged"] < 1.0


def test_mean_forces_belong_to_their_configurations(labels):
    """Detects labels in another order than the positions: what is left of a bond pulls it the more the longer it is."""
    both = [read_mean_forces(labels / f"{name}.npz") for name in ("test", "train")]
    R, F = (np.concatenate([getattr(one, key) for one in both]) for key in ("R", "F"))
    bonds = np.diff(R, axis=1)
    lengths = np.linalg.norm(bonds, axis=-1)
    pull = np.einsum("cbx,cbx->cb", np.cumsum(F, axis=1)[:, :-1], bonds / lengths[..., None])
    assert np.corrcoef(pull.ravel(), lengths.ravel())[0, 1] > 0.8


def test_a_killed_stage_ends_with_the_same_labels(labels, tmp_path):
    """Killed (SIGKILL) after its first run and started again; detects seeds that depend on what was done before."""
    out = tmp_path / "test.npz"
    command = arguments(labels, "test", out)
    process = subprocess.Popen([sys.executable, "-m", "cgpipe.average", *command])
    first, deadline = out.with_suffix(".partial") / "0-0.npz", time.monotonic() + 120
    while not first.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert first.is_file() and not out.is_file()
    kept = first.stat().st_mtime_ns
    assert run(average.main, command) == 0
    assert kept and not first.exists()
    with np.load(labels / "test.npz") as undisturbed, np.load(out) as found:
        assert all(np.array_equal(undisturbed[name], found[name]) for name in undisturbed.files if name != "cgpipe")


def test_runs_of_other_code_are_not_used(tmp_path, capsys):
    """Detects mean forces over runs that different cgpipes made; the same code keeps what is there."""
    decisive = Decisive("average", {"runs": 2}, {"trajectories": "x"}, "code")
    folder = tmp_path / "test.partial"
    _prepare(folder, decisive)
    (folder / "0-0.npz").touch()
    _prepare(folder, decisive)
    assert (folder / "0-0.npz").exists() and capsys.readouterr().err == ""
    _prepare(folder, decisive._replace(code="other"))
    assert not (folder / "0-0.npz").exists()
    assert "starting anew" in capsys.readouterr().err


def test_maps_that_disagree_stop_the_stage():
    """One line with the map, the difference, its error and the remedy; agreement passes."""
    fine = Agreement("uniform", 1, 0.1, 0.2, disagrees=False)
    refuse_disagreement([fine], "window", "pep")
    with pytest.raises(
        UserError,
        match=r"pep: .*slice map.*2 residues on differs from the window map.*0\.900 ± 0\.100.*average\.picoseconds",
    ):
        refuse_disagreement([fine, Agreement("slice", 2, 0.9, 0.1, disagrees=True)], "window", "pep")


def test_more_configurations_than_frames_are_refused(peptide, tmp_path, capsys):
    """What is wanted, what there is, and what to do."""
    command = arguments(peptide, "test", tmp_path / "test.npz")
    chosen = json.loads(command[1])
    chosen["average"]["test"] = 500
    assert run(average.main, ["--settings", json.dumps(chosen), *command[2:]]) == 2
    assert "501 configurations are wanted, but only" in capsys.readouterr().err
    assert not (tmp_path / "test.npz").exists()
