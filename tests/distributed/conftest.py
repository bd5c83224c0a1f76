"""A Slurm of two virtual nodes for the tests of this folder, in namespaces that end with the tests."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).with_name("slurm")
PATIENCE = 1800.0
DEVICES = 4


@dataclass(frozen=True)
class Slurm:
    """A running cluster; commands run on its login node, in ``folder``."""

    folder: Path
    init: int
    outer: int

    def start(self, *command: str | Path, node: str = "", **options) -> subprocess.Popen[str]:
        """Start a command on the login node, or in the network of another."""
        enter = ["nsenter", f"--target={self.init}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        enter += ["env", f"--chdir={self.folder}"]
        enter += ["nsenter", f"--net=/run/netns/{node}"] if node else []
        bin_folder = Path(sys.executable).parent
        environment = {
            "PATH": f"{bin_folder}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": os.environ.get("HOME", "/root"),  # caches, such as that of fonts
            # CPUs in the place of GPUs
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "NPROC": "1",
            "PYTHONPATH": str(ROOT / "tests"),
        }
        return subprocess.Popen([*enter, *command], env=environment, text=True, **options)

    def run(self, *command: str | Path, node: str = "") -> str:
        """Everything that a command prints; it must succeed."""
        process = self.start(*command, node=node, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed
        return printed

    def launch(self, *command: str, suffix: str = "") -> str:
        """Everything that a job on both nodes prints, started as the rule ``train`` starts it; it must fail."""
        script = ["bash", "workflow/scripts/slurm_run.sh", "2", str(DEVICES), "1", "29400", suffix, *command]
        output = self.folder / "job.txt"
        job = self.start(
            "sbatch", "--wait", "--nodes=2", f"--gres=gpu:{DEVICES}", "--ntasks-per-node=1", "--cpus-per-task=1",
            f"--output={output}", f"--wrap={shlex.join(script)}", stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert job.wait(timeout=PATIENCE) != 0
        return output.read_text()

    def ranks(self, seed: str) -> dict[int, psutil.Process]:
        """The processes of the present training of a seed, by rank."""
        found = {}
        for process in psutil.Process(self.outer).children(recursive=True):
            try:
                command = process.cmdline()
                if command[1:3] == ["-m", "cgpipe.train"] and command[command.index("--seed") + 1] == seed:
                    found[int(process.environ()["SLURM_PROCID"])] = process
            except (psutil.NoSuchProcess, psutil.AccessDenied, KeyError):
                continue  # it ended meanwhile, or is no task of a step
        return found


def wait_for(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Return once a condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {what}"
        time.sleep(0.1)


@contextmanager
def running_slurm(folder: Path) -> Iterator[Slurm]:
    """A cluster of its own; skips where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("a Slurm of our own needs root, for namespaces and daemons")
    tools = ("sbatch", "slurmctld", "slurmd", "munged", "ip", "nsenter")
    missing = [tool for tool in tools if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if missing:
        pytest.skip(f"no {missing[0]}; tests/distributed/slurm/install.sh installs what is missing")
    if subprocess.run(["unshare", "--pid", "--fork", "--mount", "--net", "--uts", "true"]).returncode:
        pytest.skip("no namespaces here: `unshare --net` is refused")
    command: Sequence[str | Path] = [SCRIPTS / "cluster.sh", folder / "slurm", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            assert process.stdout.readline() == "ready\n", "the cluster did not come up"
            init = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
            yield Slurm(folder, init, process.pid)
        finally:
            # its command, and with it the cluster, ends at the end of its input
            process.stdin.close()


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    """The cluster of the whole session; its folder holds the workflow as a checkout does, by links."""
    folder = tmp_path_factory.mktemp("cluster")
    for name in ("Snakefile", "workflow", "config", "envs", "profiles", "resources", "src", "tests"):
        (folder / name).symlink_to(ROOT / name)
    with running_slurm(folder) as running:
        yield running
