"""Stage ``dataset``: the projections of a run → one padded dataset with its sets, its statistics and a summary."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgpipe.artefact import header, mixture, sha256, write_json
from cgpipe.config.slices import DatasetSettings
from cgpipe.data.assembly import assemble
from cgpipe.data.averaged import notes
from cgpipe.data.diagnostics import complaint
from cgpipe.data.division import note
from cgpipe.data.mean_forces import read_mean_forces
from cgpipe.data.plan import Plan
from cgpipe.data.seed_layout import write_seed_layout
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Read every projection, write the dataset, the NPZ where asked for, and the summary."""
    args = _arguments(argv)
    chosen = settings(args.settings, DatasetSettings)
    options = chosen.dataset
    if options.npz != (args.npz is not None):
        raise UserError(f"dataset.npz is {options.npz}, but --npz is {'missing' if options.npz else 'given'}")
    plan = Plan(
        vocabulary=chosen.vocabulary,
        cutoff=chosen.cutoff,
        split=options.split,
        fractions={"val": chosen.val_fraction, "test": options.test_fraction},
        block_frames=options.block_frames,
        gap_frames=options.gap_frames,
        seed=options.split_seed,
        fold=options.fold,
        held_out=options.held_out,
        families=chosen.families,
        max_buckets=options.max_buckets,
        max_padding=options.max_padding,
        capacity_margin=options.capacity_margin,
        quotas=chosen.quotas,
        weights=chosen.weights,
        temperature=chosen.temperature,
    )
    tests, training = ({name: Path(path) for name, path in given} for given in (args.mean_force, args.mean_force_train))
    inputs = {path.stem: path for path in args.projections}
    inputs |= {f"mean forces of {name}": path for name, path in tests.items()}
    inputs |= {f"mean forces of {name} to train on": path for name, path in training.items()}
    head: dict[str, Any] = header("dataset", chosen.model_dump(mode="json"), inputs, by=maker("dataset"))
    if mixed := mixture(args.projections, ("project", "species")):
        print(f"warning: {mixed}", file=sys.stderr)
    args.summary.unlink(missing_ok=True)  # written last: where it stands, all files are there and belong together
    labels = [{name: read_mean_forces(path) for name, path in files.items()} for files in (tests, training)]
    summary = assemble(args.out, head, args.projections, plan, *labels)
    files = {"h5": sha256(args.out)}
    if args.npz is not None:
        write_seed_layout(args.npz, args.out)
        files["npz"] = sha256(args.npz)
    write_json(args.summary, head | {"kind": "dataset-summary"}, {**summary, "sha256": files})
    statistics = summary["statistics"]
    print(
        f"{len(summary['proteins'])} proteins, frames {statistics['frames']}, buckets {statistics['buckets']}, "
        f"force RMS {statistics['force_rms']:.2f} kcal/mol/Å, neighbours mean {statistics['mean_neighbours']:.1f} "
        f"max {statistics['max_neighbours']}, padding {statistics['padding_waste']:.1%} "
        f"(with one length {statistics['padding_waste_longest']:.1%})"
    )
    for name, protein in statistics["proteins"].items():
        if said := note(name, protein["division"], len(protein["trajectories"])):
            print(said, file=sys.stderr)
        for said in notes(name, protein["mean_forces"], protein["division"]):
            print(said, file=sys.stderr)
        if count := protein["frames_of_another_protein"]:
            print(f"warning: {name}: {count} frames are also of an earlier protein; left out here", file=sys.stderr)
    found = complaint(summary["diagnostics"]["suspects"])
    if found:
        print(f"look at diagnostics in {args.summary}: {found}", file=sys.stderr)
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("dataset", __doc__)
    arguments.add_argument("--projections", required=True, nargs="+", type=Path, help="projections (HDF5)")
    arguments.add_argument(
        "--mean-force", nargs=2, action="append", default=[], metavar=("PROTEIN", "NPZ"),
        help="a protein's mean forces, whose configurations nothing is trained on",
    )  # fmt: skip
    arguments.add_argument(
        "--mean-force-train", nargs=2, action="append", default=[], metavar=("PROTEIN", "NPZ"),
        help="a protein's mean forces to train on",
    )  # fmt: skip
    arguments.add_argument("--out", required=True, type=Path, help="dataset to write (HDF5)")
    arguments.add_argument("--npz", type=Path, help="the same, padded to the longest protein, to write (NPZ)")
    arguments.add_argument("--summary", required=True, type=Path, help="summary to write (JSON)")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
