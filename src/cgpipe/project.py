"""Stage ``project``: one protein's all-atom frames → positions and forces of its beads."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cgpipe.artefact import hash_meanwhile, header
from cgpipe.config.proteins import Given, NpzProtein, data_files
from cgpipe.config.slices import ProjectSettings
from cgpipe.data.chains import describe_chains
from cgpipe.data.equal_frames import without_copies
from cgpipe.data.given import read_given
from cgpipe.data.projection import write_projection
from cgpipe.data.readers import open_source
from cgpipe.maker import maker
from cgpipe.physics.label_judge import judged
from cgpipe.physics.projector import Choices, project
from cgpipe.physics.states import bridged_beads, judge_disulphides
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Read the frames that the settings name, project them, write the artefact."""
    args = _arguments(argv)
    chosen = settings(args.settings, ProjectSettings)
    source = chosen.protein
    inputs = _inputs(source)
    hashes = hash_meanwhile(inputs)
    if isinstance(source, NpzProtein):
        projection = read_given(args.protein, source, chosen.project.non_finite, chosen.species.residue_kinds)
        where, bridged = f"{args.protein}: {_listed(inputs)}", bridged_beads(projection.residue_name)
        projection.quality["notes"] += judge_disulphides(bridged, chosen.project.disulphides, where)
    else:
        choices = Choices(**chosen.project.model_dump(), aliases=chosen.species.aliases, states=chosen.species.states)
        with open_source(source) as reader:
            projection = project(args.protein, reader, choices)
    projection = judged(without_copies(projection), f"{args.protein}: {_listed(inputs)}")
    quality = projection.quality
    for note in quality["notes"]:
        print(f"warning: {args.protein}: {note}", file=sys.stderr)
    head = header("projection", chosen.model_dump(mode="json"), inputs, hashes(), by=maker("project"))
    write_projection(args.out, projection, head)
    used, engine = quality["map"], quality["engine"]
    chains = describe_chains(projection.residue_name, projection.chain, projection.residue)
    print(
        f"{args.protein}: {chains}; {len(projection)} frames, {used} map ({engine}), "
        f"force RMS {quality['rms'][used]:.2f} in sample, {quality['rms_heldout'][used]:.2f} held out "
        f"[kcal/mol/Å], {quality['overfit_ratio']:.3f} coefficients per row"
    )
    return 0


def _inputs(source: Given) -> dict[str, Path]:
    """The files that a protein is read from, named by their key and, where there are several, a number."""
    return {
        key if len(files) == 1 else f"{key}/{number}": Path(file)
        for key, files in data_files(source).items()
        for number, file in enumerate(files)
    }


def _listed(inputs: dict[str, Path]) -> str:
    """The first of the files with frames, for messages."""
    files = [str(path) for name, path in inputs.items() if name != "topology"]
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("project", __doc__)
    arguments.add_argument("--protein", required=True, help="name of the protein")
    arguments.add_argument("--out", required=True, type=Path, help="projection to write (HDF5)")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
