"""What runs again after a change: exactly the stages that depend on it.

Results are placeholders recorded by ``snakemake --touch``, so these tests see Snakemake's decisions, not the stages.
"""

import json
import os
import re
import shutil

import pytest
from training_runs import lines_of, settings, write_inputs

BELOW_TRAIN = {"train", "ensemble", "export", "simulate", "validate", "stability", "report", "all"}
EVERYTHING = {"project", "dataset", "prior", *BELOW_TRAIN}
BELOW_SIMULATE = {"simulate", "validate", "report", "all"}
ENDURANCE = {"stability", "report", "all"}


def test_nothing_runs_twice(finished):
    """The same checkout again; also after a touch of a source and of a configuration file."""
    for file in ("src/cgpipe/physics/neighbours.py", "src/cgpipe/train.py", "config/demo.yaml"):
        os.utime(finished.path / file)
    assert not finished.plan()


KEYS = {
    "project={ridge: 0.5}": EVERYTHING,
    "training={clip: 3.0}": BELOW_TRAIN,
    "simulate={timestep: 2.0}": BELOW_SIMULATE | ENDURANCE,
    "simulate={picoseconds: 2.0}": BELOW_SIMULATE,
    "ensemble={select: dynamics}": BELOW_TRAIN - {"train"},
    "stability={picoseconds: 2.0}": ENDURANCE,
    "training={keep_checkpoints: 5, checkpoint_steps: 50, batch_per_device: 4, accumulate: 2}": set(),
    "cluster={gpus_per_node: 1, coordinator_port: 30000, modules: [CUDA]}": set(),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_reruns_the_stages_that_depend_on_it(finished, key):
    """That changed settings rerun a stage and all below it; which keys are in which settings, the unit tests say."""
    assert set(finished.plan("--config", key)) == KEYS[key]


def test_one_more_seed_trains_one_more_model(finished):
    """The trained seeds stay."""
    jobs = finished.plan("--config", "ensemble={n_models: 3}")
    assert jobs["train"] == 1
    assert set(jobs) == BELOW_TRAIN


def test_one_more_protein_is_projected_alone(finished):
    """The other projections stay; the stages that join all proteins run again."""
    block = (
        "  third:\n    source: mdcath\n    path: resources/demo/mdcath_dataset_trpcage.h5\n    temperatures: [348]\n"
    )
    (finished.path / "config/proteins.yaml").write_text(
        (finished.path / "resources/demo/proteins.yaml").read_text() + block
    )
    jobs = finished.plan("--config", "proteins=config/proteins.yaml")
    assert jobs["project"] == 1
    assert set(jobs) == EVERYTHING


def test_a_new_file_behind_wildcards_projects_its_protein_again(finished):
    """Detects files that a protein is read from without being an input; the other protein's projection stays."""
    finished.edit("config/demo.yaml", "resources/demo/proteins.yaml", "config/proteins.yaml")
    finished.edit("config/proteins.yaml", "resources/demo/mdcath_dataset_cln025.h5", "'part*.h5'")
    for name in ("part1.h5", "part2.h5"):
        shutil.copy(finished.path / "resources/demo/mdcath_dataset_cln025.h5", finished.path / name)
        if name == "part1.h5":
            assert finished.snakemake("--touch", "--forceall").code == 0
            assert not finished.plan()
    outcome = finished.snakemake("--dry-run")
    assert outcome.jobs["project"] == 1
    assert "part2.h5" in outcome.text


LOSS = "src/cgpipe/training/loss.py", "error**2", "error**4"


def test_editing_a_source_reruns_its_stages_and_names_the_file(finished):
    """A file that only some stages use: the others stay, and the reason says which file it was, and no other."""
    finished.edit(*LOSS)
    outcome = finished.snakemake("--dry-run")
    assert set(outcome.jobs) == BELOW_TRAIN
    reasons = re.findall(r"Params have changed.*?before: '(\S+) \w+' now: '(\S+) \w+' ", outcome.text)
    assert set(reasons) == {("cgpipe/training/loss.py",) * 2}


def test_how_a_source_is_written_reruns_nothing(finished):
    """A docstring, a comment, a line break and another way to write a number, in files behind every stage; what shows
    and copies the progress of a training, for real. Detects a digest of the text, or of too much."""
    finished.edit(LOSS[0], '"""Force errors of every frame', '"""The errors of every frame')
    finished.edit(LOSS[0], "3.0 * jnp.sum(batch", "3.00 * jnp.sum(  # a comment\n        batch")
    finished.edit("src/cgpipe/units.py", '"""The ', '"""Once more: The ')
    finished.edit("src/cgpipe/training/display.py", "BAR = 24", "BAR = 30")
    finished.edit("src/cgpipe/training/loggers.py", 'resume="allow"', 'resume="must"')
    assert not finished.plan()


def test_the_pair_styles_sources_rerun_no_other_engine(finished):
    """C++ behind an engine that is not in use concerns no stage; detects data files that a whole package is given. What
    the engine in use depends on, a unit test says."""
    source = "src/cgpipe/deploy/plugin/pair_cgpipe.cpp"
    finished.edit(source, "#include", "// edited\n#include")
    assert not finished.plan()


def test_edits_can_be_waved_through(finished):
    """``--touch`` keeps what there is after an edit that cannot matter, and for good."""
    finished.edit(*LOSS)
    assert finished.plan()
    assert finished.snakemake("--touch").code == 0
    assert not finished.plan()


def test_a_forced_training_begins_anew(finished):
    """The checkpoints of a finished model go, those of an unfinished one stay, and a dry run removes neither. The stage
    itself stops at the placeholders."""
    seeds = [finished.path / "results/demo/train" / name for name in ("seed-0", "seed-1")]
    for seed in seeds:
        (seed / "checkpoint" / "old").mkdir(parents=True)
    (seeds[1] / "model.eqx").unlink()
    forced = *(f"results/demo/train/{seed.name}/model.eqx" for seed in seeds), "--forcerun", "train"
    finished.plan(*forced)
    assert [(seed / "checkpoint" / "old").exists() for seed in seeds] == [True, True]
    assert finished.snakemake(*forced, "--keep-going").code == 1
    assert [(seed / "checkpoint" / "old").exists() for seed in seeds] == [False, True]


def test_an_edited_loss_trains_other_weights_from_step_0(tmp_path, finished):
    """The rule itself, on a small dataset: its checkpoint is finished, and no use to the edited code. Detects a header
    with the new code around weights of the old."""
    write_inputs(finished.path, chains=1)
    results = finished.path / "results/demo"
    (finished.path / "dataset.h5").replace(results / "dataset/dataset.h5")
    (finished.path / "prior.json").replace(results / "prior/prior.json")
    seed = results / "train/seed-0"
    keys = json.loads(settings(epochs_adabelief=1))
    more = ["species={vocabulary: classes4}", *(f"{name}={json.dumps(block)}" for name, block in keys.items())]
    assert finished.snakemake("--touch", "--forceall", "--config", *more).code == 0
    (seed / "model.eqx").unlink()
    found = []
    for edited in (False, True):
        if edited:
            finished.edit(*LOSS)
        outcome = finished.snakemake("results/demo/train/seed-0/model.eqx", "--config", *more)
        log = (results / "log/train/seed-0.log").read_text()
        assert outcome.code == 0, outcome.text + log
        head, weights = (seed / "model.eqx").read_bytes().split(b"\n", 1)
        found.append((json.loads(head)["cgpipe"]["code"], weights))
    assert "holds checkpoints of other settings, data, code" in log
    assert "resuming" not in log
    assert lines_of(seed)[1]["step"] == 0
    (code, weights), (other_code, other_weights) = found
    assert code != other_code
    assert weights != other_weights


def test_the_launcher_retrains_nothing(finished):
    """How a training is started does not decide what it computes."""
    path = finished.path / "workflow/scripts/slurm_run.sh"
    path.write_text(path.read_text() + "\n# edited\n")
    assert not finished.plan()
