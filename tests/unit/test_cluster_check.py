"""What ``cgpipe cluster-check`` makes of a job's output; the job itself runs in the tests under Slurm."""

import subprocess

import pytest

from cgpipe import cluster_check
from cgpipe.cluster_check import disagreements, gather, main, table
from cgpipe.errors import UserError

LINES = [
    "srun: cluster configuration lacks support for cpu binding",
    '{"rank": 1, "host": "n2", "jax": "0.10.2"}',
    '{"rank": 0, "host": "n1", "jax": "0.10.2"}',
    '{"rank": 0, "devices": "4 × A100"}',
]


def test_table_has_a_row_per_rank_and_gaps_where_a_rank_stopped():
    """Facts of a rank come in several lines and any order; catches a rank that is lost because it failed early."""
    header, first, second = table(gather(LINES)).splitlines()
    assert header.split()[:3] == ["rank", "host", "address"]
    assert first.split()[:3] == ["0", "n1", "–"] and "4 × A100" in first
    assert second.split()[:3] == ["1", "n2", "–"] and "A100" not in second


def test_nodes_with_different_software_are_told():
    """Catches an environment that is not the same file everywhere; silent where all agree or nothing is known."""
    assert disagreements(gather(LINES)) == []
    [line] = disagreements(gather([*LINES, '{"rank": 1, "jax": "0.9.0"}']))
    assert "jax differs" in line and "0.10.2 on n1" in line and "0.9.0 on n2" in line


@pytest.fixture
def submitted(monkeypatch, tmp_path):
    """A folder with a minimal run, where the job prints what the test says; returns a function that says it."""
    (tmp_path / "profiles/slurm").mkdir(parents=True)
    (tmp_path / "p.yaml").write_text("proteins: {a: {source: mdcath, path: a.h5, temperatures: [300]}}\n")
    (tmp_path / "c.yaml").write_text("run: x\nproteins: p.yaml\ncluster: {nodes: 2}\n")
    log = tmp_path / "results/x/log/cluster-check.log"
    log.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def says(code: int, lines: list[str], snakemake: str = "") -> None:
        def run(command, **options):
            if lines:
                log.write_text("\n".join(lines))
            return subprocess.CompletedProcess(command, code, stdout=snakemake)

        monkeypatch.setattr(cluster_check.subprocess, "run", run)

    return says


def test_exit_codes(submitted, capsys):
    """0 only if the job ended well and all nodes were heard; an error of a rank is repeated; a job that Slurm refused
    shows Slurm's words."""
    command = ["--configfile", "c.yaml"]
    submitted(0, LINES)
    assert main(command) == 0
    submitted(1, [*LINES, "error: n2 cannot reach n1"])
    assert main(command) == 2
    assert "error: n2 cannot reach n1" in capsys.readouterr().err
    for code, lines, words in ((0, LINES[2:], "A100"), (1, [], "sbatch: error: invalid partition")):
        submitted(code, lines, "Building DAG\nsbatch: error: invalid partition")
        with pytest.raises(UserError, match="the job did not end well"):
            main(command)
        assert words in capsys.readouterr().err


def test_a_missing_profile_is_refused(submitted):
    """One line that names the folder."""
    with pytest.raises(UserError, match="profiles/none: no such profile"):
        main(["--configfile", "c.yaml", "--profile", "profiles/none"])
