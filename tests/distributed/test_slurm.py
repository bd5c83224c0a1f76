"""Trainings under a real Slurm of two nodes without GPUs: what happens to them there, and what the user is told.

They cannot tell what a fast network, a parallel file system or GPUs may do.
"""

import json

from conftest import PATIENCE, Slurm, wait_for

OVERLAYS = ("tests/workflow/mini.yaml", "tests/distributed/two_nodes.yaml")
QUICK = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2")
KILLED_SECONDS = 60.0
"""A job whose rank was killed must be over by then; the other ranks would notice by themselves after 100 s."""


def training_jobs(slurm: Slurm) -> dict[int, tuple[str, str]]:
    """Job → (seed, state) of all training jobs so far."""
    lines = slurm.run("squeue", "--states=all", "--noheader", "--format=%i %T %k").splitlines()
    rows = [line.split() for line in lines if "rule_train" in line]
    return {int(job): (comment.rsplit("_", 1)[1], state) for job, state, comment in rows}


def wait_for_checkpoint(slurm: Slurm, *seeds: str) -> tuple[str, int]:
    """Wait until a training of one of the seeds goes on after a checkpoint; the seed and its job."""

    def hit() -> list[str]:
        folder = slurm.folder / "results/mini/train"
        written = [seed for seed in seeds if any(folder.glob(f"seed-{seed}/checkpoint/*/step-*"))]
        return [seed for seed in written if len(slurm.ranks(seed)) == 2]

    wait_for(hit, "a training with a checkpoint")
    [seed] = hit()
    [job] = [job for job, (whose, state) in training_jobs(slurm).items() if (whose, state) == (seed, "RUNNING")]
    return seed, job


def test_two_seeds_on_two_nodes_survive_a_time_limit_and_a_killed_rank(slurm):
    """From trajectories to the exported model. The first training is told that its time is over, and goes on under the
    same job id without spending a retry; of the other seed's a rank is killed, and the retry resumes.

    Detects a profile, resources or a launcher that Slurm does not take, work that is lost, and jobs that hang.
    """
    results = slurm.folder / "results/mini"
    with (slurm.folder / "printed.txt").open("w") as out:
        snakemake = slurm.start(
            "snakemake", "results/mini/export/best/parity.json", "--profile", "profiles/slurm", *QUICK,
            "--configfile", *OVERLAYS, stdout=out, stderr=out,
        )  # fmt: skip

    stopped, requeued_job = wait_for_checkpoint(slurm, "0", "1")
    slurm.run("scancel", "--signal=TERM", str(requeued_job))

    killed, killed_job = wait_for_checkpoint(slurm, "1" if stopped == "0" else "0")
    slurm.ranks(killed)[1].kill()
    wait_for(
        lambda: training_jobs(slurm)[killed_job][1] == "FAILED", "the end of the job with a killed rank", KILLED_SECONDS
    )

    code = snakemake.wait(timeout=PATIENCE)
    printed = (slurm.folder / "printed.txt").read_text()
    assert code == 0, printed
    states = sorted(training_jobs(slurm).values())
    assert states == sorted([(stopped, "COMPLETED"), (killed, "FAILED"), (killed, "COMPLETED")]), printed
    for seed in (stopped, killed):
        log = (results / f"log/train/seed-{seed}.log").read_text()
        assert "resuming at step" in log, log
    assert "Restarts=1" in slurm.run("scontrol", "show", "job", str(requeued_job))
    assert json.loads((results / "export/best/parity.json").read_text())
