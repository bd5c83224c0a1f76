"""The source files behind a stage, compared with what an interpreter really imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cgpipe.cli import STAGES
from cgpipe.config import closure

LOADED = """
import importlib, json, sys
importlib.import_module(f"cgpipe.{sys.argv[1]}")
print(json.dumps([m.__file__ for n, m in sys.modules.items() if n.startswith("cgpipe.")]))
"""


@pytest.mark.parametrize("stage", ["project", "export"])
def test_closure_holds_everything_that_is_imported(stage):
    """Detects an import that the syntax tree walk misses; not a file that is read at run time."""
    done = subprocess.run([sys.executable, "-c", LOADED, stage], capture_output=True, text=True, check=True)
    loaded = {Path(file).resolve() for file in json.loads(done.stdout)}
    configuration = {path for path in loaded if path.is_relative_to(closure.PACKAGE / "config")}
    assert loaded - configuration <= {Path(file).resolve() for file in closure.source_files(stage)}


@pytest.mark.parametrize("stage", STAGES)
def test_closure_is_not_everything(stage):
    """A stage does not depend on another stage, on the configuration package or on the version."""
    files = {Path(file).resolve() for file in closure.source_files(stage)}
    others = {closure.PACKAGE / f"{name}.py" for name in STAGES if name != stage}
    assert closure.PACKAGE / f"{stage}.py" in files
    assert closure.PACKAGE / "stage.py" in files or stage == "ensemble"
    assert not files & {*others, closure.PACKAGE / "__init__.py", closure.PACKAGE / "config" / "models.py"}


def test_templates_are_part_of_the_report():
    """An edit of a template or of the style sheet makes the report again, and nothing else."""
    names = {Path(file).name for file in closure.source_files("report")}
    assert {"page.html.j2", "projection.html.j2", "page.css"} <= names
    assert not any(name.endswith((".j2", ".pyc")) for name in map(str, closure.source_files("train")))


def test_paths_are_relative_to_the_working_directory(monkeypatch):
    """A moved checkout must not look like changed input; elsewhere the path is absolute."""
    monkeypatch.chdir(closure.PACKAGE.parents[1])
    assert "src/cgpipe/project.py" in closure.source_files("project")
    monkeypatch.chdir("/")
    assert all(Path(file).exists() for file in closure.source_files("project"))


def test_imports_inside_functions_and_of_packages_count(tmp_path, monkeypatch):
    """On a made-up package: late imports, ``from package import module``, parent packages, names of others."""
    package = tmp_path / "cgpipe"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data/__init__.py").write_text("from cgpipe import units\n")
    (package / "data/store.py").write_text("import numpy\n")
    (package / "data/unused.py").write_text("")
    (package / "units.py").write_text("")
    (package / "work.py").write_text("def f():\n    from cgpipe.data import store, NOTHING\n")
    monkeypatch.setattr(closure, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    closure._file.cache_clear(), closure._imports.cache_clear()
    found = closure.source_files("work")
    closure._file.cache_clear(), closure._imports.cache_clear()
    assert found == ["cgpipe/data/__init__.py", "cgpipe/data/store.py", "cgpipe/units.py", "cgpipe/work.py"]
