"""``cgpipe compare``: several finished runs side by side on one page: what differs in their settings, what came out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cgpipe.artefact import atomic
from cgpipe.errors import UserError
from cgpipe.reporting.comparison import comparison_page, read_run
from cgpipe.reporting.folds import are_folds, line
from cgpipe.stage import run


def main(argv: Sequence[str]) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="cgpipe compare", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="results/<run>, or its name; two or more")
    parser.add_argument("--out", type=Path, default=Path("compare.html"), help="page to write (default compare.html)")
    arguments = parser.parse_args(argv)
    if len(arguments.runs) < 2:
        raise UserError(f"cgpipe compare: {len(arguments.runs)} run given; expected two or more")
    folders = [path if path.is_dir() else Path("results") / path for path in arguments.runs]
    found = [read_run(folder) for folder in folders]
    with atomic(arguments.out) as temporary:
        temporary.write_text(comparison_page(found))
    print(arguments.out)
    if are_folds([one.settings for one in found]):
        for protein in found[0].summary["proteins"]:
            if pooled := line(protein, [one.summary["proteins"].get(protein, {}) for one in found]):
                print(pooled)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
