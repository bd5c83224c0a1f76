"""Suspects that were planted are found with their origin, and the figures of merit are those of their definitions.

Cannot detect whether a suspect is a mistake of the source or real.
"""

import json

import numpy as np
import pytest
from test_projection import projection

from cgpipe.data.diagnostics import Diagnostics, complaint
from cgpipe.data.species import vocabulary
from cgpipe.data.store import ProteinBeads

FRAMES, BEADS = 200, 6


def chain(residues=("ALA", "GLY", "ALA", "TRP", "GLY", "ALA")):
    rows = np.arange(len(residues), dtype=np.int32)
    kinds = np.array([vocabulary("residues").species(r) for r in residues], np.int32)
    return ProteinBeads("p", residues, kinds, np.zeros_like(rows), rows, ("320/0", "348/0"))


def look(R, F, **origin):
    """Findings of one protein; half its frames in each of two trajectories."""
    half = FRAMES // 2
    places = {
        "trajectory": np.repeat([0, 1], half).astype(np.int32),
        "frame": np.tile(2 * np.arange(half), 2).astype(np.int32),
        "split": np.zeros(FRAMES, np.int32),
    }
    diagnostics = Diagnostics()
    diagnostics.add(chain(), R.astype(np.float32), F.astype(np.float32), places | origin)
    found = diagnostics.findings()
    json.dumps(found, allow_nan=False)
    return found, found["proteins"]["p"]


def data(seed=0):
    random = np.random.default_rng(seed)
    start = np.stack([3.0 * np.arange(BEADS), 2.4 * (np.arange(BEADS) % 2), np.zeros(BEADS)], axis=-1)
    return start + random.normal(0, 0.1, (FRAMES, BEADS, 3)), random.normal(0, 9, (FRAMES, BEADS, 3))


def test_clean_data_have_no_suspects():
    # detects a threshold that ordinary noise reaches
    found, _ = look(*data())
    assert set(found["suspects"].values()) == {0}
    assert complaint(found["suspects"]) == ""


def test_planted_suspects_are_found_where_they_are():
    # detects suspects that are missed, and names of the wrong frame, trajectory or bead
    R, F = data()
    F[130, 3] *= 100
    R[150], R[90] = R[20], R[21]
    F[:, 5] = 0.25
    split = np.zeros(FRAMES, np.int32)
    split[150] = 2
    found, p = look(R, F, split=split)
    worst = p["outliers"]["worst"]
    assert p["outliers"]["count"] == len(worst) == 1
    assert (worst[0]["trajectory"], worst[0]["frame"], worst[0]["bead"], worst[0]["residue"]) == (
        "348/0", 60, 3, "TRP",
    )  # fmt: skip
    assert worst[0]["force"] == pytest.approx(np.linalg.norm(F[130, 3]), rel=1e-5)
    assert p["duplicates"]["count"] == 2 and p["duplicates"]["across_sets"] == 1
    assert p["duplicates"]["first"][1] == {
        "trajectory": "348/0", "frame": 100, "equals": {"trajectory": "320/0", "frame": 40},
    }  # fmt: skip
    assert p["frozen"] == [5]
    assert found["suspects"] == {"outliers": 1, "duplicates": 2, "duplicates_across_sets": 1, "frozen": 1}
    assert "1 forces" in complaint(found["suspects"]) and "1 of them in another set" in complaint(found["suspects"])


def test_frozen_place():
    # detects a frozen bead that goes unseen because its force varies
    R, F = data()
    R[:, 2] = R[0, 2]
    assert look(R, F)[1]["frozen"] == [2]


def test_sizes_of_forces():
    # detects norms instead of components, residues mixed up, and sets mixed up
    R, F = data()
    split = (np.arange(FRAMES) % 2).astype(np.int32)
    found, p = look(R, F, split=split)
    assert p["force_rms"] == pytest.approx(np.sqrt((F**2).mean()), rel=1e-5)
    assert p["net_force_rms"] == pytest.approx(np.sqrt((F.sum(axis=1) ** 2).mean()), rel=1e-5)
    centred = R - R.mean(axis=1, keepdims=True)
    assert p["net_torque_rms"] == pytest.approx(np.sqrt((np.cross(centred, F).sum(axis=1) ** 2).mean()), rel=1e-4)
    assert found["residues"]["TRP"]["force_rms"] == pytest.approx(np.sqrt((F[:, 3] ** 2).mean()), rel=1e-5)
    assert found["residues"]["ALA"]["samples"] == 3 * FRAMES
    assert found["loss_without_model"]["val"] == pytest.approx((F[1::2] ** 2).mean(), rel=1e-5)
    assert found["loss_without_model"]["test"] is None
    assert sum(found["magnitudes"]["counts"]) == FRAMES * BEADS
    bonds = np.linalg.norm(np.diff(R, axis=1), axis=-1)
    assert p["bonds"][::4] == pytest.approx([bonds.min(), bonds.max()], rel=1e-5)
    assert p["angles"][2] == pytest.approx(np.degrees(2 * np.arctan2(3.0, 2.4)), abs=2)


def test_memory_of_labels_that_turn_with_the_chain():
    # detects correlations across trajectories or in fixed axes, and lags counted in rows
    random = np.random.default_rng(3)
    start = data()[0][0]
    x = np.zeros((FRAMES, BEADS, 3))
    for t in range(FRAMES):
        fresh = random.normal(size=(BEADS, 3))
        x[t] = fresh if t % 100 == 0 else 0.8 * x[t - 1] + 0.6 * fresh
    turns = np.linalg.qr(random.normal(size=(FRAMES, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    R, F = np.einsum("bc,tdc->tbd", start, turns), np.einsum("tbc,tdc->tbd", x, turns)
    memory = look(R, F)[1]["autocorrelation"]
    assert memory["frames"][:4] == [2, 4, 6, 10]
    assert memory["correlation"][:3] == pytest.approx([0.8, 0.64, 0.512], abs=0.12)


def test_short_chains_and_few_frames():
    # detects a crash where there is nothing to measure
    made = projection("p", frames=3, beads=1)
    one = ProteinBeads("p", ("ALA",), made.chain, made.chain, made.residue, made.trajectories)
    diagnostics = Diagnostics()
    origin = {"trajectory": made.trajectory, "frame": made.frame, "split": np.zeros(3, np.int32)}
    diagnostics.add(one, made.R, made.F, origin)
    p = diagnostics.findings()["proteins"]["p"]
    assert p["bonds"] is p["angles"] is p["autocorrelation"] is None
