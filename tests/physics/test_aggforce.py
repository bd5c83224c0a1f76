"""The built-in optimal map against aggforce: a stored result always, the package itself where it is installed.

Cannot detect an error that aggforce shares.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from cgpipe.data.projection import read_projection
from cgpipe.physics import aggforce_engine
from cgpipe.project import main
from cgpipe.stage import run

STORED = Path(__file__).with_name("aggforce_maps.npz")
"""Coefficients that aggforce 9385a3a gives for the rigid groups (a column per group), and the beads they belong to."""

REPLICAS = {"cln025": [0], "trpcage": [0, 1, 2]}

installed = pytest.mark.skipif(
    importlib.util.find_spec("aggforce") is None,
    reason=f'needs the package aggforce: pip install "aggforce @ {aggforce_engine.SOURCE}"',
)


def arguments(demo_data, out, protein, **project):
    chosen = {
        "protein": {
            "source": "mdcath",
            "path": str(demo_data / f"mdcath_dataset_{protein}.h5"),
            "temperatures": [348],
            "replicas": REPLICAS[protein],
        },
        "species": {},
        "project": {"map": "optimal", **project},
    }
    return ["--settings", json.dumps(chosen), "--protein", protein, "--out", str(out)]


@pytest.mark.parametrize("protein", REPLICAS)
def test_stored_maps(demo_data, tmp_path, protein):
    # detects any change of the built-in map, its constraints or its beads: to 1e-9 of the largest coefficient
    assert main(arguments(demo_data, tmp_path / "p.h5", protein)) == 0
    W = read_projection(tmp_path / "p.h5").W
    with np.load(STORED) as stored:
        beads, expected = stored[f"{protein}_beads"], stored[protein]
    distinct = np.unique(W, axis=1)
    assert distinct.shape[1] == expected.shape[1]
    order = [int(np.argmin(np.abs(W[beads] - column[:, None]).max(axis=0))) for column in expected.T]
    assert np.abs(W[beads][:, order] - expected).max() < 1e-9 * np.abs(expected).max()
    # every atom's column is one of the stored ones, in the order of the groups' first atoms
    first = np.sort(np.unique(W, axis=1, return_index=True)[1])
    assert np.abs(W[beads][:, first] - expected).max() < 1e-9 * np.abs(expected).max()


@installed
@pytest.mark.parametrize(("protein", "ridge"), [("cln025", 0.0), ("trpcage", 0.0), ("cln025", 30.0)])
def test_aggforce_gives_the_same_map(demo_data, tmp_path, protein, ridge):
    # detects a wrong map, a wrong normalisation of the ridge, and an engine that is recorded but did not run
    made = {}
    for engine in ("builtin", "aggforce"):
        assert main(arguments(demo_data, tmp_path / f"{engine}.h5", protein, engine=engine, ridge=ridge)) == 0
        made[engine] = read_projection(tmp_path / f"{engine}.h5")
    ours, theirs = made["builtin"], made["aggforce"]
    difference = np.abs(ours.W - theirs.W).max() / np.abs(ours.W).max()
    assert 0.0 < difference < 1e-9
    assert theirs.quality["engine_deviation"] == pytest.approx(difference, rel=1e-6)
    assert theirs.quality["engine"].startswith("aggforce")
    assert ours.quality["engine"] == "builtin"
    assert np.allclose(ours.F, theirs.F, atol=1e-4)


def test_without_the_package(demo_data, tmp_path, monkeypatch, capsys):
    # detects a traceback, or a silent change of engine, where aggforce is not installed
    monkeypatch.setattr(aggforce_engine.importlib.util, "find_spec", lambda name: None)
    assert run(main, arguments(demo_data, tmp_path / "p.h5", "cln025", engine="aggforce")) == 2
    error = capsys.readouterr().err
    assert "project.engine: aggforce" in error
    assert "pip install" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "p.h5").exists()


def test_other_maps_are_not_its_business(demo_data, tmp_path, capsys):
    # detects an engine that is ignored
    assert run(main, arguments(demo_data, tmp_path / "p.h5", "cln025", engine="aggforce", map="auto")) == 2
    assert "engine aggforce has no map 'auto'" in capsys.readouterr().err
