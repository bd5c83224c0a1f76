"""The report in a real browser without a display: no errors, nothing fetched, every figure drawn and in sight.

Whether the page looks good only eyes can tell. Skipped where no Chromium is found.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cgpipe import report

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on PATH")

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
SCRIPT = (Path(__file__).parent / "report_probe.js").read_text()
PROBE = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><script>{SCRIPT}</script>'


def probe(page: Path, folder: Path, width: int) -> dict:
    """What the browser says about a page at a window's width."""
    spied = folder / f"spied-{width}.html"
    charset = '<meta charset="utf-8">'
    spied.write_text(page.read_text().replace(charset, charset + PROBE, 1))
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},1000", "--virtual-time-budget=4000"]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        [*command, "--dump-dom", spied.as_uri()], capture_output=True, text=True, timeout=120, env=environment
    )
    match = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stderr[-2000:]
    return json.loads(html.unescape(match.group(1)))


@pytest.fixture(scope="module")
def page(made_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    settings = json.dumps({"run": "made-up", "report": {"title": ""}, "stability": True})
    out = folder / "report.html"
    report.main(
        ["--settings", settings, "--results", str(made_run), "--out", str(out), "--summary", str(folder / "s.json")]
    )
    return out


@needs_browser
@pytest.mark.parametrize("width", [1400, 800])
def test_nothing_fails_nothing_is_fetched_every_figure_shows(page: Path, tmp_path: Path, width: int):
    """Detects errors of scripts, requests, broken images, figures of no size, and a page wider than its window."""
    found = probe(page, tmp_path, width)
    assert found["errors"] == [] and found["blocked"] == [] and found["fetched"] == []
    assert len(found["images"]) > 12
    invisible = [one["alt"] for one in found["images"] if not one["drawn"] or one["height"] < 20 or one["width"] < 20]
    assert invisible == []
    assert found["wider"] <= 0
    assert found["verdict"] < 1000


@needs_browser
def test_the_probe_sees_what_is_wrong(page: Path, tmp_path: Path):
    """Detects a probe that finds every page in order: a script that fails, a request and a broken image must show."""
    spoilt = tmp_path / "spoilt.html"
    images = '<img src="data:image/png;base64,AAAA" alt="broken"><img src="https://example.org/x.png" alt="far">'
    bad = f"<figure>{images}</figure>"
    spoilt.write_text(page.read_text().replace("</body>", f"{bad}<script>undefined_thing()</script></body>"))
    found = probe(spoilt, tmp_path, 1000)
    assert any("undefined_thing" in error for error in found["errors"])
    assert any("example.org" in uri for uri in found["blocked"])
    assert {one["alt"] for one in found["images"] if not one["drawn"]} == {"broken", "far"}
