"""Stage ``ensemble``: the final numbers of all seeds side by side, their spread, and which seed is best.

Where there are several seeds, the spread of their forces on test frames says how far they agree, protein by protein;
and where dynamics are to choose, all of them are simulated.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.artefact import check_header, header, read_header, write_json
from cgpipe.config.slices import EnsembleSettings
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.data.topology import Topology
from cgpipe.dynamics.contest import contest, ranking
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.serialise import load_model
from cgpipe.model.temperature import at_temperature
from cgpipe.stage import parser, run, settings

SPREAD = ("val_mse", "val_rmse", "val_r2", "test_mse", "test_rmse", "test_r2")

SPREAD_FRAMES = 32
"""Test frames per protein, spread evenly (some twice where there are fewer), on which the members are compared."""


def main(argv: Sequence[str]) -> int:
    """Compare the members; the best one has the lowest validation MSE, or does best in dynamics."""
    args = _arguments(argv)
    how = settings(args.settings, EnsembleSettings).contest
    if len(args.metrics) != len(args.models):
        raise UserError(f"{len(args.metrics)} --metrics but {len(args.models)} --models: expected one of each per seed")
    members = [_member(metrics, model) for metrics, model in zip(args.metrics, args.models, strict=True)]
    seeds = [member["seed"] for member in members]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"the same seed twice among --models: {', '.join(map(str, seeds))}")
    by_force = [member["seed"] for member in sorted(members, key=lambda member: member["val_mse"])]
    body: dict[str, Any] = {"members": members, "selected_by": "force", "ranking_force": by_force}
    for name in SPREAD:
        values = [member[name] for member in members if name in member]
        if len(values) == len(members):
            body[f"{name}_mean"] = statistics.fmean(values)
            body[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
    if len(members) > 1:
        models = [load_model(path)[0] for path in args.models]
        with open_dataset(args.dataset) as dataset:
            body["force_spread"] = force_spread(Ensemble.of(models), dataset)
            if how is not None:
                found = contest(models, dataset, **how.model_dump())
                body["dynamics"] = {f"seed-{seed}": one for seed, one in zip(seeds, found, strict=True)}
                losses = [member["val_mse"] for member in members]
                body["ranking_dynamics"] = [seeds[number] for number in ranking(found, losses)]
                body["selected_by"] = "dynamics"
    body["best_seed"] = body[f"ranking_{body['selected_by']}"][0]
    best = next(member for member in members if member["seed"] == body["best_seed"])
    inputs = {"dataset": args.dataset}
    inputs |= {f"model-{seed}": path for seed, path in zip(seeds, args.models, strict=True)}
    inputs |= {f"metrics-{seed}": path for seed, path in zip(seeds, args.metrics, strict=True)}
    head = header("ensemble", {"contest": how and how.model_dump()}, inputs, by=maker("ensemble"))
    write_json(args.out, head, body)
    print(
        f"{len(members)} members, validation RMSE {body['val_rmse_mean']:.4f} ± {body['val_rmse_std']:.4f} kcal/mol/Å, "
        f"best seed {best['seed']} by {body['selected_by']} ({best['val_rmse']:.4f})"
    )
    return 0


def force_spread(ensemble: Ensemble, dataset: Dataset) -> dict[str, float]:
    """RMS over frames and components of the members' standard deviation [kcal/mol/Å], by protein with test frames.

    Members with temperature as an input are compared at that of the protein's first test frame.
    """
    spreads = {}
    for protein in dataset.proteins:
        frames = dataset.load_protein(protein.name, "test")
        if len(frames.R):
            some = np.linspace(0, len(frames.R) - 1, SPREAD_FRAMES).astype(int)
            topology = Topology(*(jnp.asarray(column[0]) for column in frames.topology))
            own = Ensemble(at_temperature(ensemble.members, float(frames.temperature[0])))
            together = jax.jit(jax.vmap(own.evaluate, in_axes=(0, None)))
            spread = together(jnp.asarray(frames.R[some]), topology).spread
            spreads[protein.name] = float(jnp.sqrt(jnp.mean(spread**2)))
    return spreads


def _member(metrics: Path, model: Path) -> dict[str, Any]:
    """What the metrics file of one seed says at its end."""
    seed = _seed(metrics, "metrics")
    if _seed(model, "model") != seed:
        raise UserError(f"{model} is not of seed {seed} as {metrics} is: give both in the same order")
    last = json.loads(metrics.read_text().splitlines()[-1])
    if not last.get("final"):
        raise UserError(f"{metrics}: the training of seed {seed} has not finished; run the train stage again")
    return {"seed": seed, "model": str(model), **{name: value for name, value in last.items() if name != "final"}}


def _seed(path: Path, kind: str) -> int:
    found = _metrics_header(path) if kind == "metrics" else read_header(path)
    check_header(found, kind, path)
    return int(found["settings"]["seed"])


def _metrics_header(path: Path) -> dict[str, Any]:
    try:
        with path.open() as file:
            return json.loads(file.readline())["header"]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the train stage first") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not a metrics file of the train stage") from None


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("ensemble", __doc__ or "")
    arguments.add_argument("--metrics", required=True, type=Path, nargs="+", help="metrics.jsonl of every seed")
    arguments.add_argument("--models", required=True, type=Path, nargs="+", help="model.eqx of every seed, same order")
    arguments.add_argument("--dataset", required=True, type=Path, help="dataset.h5, for test frames")
    arguments.add_argument("--out", required=True, type=Path, help="ensemble.json to write")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
