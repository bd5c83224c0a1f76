"""How the stage divides proteins by default, and what it writes down; which runs it chooses is tested beside this."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from dataset_runs import arguments
from test_projection import projection
from test_runs import made

from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.dataset import main
from cgpipe.errors import UserError

MEASURED = {"block_frames": None, "gap_frames": None}


def write(folder, name, *visited, temperatures=None):
    """A protein whose runs visit known conformations, at a temperature for each where they are given."""
    R, trajectory = made(*visited)
    several = projection(name, frames=len(R), beads=R.shape[1])
    runs = replace(
        several,
        R=R.astype(np.float32),
        temperature=np.array(temperatures or [348.0] * len(visited), np.float32)[trajectory],
        trajectories=tuple(f"348/{number}" for number in range(len(visited))),
        trajectory=trajectory.astype(np.int32),
        frame=np.concatenate([np.arange((trajectory == n).sum(), dtype=np.int32) for n in range(len(visited))]),
    )
    write_projection(folder / f"{name}.h5", runs, header("projection", {}, {}))
    return folder / f"{name}.h5"


def divided(folder, *files, temperature="single", **changes):
    given = arguments(folder, files, **changes)
    given[1] = json.dumps(json.loads(given[1]) | {"temperature": temperature})
    assert main(given) == 0
    return read_json(folder / "d.json", "dataset-summary")


def test_whole_runs_by_default_whatever_other_proteins_there_are(tmp_path):
    """Detects blocks where runs cover each other, a record that is not what was done, and runs of a protein that move
    when another one is added."""
    first = write(tmp_path, "a", [0], [0], [1], [1], [1, 0])
    alone = divided(tmp_path, first)
    record = alone["statistics"]["proteins"]["a"]["division"]
    assert record["by"] == "runs" and record["why_not_runs"] is record["block_frames"] is None
    (test,), (validation,) = record["test_runs"], record["validation_runs"]
    sets = {name: {block["split"] for block in blocks} for name, blocks in alone["splits"]["a"].items()}
    assert {name for name, own in sets.items() if own == {"test"}} == {test}
    assert {name for name, own in sets.items() if own == {"val"}} == {validation}
    assert record["nearest"] == record["nearest_of_other_runs"] > 0
    both = divided(tmp_path, write(tmp_path, "b", [2], [3]), first)
    assert both["splits"]["a"] == alone["splits"]["a"]
    assert both["statistics"]["proteins"]["b"]["division"]["why_not_runs"] == "it has fewer than 3 runs"


def test_blocks_and_a_note_where_no_run_can_be_left_out(tmp_path, capsys):
    """Detects a conformation given up for a test set, and silence about it."""
    summary = divided(tmp_path, write(tmp_path, "a", [0], [1], [2], [3]), **MEASURED)
    record = summary["statistics"]["proteins"]["a"]["division"]
    assert record["by"] == "blocks" and record["test_runs"] == []
    assert record["blocks_independent"] and record["block_frames"] == np.ceil(5 * record["memory_frames"])
    assert record["nearest"] < 0.5 * record["nearest_of_other_runs"]
    assert "note: a: divided by blocks of time, because of its 4 runs none can be" in capsys.readouterr().err
    shares = summary["statistics"]["proteins"]["a"]["frames"]
    assert shares["val"] > 0 < shares["test"]


def test_runs_that_never_forget_are_cut_all_the_same_and_said_to_be_too_short(tmp_path, capsys):
    """Detects blocks that pass for independent where a run changes once from one state to another."""
    summary = divided(tmp_path, write(tmp_path, "a", [0, 1], [2, 3]), **MEASURED)
    record = summary["statistics"]["proteins"]["a"]["division"]
    assert record["block_frames"] == 12 and not record["blocks_independent"]
    assert "are too short for a memory of" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["blocks", "trajectories"])
def test_the_earlier_divisions_are_still_there(tmp_path, split):
    """Detects an explicit choice that is not obeyed: numbers for blocks, and runs drawn at random."""
    summary = divided(tmp_path, write(tmp_path, "a", [0], [1], [2], [3]), split=split)
    record = summary["statistics"]["proteins"]["a"]["division"]
    assert record["by"] == {"blocks": "blocks", "trajectories": "runs"}[split]
    blocks = summary["splits"]["a"]["a/348/0"]
    assert len(blocks) == {"blocks": 6, "trajectories": 1}[split]


def test_every_run_is_test_in_one_fold_and_trains_in_the_others(tmp_path):
    """Detects a run that no fold tests or two do, one that trains while it is tested, and folds without validation."""
    file = write(tmp_path, "a", [0], [1], [2], [3], [4])
    tested = []
    for number in (1, 2, 3):
        summary = divided(tmp_path, file, fold=f"{number}/3")
        sets = {name: {block["split"] for block in blocks} for name, blocks in summary["splits"]["a"].items()}
        assert list(sets) == [f"a/348/{run}" for run in range(5)]
        own = [name for name, found in sets.items() if "test" in found]
        assert [sets[name] for name in own] == [{"test"}] * len(own)
        assert own == summary["statistics"]["proteins"]["a"]["division"]["test_runs"]
        assert any("val" in found for found in sets.values())
        tested += own
    assert sorted(tested) == [f"a/348/{run}" for run in range(5)]


@pytest.mark.parametrize("number", [1, 2])
def test_a_fold_leaves_runs_of_every_temperature_in_training(tmp_path, number):
    """Detects a fold that tests all runs of one temperature, and trains on the other alone."""
    file = write(tmp_path, "a", [0], [0], [0], [0], temperatures=[320.0, 320.0, 348.0, 348.0])
    for seed in range(4):
        summary = divided(tmp_path, file, temperature="input", fold=f"{number}/2", split_seed=seed)
        tested = summary["statistics"]["proteins"]["a"]["division"]["test_runs"]
        assert [run in ("a/348/0", "a/348/1") for run in tested] == [True, False]


def test_a_temperature_without_training_frames_is_refused(tmp_path):
    """Detects the only run of a temperature left out in silence, and frames at it that another protein trains on
    refused; which numbers a model would give there is not seen."""
    only = write(tmp_path, "a", [0], [0], [0], temperatures=[320.0, 348.0, 348.0])
    at = {"temperature": "input"}
    refused = []
    for number in (1, 2):
        try:
            divided(tmp_path, only, **at, fold=f"{number}/2")
        except UserError as error:
            refused.append(str(error))
    assert len(refused) == 1
    assert re.match(r"a: dataset.fold ./2 leaves no training frames at 320 K, .* two or more runs at every", refused[0])
    other = write(tmp_path, "b", [1], [2], [3], [4], temperatures=[320.0, 320.0, 348.0, 348.0])
    for number in (1, 2):
        divided(tmp_path, only, other, **at, fold=f"{number}/2")


def test_one_run_makes_no_folds(tmp_path):
    """Detects advice that does not help where a protein's only run is the test."""
    file = write(tmp_path, "a", [0])
    with pytest.raises(UserError, match=r"no frames are left for train .* dataset.fold 1/2 leaves out whole runs"):
        divided(tmp_path, file, fold="1/2")
