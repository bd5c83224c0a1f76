"""The stage stability on untrained models, and the shares of frames that look unlike the data."""

import json
from pathlib import Path

import equinox as eqx
import numpy as np
import pytest
from synthetic_program import (
    bonded_potential,
    chain_positions,
    chain_projection,
    chain_topology,
    export_to,
    tiny_potential,
    write_dataset,
)

from cgpipe import stability
from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.model.serialise import save_model
from cgpipe.validation.unseen import unseen_shares

BEADS = 6


def test_stage_writes_what_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Detects conditions left out, and a time step of the simulations that is not on the ladder."""
    potential = tiny_potential(BEADS - 1)
    export_to(tmp_path / "export", potential, [BEADS])
    projection = chain_projection(BEADS, frames=20)
    write_projection(tmp_path / "made.h5", projection, header("projection", {}, {}))
    write_dataset(tmp_path / "dataset.h5", [projection])
    save_model(tmp_path / "seed-0" / "model.eqx", potential, header("model", {}, {}), {})
    how = {
        "replicas": 2, "picoseconds": 0.5, "temperatures": [300.0, 500.0], "timesteps": [8.0],
        "free_timesteps": [2.0, 4.0],
    }  # fmt: skip
    settings = {"stability": how, "timestep": 5.0, "damping": 1.0, "bond_tolerance": 1000.0}
    out = tmp_path / "stability.json"
    arguments = {
        "--settings": json.dumps(settings), "--program": tmp_path / "export" / "model.json", "--out": out,
        "--projection": tmp_path / "made.h5", "--dataset": tmp_path / "dataset.h5",
        "--models": tmp_path / "seed-0" / "model.eqx",
    }  # fmt: skip
    assert stability.main([str(part) for pair in arguments.items() for part in pair]) == 0
    found = read_json(out, "stability")
    assert [one["temperature"] for one in found["temperatures"]] == [300.0, 500.0]
    assert [one["timestep"] for one in found["ladder"]] == [5.0, 8.0]
    assert [one["timestep"] for one in found["free"]] == [2.0, 4.0]
    assert all(one["survived"] == 2 and one["uncertain"] is None for one in found["temperatures"])
    assert len(found["ladder"][0]["beads"]) == BEADS
    assert set(found["cgpipe"]["inputs"]) == {"program", "projection", "dataset", "seed-0"}
    assert "at 500 K: 2 of 2 survive" in capsys.readouterr().out


def test_frames_unlike_the_data_are_counted():
    """1 % of frames like the test frames, all of what is squeezed; detects shares of other frames, and a lost limit."""
    one = bonded_potential(BEADS - 1)
    other = eqx.tree_at(lambda p: p.network.type_scale, one, replace_fn=lambda scale: 1.5 * scale)
    like, more = (np.stack([chain_positions(BEADS, seed + n) for n in range(200)]) for seed in (0, 200))
    apart = 1.6 * like
    ensembles = {"like": more, "apart": apart, "none": like[:0]}
    limit, shares = unseen_shares([one, other], chain_topology(BEADS), like, ensembles)
    assert limit is not None and limit > 0
    assert shares["like"]["uncertain"] < 0.05 and shares["like"]["outside"] < 0.9
    # far outside nobody knows anything: the members agree, and the other share says why
    assert shares["apart"] == {"uncertain": 0.0, "outside": 1.0}
    assert shares["none"] == {"uncertain": None, "outside": None}
    assert unseen_shares([one, other], chain_topology(BEADS), like[:10], ensembles)[0] is None
    doubtful = eqx.tree_at(lambda p: p.prior, one, None), eqx.tree_at(lambda p: p.prior, other, None)
    _, shares = unseen_shares(doubtful, chain_topology(BEADS), like, {"squeezed": 0.8 * like})
    assert shares["squeezed"]["uncertain"] > 0.5 and shares["squeezed"]["outside"] == 0.0
