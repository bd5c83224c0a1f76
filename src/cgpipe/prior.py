"""Stage ``prior``: the training frames of a dataset → fitted prior, its quality, and a figure of both."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import atomic, header, write_json
from cgpipe.config.slices import PriorSettings
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.physics.prior import Prior, Weights
from cgpipe.physics.prior.bond_fit import by_kind, cis_shares
from cgpipe.physics.prior.curves import bonded_curves, pair_curves
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import Observed, merged
from cgpipe.physics.prior.quality import Check, check, force_quality, frames_of, halves
from cgpipe.plots import style
from cgpipe.plots.prior import prior_figure
from cgpipe.stage import parser, run, settings

SEED = 0
"""Of the runs under the prior alone."""

HEADLINE = ("force_r2", "js_bond", "js_angle", "js_dihedral")


def main(argv: Sequence[str]) -> int:
    """Fit, check every protein, write the prior and the figure."""
    args = _arguments(argv)
    chosen = settings(args.settings, PriorSettings)
    options = FitOptions(**chosen.prior.model_dump(exclude={"weights"}))
    weights = Weights(**chosen.prior.weights.model_dump())
    with open_dataset(args.dataset) as dataset:
        names = [protein.name for protein in dataset.proteins]
        training = {name: found for name in names if (found := _observed(dataset, name, "train", chosen.cutoff))}
        if not training:
            raise UserError(f"{args.dataset}: no training frames; lower training.val_fraction or dataset.test_fraction")
        observed = merged([half for both in training.values() for half in both])
        prior = fit_prior(observed, dataset.vocabulary.types, chosen.cutoff, weights, options)
        checks = {name: _check(dataset, prior, name, training.get(name)) for name in names}
    quality: dict[str, Any] = {
        "training_frames": observed.frames,
        "temperature": observed.temperature,
        "cis_bonds": cis_shares(*by_kind(observed.bond), prior.types),
        "seed": SEED,
        "proteins": {name: one.numbers for name, one in checks.items()},
    }
    head = header("prior", chosen.model_dump(mode="json"), {"dataset": args.dataset}, by=maker("prior"))
    write_json(args.out, head, {"prior": prior.to_json(), "quality": quality})
    alone = [(one.data, one.alone) for one in checks.values()]
    curves, pairs = bonded_curves(prior, observed, alone), pair_curves(prior, observed, alone)
    # the figure's protocols have fields that can be set, which named tuples have not
    figure = prior_figure(curves, pairs, quality["proteins"])  # type: ignore[arg-type]
    with atomic(args.figure) as temporary:
        style.save(figure, temporary)
    if quality["cis_bonds"]:
        shares = ", ".join(f"{pair} {share:.2%}" for pair, share in quality["cis_bonds"].items())
        print(f"bonds with a cis minimum beside the trans one, and the share of their frames in it: {shares}")
    for name, numbers in quality["proteins"].items():
        shown = (f"{key} {numbers[key]:.4f}" for key in HEADLINE if numbers[key] is not None)
        print(f"{name}: {', '.join(shown)}")
    return 0


def _observed(dataset: Dataset, name: str, split: str, cutoff: float) -> tuple[Observed, Observed] | None:
    """Histograms of two halves of a protein's frames in a set, or None where it has none there."""
    frames = frames_of(dataset, name, (split,))
    if frames is None:
        return None
    try:
        return halves(frames, len(dataset.vocabulary), cutoff)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _check(dataset: Dataset, prior: Prior, name: str, training: tuple[Observed, Observed] | None) -> Check:
    """A protein under the prior alone, against its training frames, or the test frames of a held-out protein."""
    split = "test" if training is None else "train"
    data = training or _observed(dataset, name, split, prior.cutoff)
    frames = frames_of(dataset, name, (split,))
    if data is None or frames is None:
        raise UserError(f"{name}: no frames in the dataset's train and test sets; give it more frames")
    checked = check(prior, frames, data, np.asarray(dataset.vocabulary.masses), SEED)
    heldout = frames_of(dataset, name, ("val", "test"))
    scores = force_quality(prior, heldout)
    return checked._replace(numbers={**scores, **checked.numbers})


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("prior", __doc__)
    arguments.add_argument("--dataset", required=True, type=Path, help="dataset (HDF5)")
    arguments.add_argument("--out", required=True, type=Path, help="prior to write (JSON)")
    arguments.add_argument("--figure", required=True, type=Path, help="figure to write (PNG)")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
