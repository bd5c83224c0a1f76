"""``cgpipe verify EXPORT``: do all engines give the forces that the export was published with?

Every reference frame in ``model.json`` is computed again: by the program in JAX (``model.jaxexp``); by the StableHLO
module (``model.mlir``) in PJRT, without ``jax.export`` and without LAMMPS; in LAMMPS through Python; and by the module
in plain LAMMPS with the native pair style. The table shows the largest difference from the recorded forces over their
RMS.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program, load_program
from cgpipe.dynamics.lammps.replay import ENGINES
from cgpipe.errors import UserError
from cgpipe.stage import run

TOLERANCE = 1e-5


def main(argv: Sequence[str]) -> int:
    """Replay, print the table; a difference or an engine that cannot run is an error."""
    parser = argparse.ArgumentParser(prog="cgpipe verify", description=__doc__)
    parser.add_argument("export", type=Path, help="folder of an exported model, e.g. results/default/export/best")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="largest difference (default: %(default)g)")
    args = parser.parse_args(argv)
    program = load_program(args.export / "model.json")
    frames = program.metadata.get("reference")
    if not frames:
        raise UserError(f"{program.path}: no reference frames; run the export stage again")
    print(f"{'protein':20} {'beads':>5}" + "".join(f"{name:>16}" for name in ENGINES))
    missing: dict[str, str] = {}
    worst = 0.0
    for frame in frames:
        errors = {name: _error(program, frame, name, missing) for name in ENGINES}
        cells = "".join(f"{'not run' if error is None else f'{error:.1e}':>16}" for error in errors.values())
        print(f"{frame['protein']:20} {len(frame['species']):5}{cells}", flush=True)
        worst = max(worst, *(error for error in errors.values() if error is not None))
    if not worst <= args.tolerance:
        raise UserError(f"{args.export}: forces differ by {worst:.1e} of their RMS, tolerance {args.tolerance:g}")
    for name, reason in missing.items():
        print(f"{name} not run: {reason}")
    return 0


def _error(program: Program, frame: dict[str, Any], name: str, missing: dict[str, str]) -> float | None:
    """Largest force difference over the RMS force; None where the engine cannot run."""
    if name in missing:
        return None
    species, chain, residue = (np.array(frame[field], np.int32) for field in ("species", "chain", "residue"))
    topology = Topology(species, chain, residue, np.ones(len(species), bool))
    expected = np.array(frame["forces"])
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = ENGINES[name](program, np.array(frame["positions"]), topology, Path(folder))
        except UserError as error:
            missing[name] = str(error)
            return None
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(expected**2)))


if __name__ == "__main__":
    sys.exit(run(main))
