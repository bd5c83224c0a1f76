"""Forces learnt from noisy frames against the exact mean force, through the stages of the line.

Nothing here says how much data a real protein needs: its mean force is not in the reach of six parameters.
"""

from pathlib import Path

import chain
import mdtraj
import numpy as np
import pytest
from line import TOPOLOGY, force_matched, relative_error, write_dataset, write_prior
from synthetic_program import export_to

from cgpipe.data.species import vocabulary
from cgpipe.deploy.lammps.driver import BondWatch
from cgpipe.deploy.lammps.input import Plan
from cgpipe.deploy.lammps.run import run_chain
from cgpipe.deploy.program import load_program

SIZES = (250, 1000, 4000)
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Size and seed → model from so many frames."""
    made = {}
    for frames in SIZES:
        for seed in SEEDS:
            folder = tmp_path_factory.mktemp(f"oracle-{frames}-{seed}")
            write_dataset(folder, frames, seed)
            write_prior(folder)
            made[frames, seed] = force_matched(folder)
    return made


def test_error_of_learnt_forces_falls_with_the_root_of_the_frames(models: dict):
    """Slope −0.5 ± 0.1 on a log–log plot, and at most 3 % at the largest size.

    Detects biased labels, wrong units, leaks of noise into the fit, and a fit that stops early.
    """
    errors = {n: np.sqrt(np.mean([relative_error(models[n, seed]) ** 2 for seed in SEEDS])) for n in SIZES}
    slope = np.polyfit(np.log(SIZES), np.log([errors[n] for n in SIZES]), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1), errors
    assert errors[SIZES[-1]] <= 0.03


def test_lammps_samples_the_exact_bonds_and_angles(models: dict, tmp_path: Path):
    """The exported program in LAMMPS: mean and variance of bonds and of cos θ as in the exact ensemble, within 3 σ.

    σ from 16 blocks of the run. Detects a wrong thermostat or unit anywhere between the frames and the dynamics.
    """
    field = load_program(export_to(tmp_path / "export", models[SIZES[-1], 0], [chain.BEADS])).bind(TOPOLOGY)
    plan = Plan(
        title="oracle",
        steps=24000,
        save_every=20,
        temperature=chain.TEMPERATURE,
        timestep=4.0,
        damping=0.1,
        velocity_seed=3,
        noise_seed=4,
    )
    nothing = BondWatch(np.zeros(chain.BEADS - 1, bool), np.zeros(0), 1.0)
    start = chain.sample(1, 5).R[0, 1::3]
    outcome = run_chain(tmp_path, plan, start, TOPOLOGY, vocabulary("residues"), field, nothing)
    assert outcome.death is None
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        frames = file.read()[0].astype(float)[-1184:]
    exact, found = coordinates(chain.sample(20000, 6).R[:, 1::3]), coordinates(frames)
    for name, values in found.items():
        centre = exact[name].mean()
        for power, what in ((1, "mean"), (2, "variance")):
            moments = np.mean((values - centre) ** power, axis=1).reshape(16, -1).mean(axis=1)
            error = moments.std(ddof=1) / np.sqrt(len(moments))
            assert abs(moments.mean() - np.mean((exact[name] - centre) ** power)) < 3 * error, (name, what)


def coordinates(R: np.ndarray) -> dict[str, np.ndarray]:
    """Bond lengths and cosines of angles of every frame."""
    u = np.diff(R, axis=1)
    length = np.linalg.norm(u, axis=-1)
    unit = u / length[..., None]
    return {"bond": length, "cosine": -np.sum(unit[:, :-1] * unit[:, 1:], axis=-1)}
