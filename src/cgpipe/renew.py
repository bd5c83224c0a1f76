"""``cgpipe renew EXPORT``: make the programs of an export again from the model files in it.

For exports whose programs this cgpipe, JAX or PJRT cannot run any more, or that are damaged. Nothing is trained and no
dataset is needed: the new programs have the capacities and platforms of the old ones, and must give the forces that the
export was published with on its reference frames. Otherwise the old export stays as it is.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import header, read_json, sha256, write_json
from cgpipe.data.species import Vocabulary, vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.bundle import Layout, write_bundle
from cgpipe.deploy.metadata import reference_frames
from cgpipe.deploy.parity import Parity, Sample, compare, judged
from cgpipe.deploy.program import load_program
from cgpipe.deploy.publish import published
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.stage import run

KEPT = ("member", "seeds", "dataset_sha256", "statistics", "temperature")
"""What new programs do not change in ``model.json``."""

TOLERANCE = 1e-5
"""Largest difference from the recorded forces over their RMS, where the export says none."""


def main(argv: Sequence[str]) -> int:
    """Renew, prove, publish."""
    parser = argparse.ArgumentParser(prog="cgpipe renew", description=__doc__)
    parser.add_argument("export", type=Path, help="folder of an exported model, e.g. results/default/export/best")
    folder: Path = parser.parse_args(argv).export
    old = read_json(folder / "model.json", "program")
    samples = _samples(old, folder)
    models = {name: _checked(folder, name, old) for name in old.get("models", ["model.eqx"])}
    with published(folder, last="model.json") as made:
        settings = old["cgpipe"]["settings"]
        head = header("program", settings, {}, by=maker("renew")) | {"inputs": old["cgpipe"]["inputs"]}
        model, described = write_bundle(made, models, _layout(old, folder), _vocabulary(old, folder), head)
        body: dict[str, Any] = {key: old[key] for key in KEPT if key in old}
        if "seed" in old:  # as format 2 has it
            body["seeds"] = [old["seed"]]
        body |= {**described, "renewed_from": {key: old[key] for key in ("format", "versions") if key in old}}
        write_json(made / "model.json", head, body)
        parities = compare(model, load_program(made / "model.json"), samples)
        tolerance = settings.get("export", {}).get("parity_tolerance", TOLERANCE)
        gate = judged(parities, tolerance)
        write_json(made / "parity.json", {**head, "kind": "parity"}, {"member": old.get("member"), **gate})
        worst = max(gate["max_rel_error"], _from_recorded(parities, old["reference"]))
        if not worst <= tolerance:
            raise UserError(
                f"{folder}: the new programs' forces differ by {worst:.1e} of their RMS from the published ones, "
                f"tolerance {tolerance:g}; nothing was changed: run the export stage again"
            )
        write_json(made / "model.json", head, {**body, "reference": reference_frames(samples, parities)})
    print(f"{folder}: made again from {', '.join(models)}; forces as published to {worst:.1e} of their RMS")
    return 0


def _samples(old: Mapping[str, Any], folder: Path) -> dict[str, Sample]:
    """The reference frames, which the new programs are proven on."""
    if not old.get("reference"):
        raise UserError(f"{folder}: no reference frames to prove new programs on; run the export stage again")
    samples = {}
    for frame in old["reference"]:
        species, chain, residue = (np.array(frame[name], np.int32) for name in ("species", "chain", "residue"))
        topology = Topology(species, chain, residue, np.ones(len(species), bool))
        samples[frame["protein"]] = Sample(np.array(frame["positions"])[None], topology, "reference")
    return samples


def _checked(folder: Path, name: str, old: Mapping[str, Any]) -> Path:
    """A model file of the export, as it was published."""
    path, expected = folder / name, old["sha256"].get(name)
    if expected is None or not path.is_file():
        raise UserError(f"{path}: no such model in the export; run the export stage again")
    if (found := sha256(path)) != expected:
        raise UserError(
            f"{path}: SHA-256 {found[:12]}… but model.json says {expected[:12]}…; damaged: run the export stage again"
        )
    return path


def _layout(old: Mapping[str, Any], folder: Path) -> Layout:
    """As before; ``neighbours`` of programs for short chains are limited by their beads, so the largest one tells."""
    beads = sorted(entry["beads"] for entry in old["programs"])
    wanted = old["cgpipe"]["settings"].get("export", {}).get("neighbours", 0)
    return Layout(beads, wanted, old["platforms"], (folder / "model.mlir.txt").is_file())


def _vocabulary(old: Mapping[str, Any], folder: Path) -> Vocabulary:
    stored = old["vocabulary"]
    known = vocabulary(stored["name"])
    if list(known.types) != stored["types"]:
        raise UserError(f"{folder}: types {stored['types']} differ from {known.name!r} here; train the model again")
    return known


def _from_recorded(parities: Mapping[str, Parity], reference: Sequence[Mapping[str, Any]]) -> float:
    """Largest difference of today's forces from the published ones, over the RMS of those."""
    worst = 0.0
    for frame in reference:
        expected = np.array(frame["forces"])
        found = parities[frame["protein"]].reference[1]
        worst = max(worst, float(np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))))
    return worst


if __name__ == "__main__":
    sys.exit(run(main))
