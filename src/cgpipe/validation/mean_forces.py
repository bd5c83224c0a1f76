"""Program, prior, bonds and every trained model on mean forces that no model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgpipe.data.mean_forces import MeanForces
from cgpipe.data.origins import origins
from cgpipe.data.projection import Projection
from cgpipe.data.store import Dataset
from cgpipe.deploy.program import Program
from cgpipe.model.potential import Potential
from cgpipe.physics.mean_forces import mean_force_metrics, paired_gain
from cgpipe.physics.prior import Prior
from cgpipe.physics.statistics import resampling
from cgpipe.validation.predictions import Frames, bonds_of_training_frames, forces_at, model_forces, prior_forces


def evaluate_mean_forces(
    labels: MeanForces,
    projection: Projection,
    dataset: Dataset,
    prior: Prior,
    program: Program,
    models: Mapping[str, Potential],
    samples: int,
    generator: np.random.Generator,
    members: Sequence[Potential] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics of all models on a protein's mean forces, on those of runs that are trained on, and on those of others.

    Args:
        labels: the test set.
        projection: the protein's frames, among which the configurations are looked for.
        dataset: for the bonds' fit, and for which runs are trained on.
        prior: as fitted, without any network.
        program: the exported model.
        models: name of every seed → trained model.
        samples: of the bootstrap.
        generator: randomness of the bootstrap.
        members: what the program was exported from; asked where labels are of another temperature than it.

    Returns:
        flat numbers, and for the figure the components of reference and predictions.
    """
    protein = projection.protein
    chain = next(one for one in dataset.proteins if one.name == protein)
    topology = chain.topology(len(chain.species))
    bonds = bonds_of_training_frames(dataset, protein)
    bond_forces = bonds.forces(labels.R, topology)
    alone = prior_forces(prior, labels.R, topology, dataset.cutoff)
    full = forces_at(program, members, labels.temperature, labels.R, topology)
    seeds = {name: model_forces(model, labels.R, topology, name) for name, model in models.items()}
    predictions = {"bonds": bond_forces, "prior": alone, "network": full - alone, "full": full, **seeds}
    origin = origins(labels, projection, dataset)
    flat = {
        **_scores(labels, predictions, samples, generator, "mean_force"),
        "mean_force_models": list(predictions),
        "mean_force_bond_k": bonds.k,
        "mean_force_bond_r0": bonds.r0,
        "mean_force_temperature": labels.temperature,
        "mean_force_seen_runs": origin.seen_runs,
        "mean_force_unseen_runs": origin.unseen_runs,
    }
    for name, chosen in {"seen": origin.seen, "unseen": origin.unseen}.items():
        rows = np.flatnonzero(chosen)
        some = {key: forces[rows] for key, forces in predictions.items()}
        flat |= _scores(labels.take(rows), some, samples, generator, f"mean_force_{name}")
    components = {"reference": labels.F, "prior": alone, "full": full}
    return flat, {name: np.round(values, 2).ravel().tolist() for name, values in components.items()}


def _scores(
    labels: MeanForces,
    predictions: Mapping[str, Frames],
    samples: int,
    generator: np.random.Generator,
    prefix: str,
) -> dict[str, Any]:
    """Metrics of every model on some configurations, and what the full one gains; only their number where it is 0."""
    if not len(labels.F):
        return {f"{prefix}_configurations": 0}
    weights = resampling(generator, len(labels.F), samples)
    models = dict(predictions)
    flat = mean_force_metrics(labels, models.pop("bonds"), models, weights, prefix)
    for name in ("bonds", "prior"):
        gain = paired_gain(labels, predictions["full"], predictions[name], weights)
        flat |= {f"{prefix}_full_over_{name}_{key}": value for key, value in gain.items()}
    return flat
