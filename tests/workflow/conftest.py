"""Snakemake as a fixture, on a copy of the workflow where sources may be edited and results be placeholders."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JOB = re.compile(r"^(?:local)?rule (\w+):$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """Exit code and everything printed by a Snakemake command line."""

    code: int
    text: str

    @property
    def jobs(self) -> Counter[str]:
        """Rule → number of jobs in the plan of a dry run."""
        stats = re.search(r"Job stats:\n.*?\n-.*?\n(.*?)\ntotal ", self.text, re.DOTALL)
        rows = [line.split() for line in stats[1].splitlines()] if stats else []
        return Counter({rule: int(count) for rule, count in rows})

    @property
    def errors(self) -> list[str]:
        """Lines that begin with ``error:``."""
        return [line for line in self.text.splitlines() if line.startswith("error: ")]


@dataclass(frozen=True)
class Checkout:
    """A directory with the workflow, and Snakemake to run in it."""

    path: Path
    _run: Callable[[Path, list[str]], Outcome]

    def snakemake(self, *arguments: str) -> Outcome:
        """Run Snakemake here; targets come first, because ``--configfile`` takes all that follows."""
        return self.without_overlay(*arguments, "--configfile", "config/demo.yaml")

    def without_overlay(self, *arguments: str) -> Outcome:
        """Run Snakemake here on ``config/config.yaml`` alone."""
        return self._run(self.path, ["--cores", "2", *arguments])

    def plan(self, *arguments: str) -> Counter[str]:
        """What a dry run would do; it must succeed."""
        outcome = self.snakemake("--dry-run", *arguments)
        assert outcome.code == 0, outcome.text
        return outcome.jobs

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        path = self.path / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture(scope="session")
def run_snakemake(tmp_path_factory) -> Iterator[Callable[[Path, list[str]], Outcome]]:
    """Runs Snakemake in a directory; the cgpipe of that directory if it has one."""
    output = tmp_path_factory.mktemp("snakemake") / "output.txt"
    zygote = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("zygote.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert zygote.stdin and zygote.stdout

    def run(directory: Path, arguments: list[str]) -> Outcome:
        request = {
            "directory": str(directory),
            "arguments": arguments,
            "environment": {
                **{name: value for name, value in os.environ.items() if name.startswith("JAX_")},
                "PYTHONPATH": str(directory / "src"),
                "XDG_CACHE_HOME": str(output.parent),
            },
            "output": str(output),
        }
        zygote.stdin.write(json.dumps(request) + "\n")
        zygote.stdin.flush()
        code = int(zygote.stdout.readline())
        return Outcome(code, output.read_text())

    yield run
    zygote.stdin.close()
    zygote.wait(timeout=30)
    zygote.stdout.close()


@pytest.fixture
def checkout(tmp_path, run_snakemake) -> Checkout:
    """A fresh copy of the workflow and of the sources, with the demo's data."""
    return _copy(tmp_path / "checkout", run_snakemake)


@pytest.fixture(scope="session")
def _finished(tmp_path_factory, run_snakemake) -> Checkout:
    """A copy in which every stage of the demo seems to have run: placeholders, recorded by ``--touch``."""
    made = _copy(tmp_path_factory.mktemp("finished") / "checkout", run_snakemake)
    summary = made.snakemake("--summary", "--quiet", "all").text
    for name in re.findall(r"^(results/\S+)\t", summary, re.MULTILINE):
        file = made.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("placeholder\n")
    touched = made.snakemake("--touch", "--forceall")
    assert touched.code == 0, touched.text
    return made


@pytest.fixture
def finished(_finished, tmp_path, run_snakemake) -> Checkout:
    """A copy, modification times and records included, of a checkout with complete results."""
    path = tmp_path / "checkout"
    shutil.copytree(_finished.path, path, symlinks=True)
    return Checkout(path, run_snakemake)


def _copy(path: Path, run: Callable[[Path, list[str]], Outcome]) -> Checkout:
    path.mkdir(parents=True)
    for folder in ("workflow", "config", "envs", "src"):
        shutil.copytree(ROOT / folder, path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", path)
    (path / "resources").symlink_to(ROOT / "resources")
    (path / "profiles").symlink_to(ROOT / "profiles")
    return Checkout(path, run)
