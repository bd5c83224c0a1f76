"""Results of several files that appear together or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = "unfinished"


@contextmanager
def published(folder: Path, last: str) -> Iterator[Path]:
    """A working folder inside ``folder`` whose files move up when the block ends well, ``last`` after the others.

    ``last`` is the file that readers ask for; while it is missing the result is not there, so a crash or a kill at any
    moment leaves nothing that looks finished. The working folder of a failed block stays for inspection and is
    emptied by the next one.
    """
    working = Path(folder) / UNFINISHED
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True)
    yield working
    (folder / last).unlink(missing_ok=True)
    for file in sorted(working.iterdir(), key=lambda file: (file.name == last, file.name)):
        with file.open("rb") as written:
            os.fsync(written.fileno())
        file.replace(folder / file.name)
    working.rmdir()
