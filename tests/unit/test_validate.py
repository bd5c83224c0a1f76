"""The validate stage on made-up artefacts: are the right things compared, and is what is missing or broken told?

Numbers themselves are tested where they are computed; nothing here says whether a model is good.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from synthetic_run import NATIVE, REPLICAS, VALIDATE, run_validate, write_mean_forces, write_simulation

from cgpipe import validate
from cgpipe.artefact import sha256
from cgpipe.data.projection import read_projection
from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.physics.observables import bond_lengths, rmsd
from cgpipe.reporting.lights import Light
from cgpipe.reporting.verdict import verdict
from cgpipe.stage import run


@pytest.fixture
def mine(made_run: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made_run, tmp_path / "run"))


def read(folder: Path, name: str = "alpha") -> dict:
    return json.loads((folder / "validate" / f"{name}.json").read_text())


def test_no_force_explains_nothing_and_has_the_labels_rms(made_run: Path):
    """Detects baselines on other frames than the model's, and an R² about a mean."""
    v = read(made_run)
    assert v["zero_force_r2"] == 0.0 and v["zero_force_rmse"] == pytest.approx(v["force_label_rms"])
    assert v["force_r2_gain"] == pytest.approx(v["force_r2"] - v["prior_force_r2"])
    assert v["force_r2_gain_interval"][0] <= v["force_r2_gain"] <= v["force_r2_gain_interval"][1]
    assert v["prior_force_rmse"] != v["force_rmse"]


def test_a_death_is_counted_and_its_broken_frames_left_out(made_run: Path):
    """Detects a dead replica that counts as alive, NaN in the results, and frames after the first broken one."""
    v = read(made_run)
    assert (v["replicas"], v["replicas_survived"]) == (REPLICAS, REPLICAS - 1)
    assert v["simulated_ps"] == pytest.approx(49.5)
    assert [record["broken_frames"] for record in v["replica_records"]] == [0, 0, 2]
    assert v["frames_simulated"] == 2 * (41 - 8) + (19 - 3)
    assert v["max_bond_deviation"] == 3.0
    assert v["curves"]["survival"]["alive"][-1] == pytest.approx(2 / 3)


def test_structure_is_measured_to_the_native_structure(made_run: Path):
    """Detects another native structure than the given one, e.g. the first frame, and reference frames that are lost."""
    v = read(made_run)
    projection = read_projection(made_run / "project" / "alpha.h5")
    expected = rmsd(projection.R, projection.R[NATIVE])
    assert v["rmsd_reference_mean"] == pytest.approx(expected.mean(), rel=1e-4)
    assert v["frames_reference"] == len(projection) and v["native"] == str(made_run / "native.pdb")
    assert v["cgpipe"]["inputs"]["native structure"]["sha256"] == sha256(made_run / "native.pdb")
    topology = Topology(projection.chain, projection.chain, projection.residue, np.ones(8, bool))
    assert v["bond_reference_mean"] == pytest.approx(bond_lengths(projection.R, topology).mean(), rel=1e-4)


def test_model_and_prior_alone_stand_side_by_side(made_run: Path):
    """Detects free energies of the model without those of the prior alone, slow coordinates and the fold included."""
    v = read(made_run)
    for quantity in ("bond", "angle", "dihedral", "rg", "rmsd", "native_contacts", "tica"):
        assert v[f"free_energy_{quantity}"] >= 0 and v[f"free_energy_{quantity}_prior"] >= 0
        assert {
            f"js_{quantity}_prior",
            f"free_energy_{quantity}_prior_interval",
            f"free_energy_{quantity}_between",
        } <= set(v)
    assert 0 <= v["folded_prior"] <= 1 and "fold_free_energy_difference_prior_interval" in v
    assert len(v["folded_by_run"]) == 4
    assert not [key for key in read(made_run, "beta") if key.startswith("fold")]


def test_the_ceiling_comes_from_held_beads_where_there_are_any(made_run: Path):
    """Detects two numbers for one ceiling: mean forces with the scatter of single labels (8.0 here) give the noise."""
    v = read(made_run)
    assert v["force_r2_max_from"] == "held beads" and v["label_noise"] == pytest.approx(8.0)
    F = read_projection(made_run / "project" / "alpha.h5").F
    assert v["force_r2_max"] == pytest.approx(1 - 64 / np.mean(F.astype(float) ** 2), abs=1e-6)
    assert read(made_run, "beta")["force_r2_max_from"] in (None, "neighbouring frames")


def test_without_a_native_structure_nothing_is_measured_to_it(made_run: Path):
    """Detects RMSD and native contacts to a structure that nobody gave."""
    v = read(made_run, "beta")
    assert v["native"] is None and v["curves"]["map"] is None
    assert not [key for key in v if "rmsd" in key or "native_contacts" in key]
    assert not {"rmsd", "native_contacts"} & set(v["curves"]["distributions"])
    assert set(v["curves"]["series"][0]) == {"time", "rg"}
    assert len(v["curves"]["overlay"]["onto"]) == 6


def test_a_simulation_at_another_temperature_than_the_reference_is_told(mine: Path):
    """Detects a comparison of two temperatures that passes for one; both numbers are there, and nothing is judged."""
    for replica in range(REPLICAS):
        write_simulation(mine / f"simulate/alpha/best/{replica}", "alpha", 8, replica, temperature=300.0)
    v = run_validate(mine, "alpha")
    assert (v["temperature"], v["reference_temperature"]) == (300.0, 348.0)
    findings = {finding.title: finding for finding in verdict({"alpha": v})}
    assert findings["Structure"].light is findings["Fold"].light is Light.UNKNOWN
    assert "another temperature than the simulations: alpha (300 against 348 K)" in findings["Structure"].text


def test_equal_ensembles_diverge_as_little_as_the_halves_of_the_reference(made_run: Path):
    """Detects simulation and reference binned differently: here they are drawn from the same distribution."""
    v = read(made_run)
    for quantity in ("bond", "angle", "rg"):
        assert v[f"js_{quantity}"] < 0.05 and abs(v[f"js_{quantity}_split_half"]) < 0.05
    assert v["js_dihedral_mirrored"] > v["js_dihedral"]


def test_same_artefacts_give_the_same_bytes(mine: Path):
    """Detects a bootstrap without a fixed seed."""
    before = (mine / "validate" / "beta.json").read_text()
    # the paths of the inputs are in the header
    assert run_validate(mine, "beta")["curves"] == json.loads(before)["curves"]


def test_a_replica_that_dies_at_once_leaves_nothing_to_compare(mine: Path):
    """Detects a crash or a perfect score where no frame was simulated."""
    for replica in range(REPLICAS):
        write_simulation(mine / f"simulate/alpha/best/{replica}", "alpha", 8, 2, frames=2, picoseconds=0.0)
    v = run_validate(mine, "alpha")
    assert v["js_bond"] is None and v["frames_simulated"] == 0 and v["death_rate_bound"] is None
    assert v["js_bond_split_half"] is not None


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "simulate/alpha/best/1/traj.dcd").unlink(), "1/traj.dcd: no such file"),
        (lambda run: (run / "simulate/alpha/best/1/traj.dcd").write_bytes(b"nothing"), "cannot be read as DCD"),
        (lambda run: write_simulation(run / "simulate/alpha/best/1", "alpha", 7, 1), "7 beads, but alpha has 8"),
        (lambda run: write_simulation(run / "simulate/alpha/best/1", "beta", 8, 1), "simulation of beta, not of alpha"),
        (lambda run: write_simulation(run / "simulate/alpha/best/1", "alpha", 8, 1, temperature=300.0), "temperatures"),
        (lambda run: (run / "prior/prior.json").unlink(), "prior.json: no such file"),
        (lambda run: (run / "project/alpha.h5").write_bytes(b"nothing"), "alpha.h5: cannot be read as HDF5"),
    ],
)
def test_missing_or_foreign_files_are_named(mine: Path, spoil, message: str):
    """Detects a traceback, or silence, where the user can act."""
    spoil(mine)
    with pytest.raises(UserError, match=message):
        run_validate(mine, "alpha")


def test_an_unknown_setting_is_refused_with_exit_code_2(capsys: pytest.CaptureFixture[str]):
    """Detects settings that are ignored."""
    settings = {**VALIDATE, "bin": 3}
    flags = ("--projection", "--dataset", "--prior", "--program", "--models", "--out", "--simulations")
    arguments = [part for flag in flags for part in (flag, "none")]
    assert run(validate.main, ["--settings", json.dumps(settings), *arguments]) == 2
    assert "bin" in capsys.readouterr().err


def test_every_model_meets_the_mean_forces(made_run: Path):
    """Detects a seed left out, and network alone that is not full − prior."""
    v = read(made_run)
    assert v["mean_force_models"] == ["bonds", "prior", "network", "full", "seed-0", "seed-1"]
    assert v["mean_force_configurations"] == 12
    assert v["mean_force_seed-0_r2"] == pytest.approx(v["mean_force_full_r2"], abs=1e-4)  # all are the same model
    low, high = v["mean_force_full_r2_beyond_bonds_interval"]
    assert low <= v["mean_force_full_r2_beyond_bonds"] <= high
    assert len(v["curves"]["mean_force"]["reference"]) == 12 * 8 * 3
    assert read(made_run, "beta")["mean_force_configurations"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": np.full(12, 300.0)}, "mean forces at 300 K, but alpha has frames at 348 K"),
        ({"resname": np.array(["GLY"] * 8)}, "mean forces of GLY-GLY"),
    ],
)
def test_mean_forces_of_something_else_are_refused(mine: Path, changes: dict, message: str):
    """Detects labels of another protein or temperature."""
    write_mean_forces(mine / "meanforce.npz", **changes)
    with pytest.raises(UserError, match=message):
        run_validate(mine, "alpha")


def test_configurations_of_runs_that_are_trained_on_are_scored_apart(made_run: Path):
    """Detects both numbers taken from all configurations, and metrics that one of them lacks."""
    v = read(made_run)
    seen, unseen = v["mean_force_seen_configurations"], v["mean_force_unseen_configurations"]
    assert (seen, unseen) == (1, 11) and v["mean_force_unseen_runs"] == ["348/4"]
    for metric in ("r2", "r2_beyond_bonds", "r2_beyond_bonds_corrected"):
        values = [v[f"mean_force_{group}full_{metric}"] for group in ("", "seen_", "unseen_")]
        assert len(set(values)) == 3
        low, high = v[f"mean_force_unseen_full_{metric}_interval"]
        assert low <= values[2] <= high and v[f"mean_force_seen_full_{metric}_interval"] is None
    assert v["mean_force_unseen_full_over_prior_r2_gain_interval"] is not None
    squares = [v[f"mean_force_{group}rms"] ** 2 for group in ("seen_", "unseen_")]
    assert (squares[0] + 11 * squares[1]) / 12 == pytest.approx(v["mean_force_rms"] ** 2)
