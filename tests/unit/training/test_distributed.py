"""What one process can check of several: refusals, names and the stop signal. Joining itself needs Slurm."""

import os
import signal
import socket
import subprocess
from types import SimpleNamespace

import jax
import pytest

from cgpipe.errors import UserError
from cgpipe.training import distributed
from cgpipe.training.distributed import Cluster, StopSignal, agree_on, is_writer, join

STEP = {"SLURM_JOB_ID": "5012", "SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "n[1-2]"}


@pytest.fixture
def slurm(monkeypatch):
    """A Slurm step of two tasks on n1, n2; returns the arguments with which jax was initialised."""
    given = {}
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: SimpleNamespace(stdout="n1\nn2\n"))
    monkeypatch.setattr(socket, "getfqdn", lambda name: name)
    monkeypatch.setattr(distributed, "meet", lambda address, rank, patience: None)
    monkeypatch.setattr(jax.distributed, "initialize", lambda **kwargs: given.update(kwargs))
    return given


def test_one_node_joins_nobody(monkeypatch):
    """Catches an initialisation on a workstation, where nothing answers."""
    monkeypatch.setattr(jax.distributed, "initialize", lambda **kwargs: pytest.fail("initialised"))
    join(Cluster())
    assert is_writer()
    agree_on(7)


def test_coordinator_and_devices_are_explicit(slurm, monkeypatch):
    """Full host name with suffix, base port + job % 1000, all local devices: catches automatic detection."""
    monkeypatch.setattr(jax, "device_count", lambda: 8)
    join(Cluster(2, 4, 29400, ".cluster.example"))
    assert slurm["coordinator_address"] == "n1.cluster.example:29412"
    assert slurm["local_device_ids"] == [0, 1, 2, 3]
    assert (slurm["num_processes"], slurm["process_id"]) == (2, 1)


def test_missing_devices_are_refused_before_any_work(slurm, monkeypatch):
    """Catches a training on fewer GPUs than were paid for."""
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    with pytest.raises(UserError, match="2 devices in all, expected 2 nodes × 4"):
        join(Cluster(2, 4))


def test_a_failed_joining_is_one_line(slurm, monkeypatch):
    """Catches a page of JAX's own text where one line can say who could not join whom."""

    def fail(**kwargs):
        raise RuntimeError("DEADLINE_EXCEEDED: Barrier timed out\nstack\nstack")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(UserError, match=r"^process 1 of 2 cannot join n1:\d+: DEADLINE_EXCEEDED: Barrier timed out$"):
        join(Cluster(2, 4))


def test_outside_slurm_is_refused(monkeypatch):
    """Catches a hang where there is no allocation, and a step with the wrong number of tasks."""
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(UserError, match="needs a Slurm step"):
        join(Cluster(2, 4))
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="the Slurm step has 2 tasks"):
        join(Cluster(3, 4))


def test_stop_signal_is_remembered(sigterm):
    """SIGTERM neither ends the process nor gets lost, and a second one does not end it on its way out."""
    with StopSignal() as stop:
        assert not stop.agreed(1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.agreed(2)
    os.kill(os.getpid(), signal.SIGTERM)


def test_without_a_stop_signal_the_former_handler_comes_back(sigterm):
    """Catches a process that can no longer be ended, e.g. while it writes its model."""
    with StopSignal() as stop:
        assert not stop.agreed(1)
    assert signal.getsignal(signal.SIGTERM) is sigterm


def test_errors_end_a_process_only_where_others_wait(monkeypatch):
    """Alone, errors pass on; among others the process ends at once with the right code."""
    with pytest.raises(UserError), distributed.leaving_at_once_on_error():
        raise UserError("alone")
    codes = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(os, "_exit", codes.append)
    for error in (UserError("x"), RuntimeError("y")):
        with distributed.leaving_at_once_on_error():
            raise error
    assert codes == [2, 1]
