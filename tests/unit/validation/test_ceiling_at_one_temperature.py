"""The ceiling of R² of frames at several temperatures, with made-up predictions; cannot tell how good it is."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from synthetic_program import bonded_potential, chain_projection, write_dataset

from cgpipe.config.slices import ValidateSettings
from cgpipe.data.mean_forces import MeanForces
from cgpipe.data.store import open_dataset
from cgpipe.deploy.program import Program
from cgpipe.validation import forces


@pytest.mark.parametrize("tested", [(320.0, 348.0), (348.0,)])
def test_noise_forces_and_share_are_of_one_temperature(tmp_path, monkeypatch, tested):
    """Detects noise of one temperature against forces of all, and a share where no test frame has that temperature."""
    made = chain_projection(6, frames=60)
    made.F[made.temperature == 348.0] *= 10
    test = made.take(np.flatnonzero(np.isin(made.temperature, tested)))
    write_dataset(tmp_path / "d.h5", [test])
    monkeypatch.setattr(forces, "forces_at", lambda program, members, t, R, topology: (t == 320.0) * F_at_320(made, R))
    monkeypatch.setattr(forces, "prior_forces", lambda prior, R, *_: np.zeros(R.shape))
    bonds = SimpleNamespace(forces=lambda R, topology: np.zeros(R.shape))
    monkeypatch.setattr(forces, "bonds_of_training_frames", lambda *_: bonds)
    F = made.of_temperature(320.0).F.astype(float)
    noise = np.full((5, 6, 3), 25.0)
    labels = MeanForces(np.zeros_like(noise), noise, noise, noise, 320.0, made.residue_name)
    settings = ValidateSettings.model_construct(validate_=SimpleNamespace(bootstrap=20))
    program, random = Program({"temperature": 348.0}, Path("model.json")), np.random.default_rng(0)
    with open_dataset(tmp_path / "d.h5") as dataset:
        prior = bonded_potential(8).prior
        found, _ = forces.evaluate_forces(made, dataset, prior, program, settings, labels, random)
    ceiling = 1 - 25 / np.mean(F**2)
    assert found["force_r2_max"] == pytest.approx(ceiling, abs=1e-6)
    expected = pytest.approx(0.75 / ceiling, abs=1e-6) if 320.0 in tested else None
    assert found["force_r2_of_max"] == expected


def F_at_320(made, R):
    """Half of the labels of the frames at 320 K."""
    own = made.of_temperature(320.0)
    return 0.5 * own.F.astype(float) if len(R) == len(own) else np.zeros(R.shape)
