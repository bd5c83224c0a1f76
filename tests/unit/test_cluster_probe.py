"""The probe in one process without Slurm; several of them run in the tests under Slurm."""

import jax
import pytest

from cgpipe import cluster_probe
from cgpipe.cluster_check import gather
from cgpipe.cluster_probe import main
from cgpipe.errors import UserError


def test_one_process_says_all_that_it_sees(tmp_path, capsys):
    """Every fact of the table, and the sum over devices; catches a probe that only works among several."""
    assert main(["--devices", "0", "--shared", str(tmp_path / "seen.txt")]) == 0
    [facts] = gather(capsys.readouterr().out.splitlines())
    assert {
        "rank",
        "host",
        "address",
        "devices",
        "memory",
        "cores",
        "python",
        "jax",
        "cuda",
        "cgpipe",
        "shared",
    } <= set(facts)
    assert facts["sum"] == f"{jax.device_count()} of {jax.device_count()}"
    assert (tmp_path / "seen.txt").exists()


def test_missing_gpus_are_told(tmp_path, monkeypatch):
    """Too few devices, and a CPU in the place of a GPU, which JAX takes without a word."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    shared = ["--shared", str(tmp_path / "seen.txt")]
    here = jax.local_device_count()
    with pytest.raises(UserError, match=f"has {here} devices, cluster.gpus_per_node is {here + 3}"):
        main(["--devices", str(here + 3), *shared])
    with pytest.raises(UserError, match="JAX finds no GPU"):
        main(["--devices", str(here), *shared])


def test_a_file_of_an_earlier_job_is_not_taken_for_shared(tmp_path, monkeypatch):
    """A second process waits for the text of this very job; catches a folder that only looks shared."""
    monkeypatch.setattr(cluster_probe, "SHARED_SECONDS", 0.0)
    shared = tmp_path / "seen.txt"
    for text in (None, "job 3, 0 restarts\n"):
        if text:
            shared.write_text(text)
        with pytest.raises(UserError, match=r"does not see .*seen.txt"):
            cluster_probe._see(shared, 1)
