"""The projection of the demo's real MD: measured noise, and whether the projected forces are mean forces at all.

The stages run as the workflow runs them. Cannot detect errors that leave the mean force and the noise as they are, such
as frames in another order.
"""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cgpipe.config.slices import ProjectSettings
from cgpipe.data.projection import read_projection
from cgpipe.project import main


def project(demo_data: Path, out: Path, protein: str, kind: str = "optimal", temperatures=(348,), **source):
    chosen = ProjectSettings(
        protein={
            "source": "mdcath",
            "path": str(demo_data / f"mdcath_dataset_{protein}.h5"),
            "temperatures": temperatures,
            **source,
        },
        species={},
        project={"map": kind},
    )
    arguments = ["--settings", chosen.model_dump_json(), "--protein", protein, "--out", str(out)]
    assert main(arguments) == 0
    return read_projection(out)


KINDS = ("optimal", "window", "auto", "uniform", "slice")


@pytest.fixture(scope="module")
def cln025(demo_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cln025")
    return {kind: project(demo_data, folder / f"{kind}.h5", "cln025", kind) for kind in KINDS}


def test_noise_on_cln025(cln025):
    # detects a wrong map, wrong constraints or units; known values [kcal/mol/Å]
    quality = cln025["optimal"].quality
    assert quality["rms"]["slice"] == pytest.approx(28.1, abs=0.1)
    assert quality["rms"]["uniform"] == pytest.approx(26.4, abs=0.1)
    assert quality["rms"]["optimal"] == pytest.approx(12.70, abs=0.02)
    assert 12.75 < quality["rms_heldout"]["optimal"] < 13.2
    heldout = cln025["auto"].quality["rms_heldout"]
    assert heldout["window"] == pytest.approx(12.80, abs=0.03)
    assert min(heldout.values()) <= 12.9
    for projection in cln025.values():
        used = projection.quality["map"]
        assert np.sqrt((projection.F.astype(float) ** 2).mean()) == pytest.approx(
            projection.quality["rms_heldout"][used], rel=1e-5
        )


def test_auto_takes_the_window_at_a_hundred_frames(demo_data, tmp_path):
    # detects a choice by the RMS in sample; known: window 13.3, optimal 15.1 held out at 100 frames
    quality = project(demo_data, tmp_path / "c.h5", "cln025", "auto", stride=27).quality
    assert quality["frames"] == 104
    assert quality["map"] == "window"
    assert quality["rms"]["optimal"] < quality["rms"]["window"]
    assert 12.6 < quality["rms_heldout"]["window"] < 13.8
    assert quality["rms_heldout"]["optimal"] > quality["rms_heldout"]["window"] + 1.5


def test_noise_on_trpcage(demo_data, tmp_path):
    # as above; with 0.07 coefficients per row the held-out noise is clearly above the one in sample
    quality = project(demo_data, tmp_path / "t.h5", "trpcage", "auto").quality
    assert quality["rms"]["slice"] == pytest.approx(28.0, abs=0.1)
    assert quality["rms"]["uniform"] == pytest.approx(26.3, abs=0.1)
    assert quality["rms"]["optimal"] == pytest.approx(12.55, abs=0.05)
    assert 13.2 < quality["rms_heldout"]["optimal"] < 14.2
    assert quality["rms_heldout"]["window"] == pytest.approx(13.15, abs=0.1)
    assert quality["map"] == "window"


def test_constraints_of_the_topology_hold_in_the_frames(cln025):
    # detects wrong bonds: every bond to hydrogen was rigid in these runs, and no other
    quality = cln025["optimal"].quality
    assert quality["constraints_from_topology"] == 78
    assert quality["constraint_violation_max"] < 2e-3
    assert quality["notes"] == []


def test_a_run_without_those_constraints_in_mind_is_told(demo_data, tmp_path):
    # detects a check of constraints that never speaks
    chosen = ProjectSettings(
        protein={"source": "mdcath", "path": str(demo_data / "mdcath_dataset_cln025.h5"), "replicas": (0,)},
        species={},
        project={"map": "uniform", "constraints": "none"},
    )
    main(["--settings", chosen.model_dump_json(), "--protein", "c", "--out", str(tmp_path / "c.h5")])
    assert "78 of 180 bonds taken as flexible are rigid" in read_projection(tmp_path / "c.h5").quality["notes"][0]


def test_all_temperatures_are_fitted_together(demo_data, tmp_path):
    # detects figures by temperature that are mixed up: 320 K has 150 frames
    projection = project(demo_data, tmp_path / "all.h5", "cln025", temperatures=())
    assert projection.quality["frames"] == 2875
    assert set(projection.quality["rms_heldout_by_temperature"]) == {"320", "348"}
    assert projection.reference_temperature() == 348.0
    assert len(projection.of_temperature(320.0)) == 150


def test_atoms_of_the_map_are_the_alpha_carbons(cln025, demo_data):
    # detects a cap's carbon in place of a Cα, and columns of W in another order than the atoms
    projection = cln025["optimal"]
    columns = [i for i, name in enumerate(projection.atom_name) if name == "CA"]
    assert np.array_equal(projection.W[:, columns], np.eye(10))
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as file:
        assert np.array_equal(projection.R[:5], file["cln025/348/0/coords"][:5][:, columns])
    assert "".join(projection.residue_name) == "TYRTYRASPPROGLUTHRGLYTHRTRPTYR"


@pytest.mark.parametrize("kind", ["optimal", "window"])
@pytest.mark.parametrize("separation", ["1", "2", "3"])
def test_optimal_forces_obey_yvon_born_green(cln025, kind, separation):
    # detects wrong signs, units, constraints or coefficients: the identity is exact for mean forces in equilibrium
    pair = cln025[kind].quality["yvon_born_green"][separation]
    assert pair["error"] < 0.12
    assert abs(pair["difference"]) < 3 * pair["error"]


def test_slice_forces_are_biased(cln025):
    # detects a test that could not fail: the force on the Cα alone misses what constraints carry
    pair, optimal = (cln025[kind].quality["yvon_born_green"]["1"] for kind in ("slice", "optimal"))
    assert pair["difference"] < -2 * pair["error"]
    assert abs(pair["difference"]) > 2 * abs(optimal["difference"])


def test_few_frames_are_refused(demo_data, tmp_path):
    # detects the guard failing on real sizes: 87 coefficients, 3 × 86 rows at stride 32
    chosen = ProjectSettings(
        protein={"source": "mdcath", "path": str(demo_data / "mdcath_dataset_cln025.h5"), "stride": 32},
        species={},
        project={"map": "optimal"},
    )
    arguments = ["--settings", json.dumps(chosen.model_dump()), "--protein", "c", "--out", str(tmp_path / "c.h5")]
    with pytest.raises(ValueError, match=r"c: 87 free coefficients .*above project\.max_overfit 0\.3"):
        main(arguments)
    assert not (tmp_path / "c.h5").exists()
