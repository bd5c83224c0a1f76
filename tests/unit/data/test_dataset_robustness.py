"""The dataset stage killed at any moment, and fed with damaged files: nothing may look finished that is not.

Cannot detect bytes of positions or forces that changed on disk: projections carry no checksum of their own.
"""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from dataset_runs import arguments
from test_projection import projection

from cgpipe.artefact import header, read_json, sha256
from cgpipe.data.projection import write_projection
from cgpipe.data.store import open_dataset
from cgpipe.dataset import main
from cgpipe.inspect import main as inspect
from cgpipe.stage import run

# one process imports cgpipe once; a child per moment runs the stage and is killed in the n-th call of a function
KILLER = """
import json, os, signal, sys
import cgpipe.artefact, cgpipe.dataset
from cgpipe.data.store import DatasetWriter
places = {"add": (DatasetWriter, "add"), "finish": (DatasetWriter, "finish"), "fsync": (os, "fsync"),
          "deflate": (cgpipe.artefact.np, "ascontiguousarray")}
for place, count, argv in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        owner, name = places[place]
        original, calls = getattr(owner, name), []
        def hooked(*args, **kwargs):
            calls.append(1)
            if len(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)
        setattr(owner, name, hooked)
        os._exit(cgpipe.dataset.main(argv))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
# killed in which call → which files may stand afterwards
MOMENTS = {
    ("add", 1): set(),
    ("add", 2): set(),
    ("finish", 1): set(),
    ("fsync", 1): set(),
    ("deflate", 3): {"d.h5"},
    ("fsync", 2): {"d.h5"},
    ("fsync", 3): {"d.h5", "d.npz"},
}


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "short.h5", tmp_path / "longer.h5"]
    for path, beads in zip(paths, (4, 7), strict=True):
        write_projection(path, projection(path.stem, frames=120, beads=beads), header("projection", {}, {}))
    return paths


def test_killed_at_any_moment(tmp_path, files):
    # detects a file under its final name that is not whole, and a summary that belongs to other files
    folders = {moment: tmp_path / f"{moment[0]}{moment[1]}" for moment in MOMENTS}
    jobs = [(*moment, arguments(folder, files)) for moment, folder in folders.items()]
    for folder in folders.values():
        folder.mkdir()
        (folder / "d.json").write_text("of an earlier run")
    done = subprocess.run([sys.executable, "-c", KILLER, json.dumps(jobs)], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == [-signal.SIGKILL] * len(MOMENTS), done.stderr
    for moment, folder in folders.items():
        left = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        assert left == MOMENTS[moment], moment
        if "d.h5" in left:
            with open_dataset(folder / "d.h5") as dataset:
                assert sum(len(frames.R) for s in ("train", "val", "test", "gap") for frames in dataset.load(s)) == 240
        assert main(arguments(folder, files)) == 0
        assert read_json(folder / "d.json", "dataset-summary")["sha256"]["h5"] == sha256(folder / "d.h5")


def test_damaged_projections(tmp_path, files, capsys):
    # detects a traceback, or output that was made from half a file
    whole = files[1].read_bytes()
    random = np.random.default_rng(0)
    cut = [whole[: int(len(whole) * share)] for share in (0.0, 0.01, 0.3, 0.9, 0.999)]
    holes = [
        whole[:at] + bytes(96) + whole[at + 96 :] for at in [0, 100, 400, *random.integers(0, 6000, size=12).tolist()]
    ]
    codes = []
    for content in (*cut, *holes):
        files[1].write_bytes(content)
        code = run(main, arguments(tmp_path, files))
        codes.append(code)
        message = capsys.readouterr().err
        assert code in (0, 2), message
        if code == 2:
            assert "longer.h5" in message and message.count("\n") == 1
            assert not list(tmp_path.glob("*d.*"))
        for name in ("d.h5", "d.npz", "d.json"):
            (tmp_path / name).unlink(missing_ok=True)
    assert codes[: len(cut)] == [2] * len(cut)
    assert codes.count(2) > len(cut)


def test_shapes_that_do_not_fit(tmp_path, files):
    # detects arrays of different lengths that numpy would complain about, without naming the file
    made = projection("longer", frames=120, beads=7)
    object.__setattr__(made, "F", made.F[:100])
    write_projection(files[1], made, header("projection", {}, {}))
    assert run(main, arguments(tmp_path, files)) == 2


def test_damaged_dataset(tmp_path, files, capsys):
    # detects a reader that stumbles over half a dataset
    main(arguments(tmp_path, files))
    content = (tmp_path / "d.h5").read_bytes()
    for share in (0.02, 0.5, 0.98):
        (tmp_path / "d.h5").write_bytes(content[: int(share * len(content))])
        assert run(inspect, [str(tmp_path / "d.h5")]) == 2
        assert "d.h5" in capsys.readouterr().err
