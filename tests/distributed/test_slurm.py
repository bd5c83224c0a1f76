"""Trainings under a real Slurm of two nodes without GPUs: what happens to them there, and what the user is told.

They cannot tell what a fast network, a parallel file system or GPUs may do.
"""

import json

from conftest import PATIENCE, Slurm, wait_for

OVERLAYS = ("tests/workflow/mini.yaml", "tests/distributed/two_nodes.yaml")
QUICK = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2")
KILLED_SECONDS = 60.0
"""A job whose rank was killed must be over by then; the other ranks would notice by themselves after 100 s."""


def training_jobs(slurm: Slurm) -> dict[int, str]:
    """Job → state of all training jobs so far."""
    lines = slurm.run("squeue", "--states=all", "--noheader", "--format=%i %T %k").splitlines()
    return {int(line.split()[0]): line.split()[1] for line in lines if "rule_train" in line}


def running_job(slurm: Slurm) -> int:
    """The one training job that runs; another may wait for its nodes."""
    [job] = [job for job, state in training_jobs(slurm).items() if state == "RUNNING"]
    return job


def checkpoints(slurm: Slurm, seed: str) -> list[str]:
    """Checkpoint files of a seed."""
    return [str(path) for path in slurm.folder.glob(f"results/mini/train/seed-{seed}/checkpoint/*/step-*")]


def first_with_checkpoint(slurm: Slurm, *seeds: str) -> str:
    """Wait for a training to have written a checkpoint and to go on; its seed."""
    wait_for(lambda: any(checkpoints(slurm, seed) for seed in seeds) and len(slurm.ranks()) == 2, "a checkpoint")
    return next(seed for seed in seeds if checkpoints(slurm, seed))


def test_two_seeds_on_two_nodes_survive_a_time_limit_and_a_killed_rank(slurm):
    """From trajectories to the exported model. The first training is told that its time is over, and goes on under the
    same job id without spending a retry; of the second one rank is killed, and the retry resumes.

    Detects a profile, resources or a launcher that Slurm does not take, work that is lost, and jobs that hang.
    """
    results = slurm.folder / "results/mini"
    with (slurm.folder / "printed.txt").open("w") as out:
        snakemake = slurm.start(
            "snakemake", "results/mini/export/best/parity.json", "--profile", "profiles/slurm", *QUICK,
            "--configfile", *OVERLAYS, stdout=out, stderr=out,
        )  # fmt: skip

    stopped = first_with_checkpoint(slurm, "0", "1")
    job = running_job(slurm)
    slurm.run("scancel", "--signal=TERM", str(job))
    wait_for((results / f"train/seed-{stopped}/model.eqx").exists, "the end of the first training")
    assert len(training_jobs(slurm)) == 2, "each seed has one job so far"
    assert "Restarts=1" in slurm.run("scontrol", "show", "job", str(job))
    assert "resuming at step" in (results / f"log/train/seed-{stopped}.log").read_text()

    killed = first_with_checkpoint(slurm, "1" if stopped == "0" else "0")
    job = running_job(slurm)
    slurm.ranks()[1].kill()
    wait_for(lambda: training_jobs(slurm)[job] == "FAILED", "the end of the job with a killed rank", KILLED_SECONDS)

    code = snakemake.wait(timeout=PATIENCE)
    printed = (slurm.folder / "printed.txt").read_text()
    assert code == 0, printed
    assert "resuming at step" in (results / f"log/train/seed-{killed}.log").read_text()
    assert len(training_jobs(slurm)) == 3, "each seed once, and one retry for the killed rank"
    assert printed.count("Trying to restart") == 1
    assert json.loads((results / "export/best/parity.json").read_text())
