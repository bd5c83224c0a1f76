"""How a training is started, with stand-ins for Slurm's commands: they record their arguments.

They cannot tell whether the real commands understand the options; the tests in tests/distributed can.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "workflow/scripts/slurm_run.sh"
PATIENCE = 60.0


@pytest.fixture
def tools(tmp_path):
    """Makes stand-ins in a folder; each writes its command line to ``record``, then runs its own text."""

    def make(**texts: str) -> Path:
        for name, text in texts.items():
            tool = tmp_path / name
            tool.write_text(f'#!/bin/bash\necho {name} "$@" >> {tmp_path}/record\n{text}\n')
            tool.chmod(0o755)
        return tmp_path

    return make


def environment(tools: Path, **more: str) -> dict[str, str]:
    """Without what a surrounding Slurm job says, with the stand-ins first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return {**kept, "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}", **more}


AS_RANK = 'while [ "$1" != bash ]; do shift; done\nSLURM_JOB_ID=17 SLURM_PROCID=${RANK:-0} "$@"\n'
"""What srun does with the words after its options."""


@pytest.mark.parametrize("nodes, code, requeued", [(1, 85, True), (1, 3, False), (2, 85, True), (2, 0, False)])
def test_exit_codes_pass_and_85_requeues(tools, nodes, code, requeued):
    """Several nodes go through srun once, without the variables of the step around; catches a lost exit code."""
    run_command = '[ -z "${SLURM_NNODES:-}" ] || exit 99\n' + AS_RANK
    folder = tools(srun=run_command, scontrol="exit 1", work=f"exit {code}")
    done = subprocess.run(
        ["bash", LAUNCHER, str(nodes), "4", "8", "29400", ".x", "work", "--seed", "1"],
        env=environment(folder, SLURM_JOB_ID="17", SLURM_NNODES="1"),
        capture_output=True,
    )
    lines = (folder / "record").read_text().splitlines()
    assert done.returncode == code
    assert ("scontrol requeue 17" in lines) == requeued
    assert sum(line.startswith("work --seed 1") for line in lines) == 1
    assert any("srun --jobid=17" in line and "--nodes=2" in line for line in lines) == (nodes == 2)
    assert any("work --seed 1 --nodes 2 --gpus-per-node 4" in line for line in lines) == (nodes == 2)


def test_no_rank_ends_before_the_job_is_requeued(tools):
    """Catches a rank whose end makes Slurm kill the others: their job then fails and spends a retry."""
    slow = '[ "$SLURM_PROCID" = 1 ] || sleep 1\necho rank $SLURM_PROCID stops >> "$RECORD"\nexit 85'
    both = 'RANK=1 "$0.rank" "$@" & other=$!\n"$0.rank" "$@"; status=$?\nkill -0 $other || exit 99\n'
    both += 'pkill -TERM -P "$(pgrep -P $other)"; wait $other; exit $status'
    folder = tools(srun=both, scontrol="exit 1", work=slow, **{"srun.rank": AS_RANK})
    done = subprocess.run(
        ["bash", LAUNCHER, "2", "4", "8", "29400", "", "work"],
        env=environment(folder, SLURM_JOB_ID="17", RECORD=str(folder / "record")),
    )
    lines = (folder / "record").read_text().splitlines()
    told = [line for line in lines if line.startswith(("rank", "scontrol"))]
    assert told == ["rank 1 stops", "rank 0 stops", "scontrol requeue 17"]
    assert done.returncode == 85


def test_several_nodes_without_slurm(tools):
    """One line that says what to set."""
    done = subprocess.run(
        ["bash", LAUNCHER, "2", "4", "8", "29400", "", "true"], env=environment(tools()), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "cluster.nodes" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("job", ["", "17"])
def test_a_killed_launcher_takes_its_training_with_it(tools, job):
    """Inside and outside of Slurm; catches a training that goes on alone, and writes where its successor writes."""
    folder = tools(work="exec sleep 1000")
    launcher = subprocess.Popen(
        ["bash", LAUNCHER, "1", "0", "1", "29400", "", "work"], env=environment(folder, SLURM_JOB_ID=job)
    )

    def sleeping() -> list[psutil.Process]:
        family = [psutil.Process(launcher.pid), *psutil.Process(launcher.pid).children(recursive=True)]
        return [process for process in family if process.name() == "sleep"]

    deadline = time.monotonic() + PATIENCE
    while not sleeping():
        assert time.monotonic() < deadline, "the command did not start"
        time.sleep(0.02)
    training = sleeping()[0]
    try:
        launcher.send_signal(signal.SIGKILL)
        launcher.wait()
        _, alive = psutil.wait_procs([training], timeout=PATIENCE)
        assert not alive
    finally:
        if training.is_running():
            training.kill()


SBATCH = {
    1: {"--nodes=1", "--gpus=3", "--cpus-per-task=2", "--ntasks-per-node=1", "--signal=TERM@300", "--requeue"},
    2: {"--nodes=2", "--gres=gpu:3", "--cpus-per-task=2", "--ntasks=2", "--ntasks-per-node=1", "--signal=TERM@300"},
}


def forced_training(finished, tools, *arguments: str) -> tuple[str, list[str]]:
    """What Snakemake prints about trainings under the Slurm profile; the words of their first sbatch, which fails."""
    folder = tools(
        sbatch='echo "sbatch: error: enough seen" >&2; exit 1', squeue="", sacct="exit 1", sacctmgr="exit 1",
        sshare="exit 1", scontrol="", sinfo="", scancel="",
    )  # fmt: skip
    models = ["results/demo/train/seed-0/model.eqx", "results/demo/train/seed-1/model.eqx"]
    command = [sys.executable, "-m", "snakemake", *models, "--forcerun", "train", "--profile", "profiles/slurm"]
    done = subprocess.run(
        [*command, "--retries", "0", *arguments, "--configfile", "config/demo.yaml"],
        cwd=finished.path, env=environment(folder, PYTHONPATH=str(finished.path / "src")),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    record = (folder / "record").read_text() if (folder / "record").exists() else ""
    found = re.search(r"^sbatch (.*?) --wrap", record, re.MULTILINE)
    return done.stdout, shlex.split(found[1]) if found else []


@pytest.mark.parametrize("nodes", [1, 2])
def test_sbatch_asks_for_what_the_launcher_starts(finished, tools, nodes):
    """One task per node with all its GPUs, a warning before the end, and a job that may come back.

    Catches a profile or resources that the executor turns into another request, e.g. one task per GPU.
    """
    cluster = f"cluster={{nodes: {nodes}, gpus_per_node: 3, cpus_per_node: 2}}"
    printed, words = forced_training(finished, tools, "--config", cluster)
    assert "enough seen" in printed, printed
    assert SBATCH[nodes] - set(words) == set()
    assert [word for word in words if word.startswith("--ntasks-per-gpu")] == []
    assert words[words.index("--mem") + 1] == "32000"


def test_seeds_on_one_node_may_be_an_array(finished, tools):
    """What the profile's guide offers; catches resources that the executor makes no array of."""
    cluster = "cluster={nodes: 1, gpus_per_node: 3}"
    _, words = forced_training(finished, tools, "--slurm-array-jobs", "train", "--config", cluster)
    assert "--array=1-2" in words


def test_an_array_on_several_nodes_is_refused(tools):
    """The executor would run the first seed in every task; catches seeds that overwrite each other's files."""
    done = subprocess.run(
        ["bash", LAUNCHER, "2", "4", "8", "29400", "", "work"],
        env=environment(tools(srun="", work=""), SLURM_JOB_ID="17", SLURM_ARRAY_TASK_ID="2"),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "error: --slurm-array-jobs train needs cluster.nodes: 1; leave it out, and each seed is a job\n"
    )


def test_modules_are_loaded_before_a_job(checkout, tools):
    """In the order given; a module that is not there stops the job with the key's name."""
    loader = checkout.path / "module.sh"
    loader.write_text('module() { echo "module $*" >> loaded; [ "$*" != "load none" ]; }\n')
    line = ["results/demo/project/cln025.h5", "--cores", "1", "--config"]

    def run(modules: str) -> str:
        command = [sys.executable, "-m", "snakemake", *line, f"cluster={{modules: {modules}}}"]
        done = subprocess.run(
            [*command, "--configfile", "config/demo.yaml"],
            cwd=checkout.path, env=environment(tools(), PYTHONPATH=str(checkout.path / "src"), BASH_ENV=str(loader)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return f"{done.returncode} {done.stdout}"

    assert "cluster.modules: cannot load none" in run("[none]")
    assert run("[GCC/13, CUDA]").startswith("0 ")
    assert (checkout.path / "loaded").read_text().splitlines() == ["module load none", "module load GCC/13 CUDA"]
