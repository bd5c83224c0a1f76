"""``cgpipe compare`` on two made-up runs; whether the page looks good only eyes can tell."""

import json
import re
import shutil
from pathlib import Path

import pytest
from synthetic_run import PROTEINS

from cgpipe import compare, report
from cgpipe.errors import UserError
from cgpipe.reporting.comparison import differences, measures


@pytest.fixture(scope="module")
def two_runs(made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The made-up run under two names; in the second one a force field is worse and a setting differs."""
    base, runs = tmp_path_factory.mktemp("runs"), []
    for name in ("first", "second"):
        folder = Path(shutil.copytree(made_run, base / name))
        flags = ["--out", str(folder / "report.html"), "--summary", str(folder / "summary.json")]
        settings = json.dumps({"run": name, "report": {}, "stability": False})
        report.main(["--settings", settings, "--results", str(folder), *flags])
        runs.append(folder)
    path = runs[1] / "summary.json"
    content = json.loads(path.read_text())
    content["proteins"]["alpha"]["js_bond"] = 0.9
    path.write_text(json.dumps(content))
    path = runs[1] / "dataset" / "dataset.json"
    content = json.loads(path.read_text())
    content["cgpipe"]["settings"]["dataset"]["block_frames"] = 11
    path.write_text(json.dumps(content))
    return runs


def test_page_shows_both_runs_and_what_differs(two_runs: list[Path], tmp_path: Path):
    """Detects a run left out, the worse one marked, a hidden difference in settings, and a page that loads."""
    out = tmp_path / "compare.html"
    assert compare.main([*map(str, two_runs), "--out", str(out)]) == 0
    text = out.read_text()
    assert all(name in text for name in (*PROTEINS, "first", "second"))
    assert "dataset.block_frames" in text and "dataset.gap_frames" not in text
    assert "<b>0.900</b>" not in text and "0.900" in text
    assert not re.search(r"https?://|url\(|@import|src=", text)


def test_best_is_marked_only_where_there_is_a_difference():
    """Detects the wrong direction of better, and a winner among equals."""
    rows = measures([{"js_bond": 0.1, "force_r2": 0.5, "js_rg": 0.2}, {"js_bond": 0.2, "force_r2": 0.6, "js_rg": 0.2}])
    marked = {name: [cell.best for cell in cells] for name, cells in rows.items()}
    assert marked["JS, bond length"] == [True, False]
    assert marked["force R², test frames"] == [False, True]
    assert marked["JS, radius of gyration"] == [False, False]
    assert "JS, angle" not in rows


def test_differences_of_settings():
    """Detects keys that only one run has being passed over."""
    assert differences([{"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}]) == {"b": ["2", "3"], "c": ["–", "4"]}


def test_one_run_or_none_is_refused(two_runs: list[Path], tmp_path: Path):
    """Detects a page about nothing, and a traceback for a run that is not there."""
    with pytest.raises(UserError, match="expected two or more"):
        compare.main([str(two_runs[0])])
    with pytest.raises(UserError, match=r"summary\.json: no such file"):
        compare.main([str(two_runs[0]), str(tmp_path / "none")])
