"""What runs again after a change: exactly the stages that depend on it.

Results are placeholders recorded by ``snakemake --touch``, so these tests see Snakemake's decisions, not the stages.
"""

import os
import shutil

import pytest

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
    "training={clip: 1.0}": BELOW_TRAIN,
    "simulate={timestep: 2.0}": BELOW_SIMULATE | ENDURANCE,
    "simulate={picoseconds: 2.0}": BELOW_SIMULATE,
    "ensemble={select: dynamics}": BELOW_TRAIN - {"train"},
    "stability={picoseconds: 2.0}": ENDURANCE,
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


def test_editing_a_source_reruns_its_stages_and_names_the_file(finished):
    """A file that only some stages use: the others stay, and the reason says which file it was."""
    path = finished.path / "src/cgpipe/training/optimisers.py"
    path.write_text(path.read_text() + "\n\nEDITED = True\n")
    outcome = finished.snakemake("--dry-run")
    assert set(outcome.jobs) == BELOW_TRAIN
    assert "Updated input files: src/cgpipe/training/optimisers.py" in outcome.text


def test_edits_can_be_waved_through(finished):
    """``--consider-ancient train=code`` keeps trained models after an edit that cannot matter."""
    path = finished.path / "src/cgpipe/training/optimisers.py"
    path.write_text(path.read_text() + "\n\nEDITED = True\n")
    assert not finished.plan("--consider-ancient", "train=code")


def test_the_launcher_retrains_nothing(finished):
    """How a training is started does not decide what it computes."""
    path = finished.path / "workflow/scripts/slurm_run.sh"
    path.write_text(path.read_text() + "\n# edited\n")
    assert not finished.plan()
