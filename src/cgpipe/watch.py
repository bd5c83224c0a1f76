"""``cgpipe watch``: the learning curves of all seeds of a run, in the terminal while it trains, or as a picture."""

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cgpipe.artefact import atomic
from cgpipe.errors import UserError
from cgpipe.plots.style import save
from cgpipe.plots.terminal import plot
from cgpipe.plots.training import training_curves
from cgpipe.stage import run

CURVES = ("epoch", "train_rmse", "val_rmse", "lr")


def main(argv: Sequence[str]) -> int:
    """Draw once, or again and again until all trainings have ended."""
    parser = argparse.ArgumentParser(prog="cgpipe watch", description=__doc__)
    parser.add_argument("run", type=Path, help="results/<run>, or its name")
    parser.add_argument("--png", type=Path, metavar="FILE", help="write a picture instead")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks (default 5)")
    parser.add_argument("--once", action="store_true", help="draw once and end")
    arguments = parser.parse_args(argv)
    folder = arguments.run if arguments.run.is_dir() else Path("results") / arguments.run
    if arguments.png is not None:
        with atomic(arguments.png) as temporary:
            save(picture(read(folder)), temporary)
        return 0
    while True:
        members = read(folder)
        clear = "" if arguments.once else "\033[H\033[2J"
        print(clear + text(members, shutil.get_terminal_size().columns), flush=True)
        if arguments.once or all(any(line.get("final") for line in lines) for lines in members.values()):
            return 0
        time.sleep(arguments.every)


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Lines of the metrics file of every seed that has begun, by ``seed-N``.

    Raises:
        UserError: there is none.
    """
    files = sorted(folder.glob("train/seed-*/metrics.jsonl"), key=lambda file: int(file.parent.name.split("-")[1]))
    members = {file.parent.name: [json.loads(line) for line in file.read_text().splitlines()] for file in files}
    if not members:
        raise UserError(f"{folder}: no training has begun there (no train/seed-*/metrics.jsonl)")
    return members


def curves(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Columns of a seed's epochs; NaN where there is no number."""
    epochs = [line for line in lines if "epoch" in line]
    return {key: [math.nan if line[key] is None else float(line[key]) for line in epochs] for key in CURVES}


def picture(members: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    """The figure of the report, with what there is so far; the best seed so far in colour."""
    columns = {name: curves(lines) for name, lines in members.items()}
    best = min(columns, key=lambda name: min(columns[name]["val_rmse"]))
    return training_curves(columns, best, None)


def text(members: Mapping[str, Sequence[Mapping[str, Any]]], width: int) -> str:
    """Validation errors of all seeds over epochs as text, and a line on each."""
    shown = []
    for name, lines in members.items():
        last = [line for line in lines if "epoch" in line][-1]
        best = min(line["val_rmse"] for line in lines if "epoch" in line)
        state = "finished" if lines[-1].get("final") else f"epoch {last['epoch']} ({last['phase']})"
        speed = f"  {last['frames_per_s']:.0f} frames/s, waiting {last['waiting']:.1%}" if last["epoch"] else ""
        shown.append(f"{name:10} {state:24} val {last['val_rmse']:.3f}  best {best:.3f} kcal/mol/Å{speed}")
    columns = {name: (c["epoch"], c["val_rmse"]) for name, c in ((n, curves(lines)) for n, lines in members.items())}
    return "\n".join(["validation RMSE [kcal/mol/Å] over epochs", *plot(columns, width), *shown])


if __name__ == "__main__":
    sys.exit(run(main))
