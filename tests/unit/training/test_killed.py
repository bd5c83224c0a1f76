"""A training killed without warning at random moments, again and again: its model is that of an undisturbed one.

Cannot detect what a power failure does to a disk.
"""

import random
import signal
import subprocess
import sys
import time

from training_runs import arguments, settings, write_inputs

KILLS = 4
LATER_SECONDS = 0.25
"""At most so long after an event a process is killed: the first steps, a validation or the end fit into it."""

START_SECONDS = 3.0
"""At most so long after its start the first one is killed."""

SETTINGS = settings(epochs_adabelief=15, epochs_yogi=15, checkpoint_steps=2)


def events(folder) -> tuple[int, float]:
    """What changes with every checkpoint, and with every line of the metrics."""
    steps = [int(path.stem.removeprefix("step-")) for path in folder.glob("checkpoint/*/step-*")]
    metrics = folder / "metrics.jsonl"
    return max(steps, default=0), metrics.stat().st_mtime if metrics.exists() else 0.0


def run(data, out, kill_after=None) -> int:
    """Exit code of a training; it is killed some time after so many (or 0: in the start-up) events, if given."""
    process = subprocess.Popen([sys.executable, "-m", "cgpipe.train", *arguments(data, out, chosen=SETTINGS)])
    if kill_after is not None:
        count, delay = kill_after
        seen = {events(out)}
        while process.poll() is None and len(seen) <= count:
            seen.add(events(out))
            time.sleep(0.001)
        time.sleep(delay)
        process.kill()
    return process.wait()


def test_killed_at_random_moments(tmp_path):
    """The same training killed four times, at other moments whenever this test runs, ends with the same bytes.

    Detects state that a checkpoint lacks, a half-written file that is taken, and a training that cannot be taken up.
    """
    for name in ("undisturbed", "killed"):
        (tmp_path / name).mkdir()
    write_inputs(tmp_path)
    seed = time.time_ns()
    print(f"seed of the moments: {seed}")  # shown when the test fails
    moments = random.Random(seed)
    assert run(tmp_path, tmp_path / "undisturbed") == 0
    codes = []
    for number in range(KILLS):
        count, delay = moments.randint(1, 4), moments.uniform(0.0, LATER_SECONDS)
        if number == 0:
            count, delay = 0, moments.uniform(0.0, START_SECONDS)
        print(f"killed {delay:.3f} s after {count} events")
        codes.append(run(tmp_path, tmp_path / "killed", (count, delay)))
        for name in ("metrics.jsonl", "model.eqx", "last.eqx"):  # Snakemake deletes outputs of a job that failed
            (tmp_path / "killed" / name).unlink(missing_ok=True)
    assert codes.count(-signal.SIGKILL) >= 2
    assert run(tmp_path, tmp_path / "killed") == 0
    for name in ("model.eqx", "last.eqx"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
