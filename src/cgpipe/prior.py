"""Stage ``prior``: the training frames of a dataset → fitted prior, its quality, and a figure of both."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cgpipe.artefact import atomic, header, write_json
from cgpipe.config.slices import PriorSettings
from cgpipe.data.store import Dataset, Frames, open_dataset
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.physics.prior import Prior, ThermalPrior, Weights, prior_at
from cgpipe.physics.prior.bond_fit import by_kind, cis_shares
from cgpipe.physics.prior.curves import bonded_curves, pair_curves
from cgpipe.physics.prior.fit import FitOptions, fit_prior, fit_thermal_prior
from cgpipe.physics.prior.observed import Observed, merged
from cgpipe.physics.prior.quality import Check, check, force_quality, frames_of, halves
from cgpipe.plots import style
from cgpipe.plots.prior import prior_figure
from cgpipe.stage import parser, run, settings

SEED = 0
"""Of the runs under the prior alone."""

ALL = 0.0
"""Stands for all temperatures together."""

Halves = dict[float, tuple[Observed, Observed]]
"""Temperature [K] → histograms of two halves of the frames."""

HEADLINE = ("force_r2", "js_bond", "js_angle", "js_dihedral")


def main(argv: Sequence[str]) -> int:
    """Fit, check every protein, write the prior and the figure."""
    args = _arguments(argv)
    chosen = settings(args.settings, PriorSettings)
    options = FitOptions(**chosen.prior.model_dump(exclude={"weights"}))
    weights = Weights(**chosen.prior.weights.model_dump())
    with open_dataset(args.dataset) as dataset:
        names = [protein.name for protein in dataset.proteins]
        training = {name: found for name in names if (found := _observed(dataset, name, "train", chosen))}
        if not training:
            raise UserError(f"{args.dataset}: no training frames; lower training.val_fraction or dataset.test_fraction")
        by_temperature = {
            kelvin: merged([half for found in training.values() for half in found.get(kelvin, ())])
            for kelvin in sorted({kelvin for found in training.values() for kelvin in found})
        }
        everything = merged(list(by_temperature.values()))
        usual = max(by_temperature, key=lambda kelvin: by_temperature[kelvin].frames)
        observed, how = by_temperature[usual], (dataset.vocabulary.types, chosen.cutoff, weights, options)
        prior = fit_thermal_prior(by_temperature, *how) if chosen.temperature == "input" else fit_prior(observed, *how)
        checks = {name: _check(dataset, prior, name, training.get(name), chosen) for name in names}
    quality: dict[str, Any] = {
        "training_frames": everything.frames,
        "temperature": observed.temperature,
        "cis_bonds": cis_shares(*by_kind(everything.bond), prior.types),
        "seed": SEED,
        "proteins": {name: one.numbers for name, one in checks.items()},
    }
    head = header("prior", chosen.model_dump(mode="json"), {"dataset": args.dataset}, by=maker("prior"))
    write_json(args.out, head, {"prior": prior.to_json(), "quality": quality})
    alone = [(one.data, one.alone) for one in checks.values()]
    shown = prior_at(prior, usual)
    curves, pairs = bonded_curves(shown, observed, alone), pair_curves(shown, observed, alone)
    # the figure's protocols have fields that can be set, which named tuples have not
    figure = prior_figure(curves, pairs, quality["proteins"])  # type: ignore[arg-type]
    with atomic(args.figure) as temporary:
        style.save(figure, temporary)
    if quality["cis_bonds"]:
        shares = ", ".join(f"{pair} {share:.2%}" for pair, share in quality["cis_bonds"].items())
        print(f"bonds with a cis minimum beside the trans one, and the share of their frames in it: {shares}")
    for name, numbers in quality["proteins"].items():
        headline = (f"{key} {numbers[key]:.4f}" for key in HEADLINE if numbers[key] is not None)
        print(f"{name}: {', '.join(headline)}")
    return 0


def _observed(dataset: Dataset, name: str, split: str, chosen: PriorSettings) -> Halves:
    """Histograms of two halves of a protein's frames in a set, none where it has no frames there.

    By temperature [K] where that is an input of the model; else all together.
    """
    frames = frames_of(dataset, name, (split,))
    if frames is None:
        return {}
    parts = {ALL: frames}
    if chosen.temperature == "input":
        parts = {kelvin: _at(frames, kelvin) for kelvin in np.unique(frames.temperature).tolist()}
    try:
        return {kelvin: halves(some, len(dataset.vocabulary), chosen.cutoff) for kelvin, some in parts.items()}
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _at(frames: Frames, kelvin: float) -> Frames:
    """Those of a temperature [K]."""
    if kelvin == ALL:
        return frames
    kept = frames.temperature == np.float32(kelvin)
    return jax.tree.map(lambda values: values[kept], frames)


def _check(
    dataset: Dataset, prior: Prior | ThermalPrior, name: str, training: Halves | None, chosen: PriorSettings
) -> Check:
    """A protein under the prior alone, against its training frames, or the test frames of a held-out protein.

    Where temperature is an input, at that of most of these frames.
    """
    split = "test" if training is None else "train"
    data = training or _observed(dataset, name, split, chosen)
    frames = frames_of(dataset, name, (split,))
    if not data or frames is None:
        raise UserError(f"{name}: no frames in the dataset's train and test sets; give it more frames")
    kelvin = max(data, key=lambda one: merged(data[one]).frames)
    own = prior_at(prior, kelvin)
    checked = check(own, _at(frames, kelvin), data[kelvin], np.asarray(dataset.vocabulary.masses), SEED)
    heldout = frames_of(dataset, name, ("val", "test"))
    if heldout is not None:
        heldout = _at(heldout, kelvin)
    scores = force_quality(own, heldout if heldout is not None and len(heldout.R) else None)
    return checked._replace(numbers={**scores, **checked.numbers})


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("prior", __doc__)
    arguments.add_argument("--dataset", required=True, type=Path, help="dataset (HDF5)")
    arguments.add_argument("--out", required=True, type=Path, help="prior to write (JSON)")
    arguments.add_argument("--figure", required=True, type=Path, help="figure to write (PNG)")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
