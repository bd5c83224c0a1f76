"""Joining two nodes of a real Slurm: equal gradients, and one clear line for each way in which joining fails.

They cannot tell what GPUs or a fast network may do.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
from conftest import PATIENCE, Slurm, running_slurm
from training_runs import arguments

OVERLAYS = ("tests/workflow/mini.yaml", "tests/distributed/two_nodes.yaml")


def test_gradients_of_two_nodes_equal_those_of_one_process(slurm):
    """To 1e-6 of the largest; detects a gradient that is summed twice, or not at all, over 2 × 4 devices."""
    script = "tests/distributed/gradients.py"
    step = ("srun", "--nodes=2", "--ntasks-per-node=1", "--gres=gpu:4")
    slurm.run(*step, "python", script, "2", "both.npz")
    slurm.run("python", script, "1", "alone.npz")
    both, alone = np.load(slurm.folder / "both.npz"), np.load(slurm.folder / "alone.npz")
    assert both.files == alone.files
    largest = max(np.abs(alone[name]).max() for name in alone.files)
    worst = max(np.abs(both[name] - alone[name]).max() for name in alone.files)
    print(f"largest difference {worst / largest:.1e} of the largest component {largest:.2f}, {len(both.files)} arrays")
    assert largest > 0.1
    assert worst <= 1e-6 * largest


@contextmanager
def without_node1_in_hosts(slurm: Slurm) -> Iterator[None]:
    """No node can resolve the name of the first."""
    hosts = slurm.folder / "slurm/etc/hosts"
    text = hosts.read_text()
    hosts.write_text("".join(line for line in text.splitlines(keepends=True) if "node1" not in line))
    try:
        yield
    finally:
        hosts.write_text(text)


@contextmanager
def without_ports_on_node1(slurm: Slurm) -> Iterator[None]:
    """What comes to a coordinator's port of the first node vanishes, as in a firewall."""
    rule = ("pref", "1", "iif", "eth0", "ipproto", "tcp", "dport", "29400-30399", "blackhole")
    slurm.run("ip", "rule", "add", *rule, node="node1")
    # local addresses are looked up by a rule of their own, which stands before all others
    slurm.run("ip", "rule", "add", "pref", "2", "lookup", "local", node="node1")
    slurm.run("ip", "rule", "delete", "pref", "0", node="node1")
    try:
        yield
    finally:
        slurm.run("ip", "rule", "add", "pref", "0", "lookup", "local", node="node1")
        slurm.run("ip", "rule", "delete", "pref", "1", node="node1")
        slurm.run("ip", "rule", "delete", "pref", "2", node="node1")


def errors(printed: str) -> list[str]:
    """Lines of cgpipe that say what is wrong."""
    return [line for line in printed.splitlines() if line.startswith("error: ")]


def test_a_training_whose_first_host_has_no_name(slurm, tmp_path):
    """Each node that comes so far says the same one line with the key to set; catches DEADLINE_EXCEEDED and hangs."""
    with without_node1_in_hosts(slurm):
        printed = slurm.launch("python", "-m", "cgpipe.train", *arguments(tmp_path, tmp_path), suffix=".nowhere")
    assert errors(printed)
    for line in errors(printed):
        assert "cannot resolve the coordinator's name 'node1.nowhere'" in line
        assert "cluster.fqdn_suffix" in line
    assert "Traceback" not in printed


@pytest.fixture
def profile(slurm) -> str:
    """The profile with the change that its guide asks for where there is no accounting database."""
    folder = slurm.folder / "my-profile"
    folder.mkdir(exist_ok=True)
    text = (slurm.folder / "profiles/slurm/config.v9+.yaml").read_text()
    (folder / "config.v9+.yaml").write_text(text + "slurm-status-command: squeue\n")
    return folder.name


def test_cluster_check_shows_both_nodes(slurm, profile):
    """Hosts, addresses, devices and files as they are; detects a check that goes another way than trainings."""
    printed = slurm.run("cgpipe", "cluster-check", "--profile", profile, "--configfile", *OVERLAYS)
    rows = [line.split() for line in printed.splitlines() if "cluster.test" in line]
    assert [row[:3] for row in rows] == [
        ["0", "node1.cluster.test", "10.77.0.11"],
        ["1", "node2.cluster.test", "10.77.0.12"],
    ]
    assert all("4 × cpu" in line and "–" not in line for line in printed.splitlines() if "cluster.test" in line)
    assert "2 nodes see each other, all their devices and the same files" in printed


def test_cluster_check_finds_a_blocked_port(slurm, profile):
    """Exit code 2, one line with both ends and the key to set, and the facts that are known all the same."""
    command = ("cgpipe", "cluster-check", "--profile", profile, "--configfile", *OVERLAYS)
    with without_ports_on_node1(slurm):
        printed = slurm.run("sh", "-c", '"$@" 2>&1; [ $? = 2 ]', "sh", *command)
    [line] = errors(printed)
    assert "node2 cannot reach the coordinator node1.cluster.test:" in line and "at 10.77.0.11" in line
    assert "cluster.coordinator_port" in line
    assert sum("cluster.test  10.77.0.1" in row for row in printed.splitlines()) == 2


def test_nothing_is_left_of_a_killed_cluster(tmp_path):
    """All daemons end when the first process is killed, which has no time to do anything about it."""
    with running_slurm(tmp_path) as cluster:
        everything = psutil.Process(cluster.outer).children(recursive=True)
        names = {process.name() for process in everything}
        assert {"munged", "slurmctld", "slurmd"} <= names
        psutil.Process(cluster.outer).send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(everything, timeout=PATIENCE)
        assert not alive
