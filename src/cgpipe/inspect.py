"""``cgpipe inspect``: what is in a dataset, which of it looks wrong, and figures of both."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import atomic, header, write_json
from cgpipe.data.diagnostics import OUTLIER, Diagnostics, complaint
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.plots import diagnostics as plots
from cgpipe.plots.style import save
from cgpipe.stage import run


def main(argv: Sequence[str]) -> int:
    """Print the findings; with ``--out`` write them as JSON with figures."""
    parser = argparse.ArgumentParser(prog="cgpipe inspect", description=__doc__)
    parser.add_argument("dataset", type=Path, help="dataset (HDF5)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for diagnostics.json and figures")
    arguments = parser.parse_args(argv)
    with open_dataset(arguments.dataset) as dataset:
        found, statistics = inspect(dataset), dataset.statistics
    print("\n".join(_lines(found, statistics)))
    if arguments.out is not None:
        body = {**found, "padding": plots.padding(statistics["proteins"])}
        write_json(arguments.out / "diagnostics.json", header("diagnostics", {}, {"dataset": arguments.dataset}), body)
        for name, figure in plots.all_figures(found, statistics["proteins"]).items():
            with atomic(arguments.out / f"{name}.png") as temporary:
                save(figure, temporary)
        print(f"diagnostics.json and figures are in {arguments.out}")
    return 0


def inspect(dataset: Dataset) -> dict[str, Any]:
    """The findings of all proteins of a dataset, read one by one."""
    diagnostics = Diagnostics()
    for beads in dataset.proteins:
        parts = [(dataset.load_protein(beads.name, split), number) for split, number in SPLITS.items()]
        split = np.concatenate([np.full(len(frames.R), number, np.int32) for frames, number in parts])
        whole = {
            name: np.concatenate([getattr(frames, name) for frames, _ in parts])
            for name in ("R", "F", "trajectory", "frame")
        }
        origin = {"trajectory": whole["trajectory"], "frame": whole["frame"], "split": split}
        diagnostics.add(beads, whole["R"], whole["F"], origin)
    return diagnostics.findings()


def _lines(found: Mapping[str, Any], statistics: Mapping[str, Any]) -> list[str]:
    """The findings as text to read."""
    lines = [
        f"frames {statistics['frames']}; padded to {statistics['buckets']}: {statistics['padding_waste']:.1%} padding, "
        f"{statistics['padding_waste_longest']:.1%} with one length",
        "mean squared force per component (the loss without a model) [(kcal/mol/Å)²]: "
        + ", ".join(f"{name} {value:.1f}" for name, value in found["loss_without_model"].items() if value is not None),
        "",
        f"{'protein':16} {'frames':>7} {'mean |F|':>9} {'RMS':>7} {'max |F|':>9} {'net F':>7} {'torque':>8} "
        f"{'memory':>7} {'bonds [Å]':>14} {'angles [°]':>12} {'suspects':>9}",
    ]
    for name, p in found["proteins"].items():
        memory = p["autocorrelation"]["correlation"][0] if p["autocorrelation"] else float("nan")
        bonds = f"{p['bonds'][0]:.2f} … {p['bonds'][-1]:.2f}" if p["bonds"] else "–"
        angles = f"{p['angles'][0]:.0f} … {p['angles'][-1]:.0f}" if p["angles"] else "–"
        suspects = p["outliers"]["count"] + p["duplicates"]["count"] + len(p["frozen"])
        lines.append(
            f"{name:16} {p['frames']:7} {p['force_mean']:9.2f} {p['force_rms']:7.2f} {p['force_max']:9.1f} "
            f"{p['net_force_rms']:7.2f} {p['net_torque_rms']:8.1f} {memory:7.3f} {bonds:>14} {angles:>12} {suspects:9}"
        )
    lines.append("memory: correlation of a label with that of the next frame")
    lines += [
        f"{name}: and {own['configurations']} mean forces to train on, worth {own['single_frames']:.0f} single frames"
        for name, own in ((name, protein["mean_forces"]) for name, protein in statistics["proteins"].items())
        if own["configurations"]
    ]
    for name, p in found["proteins"].items():
        lines += [
            f"{name}: {o['trajectory']} frame {o['frame']}: |F| = {o['force']:.1f} kcal/mol/Å on bead {o['bead']} "
            f"({o['residue']}), {o['deviations']:.0f} robust deviations (limit {OUTLIER:g})"
            for o in p["outliers"]["worst"][:3]
        ]
        lines += [
            f"{name}: {d['trajectory']} frame {d['frame']} equals {d['equals']['trajectory']} frame "
            f"{d['equals']['frame']}"
            for d in p["duplicates"]["first"][:3]
        ]
        lines += [f"{name}: frozen beads {p['frozen']}"] if p["frozen"] else []
    return [*lines, complaint(found["suspects"]) or "no outliers, duplicates or frozen beads"]


if __name__ == "__main__":
    sys.exit(run(main))
