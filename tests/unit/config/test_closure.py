"""The source files behind a stage, compared with what an interpreter really imports."""

import json
import shutil
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


def behind(stage: str) -> set[Path]:
    """The files behind a stage, those of the configuration left out."""
    files = {(closure.PACKAGE.parent / name).resolve() for name in closure.closure_of([stage]).files}
    return {path for path in files if not path.is_relative_to(closure.PACKAGE / "config")}


@pytest.mark.parametrize("stage", ["project", "export"])
def test_closure_holds_everything_that_is_imported(stage):
    """Detects an import that the syntax tree walk misses; not a file that is read at run time."""
    done = subprocess.run([sys.executable, "-c", LOADED, stage], capture_output=True, text=True, check=True)
    loaded = {Path(file).resolve() for file in json.loads(done.stdout)}
    configuration = {path for path in loaded if path.is_relative_to(closure.PACKAGE / "config")}
    assert loaded - configuration <= behind(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_closure_is_not_everything(stage):
    """A stage does not depend on another stage, on the settings' classes or on the version."""
    files = behind(stage)
    others = {closure.PACKAGE / f"{name}.py" for name in STAGES if name != stage}
    assert closure.PACKAGE / f"{stage}.py" in files
    assert closure.PACKAGE / "stage.py" in files
    assert not files & {*others, closure.PACKAGE / "__init__.py"}
    assert "cgpipe/config/models.py" not in closure.closure_of([stage]).files


def test_templates_are_part_of_the_report():
    """An edit of a template or of the style sheet makes the report again, and nothing else."""
    names = {path.name for path in behind("report")}
    assert {"page.html.j2", "projection.html.j2", "page.css"} <= names
    assert not any(path.suffix in (".j2", ".pyc") for path in behind("train"))


def test_imports_inside_functions_and_of_packages_count(tmp_path, monkeypatch):
    """On a made-up package: late imports, ``from package import module``, parent packages, names of others, functions
    of the configuration, data that is named; a moved checkout has the same files."""
    package = tmp_path / "cgpipe"
    for folder in ("data/tables", "config"):
        (package / folder).mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data/__init__.py").write_text("from cgpipe import units\n")
    (package / "data/store.py").write_text("import numpy\nTABLES = 'data/tables'\n")
    (package / "data/unused.py").write_text("")
    (package / "data/tables/one.csv").write_text("1")
    (package / "data/other.csv").write_text("1")
    (package / "units.py").write_text("")
    (package / "config/a.py").write_text("def used():\n    pass\n")
    (package / "config/b.py").write_text("class Keys:\n    pass\n")
    (package / "work.py").write_text(
        "from cgpipe.config.a import used\nfrom cgpipe.config.b import Keys\n"
        "def f():\n    from cgpipe.data import store, NOTHING\n"
    )
    monkeypatch.setattr(closure, "PACKAGE", package)
    found = closure.closure_of(["work"])
    assert list(found.files) == [
        "cgpipe/config/a.py", "cgpipe/data/__init__.py", "cgpipe/data/store.py", "cgpipe/data/tables/one.csv",
        "cgpipe/units.py", "cgpipe/work.py",
    ]  # fmt: skip
    assert found.libraries == {"numpy"}
    assert "cgpipe/data/store.py" not in closure.closure_of(["work"], passed_by=["data.store"]).files
    shutil.copytree(package, tmp_path / "moved" / "cgpipe")
    monkeypatch.setattr(closure, "PACKAGE", tmp_path / "moved" / "cgpipe")
    assert closure.closure_of(["work"]) == found
