"""Program, prior, bonds and every trained model on mean forces that no model was trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cgpipe.data.mean_forces import MeanForces
from cgpipe.data.store import Dataset
from cgpipe.deploy.program import Program
from cgpipe.model.potential import Potential
from cgpipe.physics.mean_forces import mean_force_metrics, paired_gain
from cgpipe.physics.prior import Prior
from cgpipe.physics.statistics import resampling
from cgpipe.validation.predictions import bonds_of_training_frames, model_forces, prior_forces, program_forces


def evaluate_mean_forces(
    labels: MeanForces,
    protein: str,
    dataset: Dataset,
    prior: Prior,
    program: Program,
    models: Mapping[str, Potential],
    samples: int,
    generator: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics of all models on a protein's mean forces.

    Args:
        labels: the test set.
        protein: its name in the dataset.
        dataset: for the bonds' fit.
        prior: as fitted, without any network.
        program: the exported model.
        models: name of every seed → trained model.
        samples: of the bootstrap.
        generator: randomness of the bootstrap.

    Returns:
        flat numbers, and for the figure the components of reference and predictions.
    """
    chain = next(one for one in dataset.proteins if one.name == protein)
    topology = chain.topology(len(chain.species))
    bonds = bonds_of_training_frames(dataset, protein)
    bond_forces = bonds.forces(labels.R, topology)
    alone = prior_forces(prior, labels.R, topology, dataset.cutoff)
    full = program_forces(program, labels.R, topology)
    seeds = {name: model_forces(model, labels.R, topology, name) for name, model in models.items()}
    weights = resampling(generator, len(labels.F), samples)
    predictions = {"prior": alone, "network": full - alone, "full": full, **seeds}
    flat = {
        **mean_force_metrics(labels, bond_forces, predictions, weights),
        "mean_force_models": ["bonds", *predictions],
        "mean_force_bond_k": bonds.k,
        "mean_force_bond_r0": bonds.r0,
        "mean_force_temperature": labels.temperature,
    }
    for name, baseline in {"bonds": bond_forces, "prior": alone}.items():
        gain = paired_gain(labels, full, baseline, weights)
        flat |= {f"mean_force_full_over_{name}_{key}": value for key, value in gain.items()}
    components = {"reference": labels.F, "prior": alone, "full": full}
    return flat, {name: np.round(values, 2).ravel().tolist() for name, values in components.items()}
