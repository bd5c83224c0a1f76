"""Stage ``train``: one model from the dataset and the prior; a killed one goes on from its last checkpoint."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cgpipe.artefact import atomic, header
from cgpipe.config.decisive import Decisive, training_that_matters
from cgpipe.config.slices import TrainSettings
from cgpipe.data.one_temperature import only_one
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.data.stored import Source
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential, Temperatures
from cgpipe.model.presets import PRESETS
from cgpipe.model.serialise import save_model
from cgpipe.model.temperature import with_entropy
from cgpipe.physics.prior import Prior, ThermalPrior, read_prior
from cgpipe.stage import parser, run, settings
from cgpipe.training.ceiling import with_ceiling
from cgpipe.training.checkpoint import Checkpoints
from cgpipe.training.distributed import STOPPED, Cluster, is_writer, join, leaving_at_once_on_error
from cgpipe.training.loggers import open_loggers
from cgpipe.training.loop import Stopped, Trainer, TrainingData
from cgpipe.training.pretrain import pretrain_once

LAST = "last.eqx"
"""Name of the file, beside that of the best model, for the averaged weights of the last step."""


def main(argv: Sequence[str]) -> int:
    """Train one seed."""
    arguments = parser("train", __doc__ or "")
    arguments.add_argument("--seed", type=int, required=True)
    for name in ("dataset", "prior", "out", "metrics", "checkpoints"):
        arguments.add_argument(f"--{name}", type=Path, required=True)
    alone = Cluster()
    arguments.add_argument("--nodes", type=int, default=alone.nodes)
    arguments.add_argument("--gpus-per-node", type=int, default=alone.gpus_per_node)
    arguments.add_argument("--coordinator-port", type=int, default=alone.coordinator_port)
    arguments.add_argument("--fqdn-suffix", default=alone.fqdn_suffix)
    parsed = arguments.parse_args(argv)
    chosen = settings(parsed.settings, TrainSettings)
    cluster = Cluster(parsed.nodes, parsed.gpus_per_node, parsed.coordinator_port, parsed.fqdn_suffix)
    with leaving_at_once_on_error():
        join(cluster)
        try:
            train(chosen, parsed.seed, parsed.dataset, parsed.prior, parsed.out, parsed.metrics, parsed.checkpoints)
        except Stopped:
            print("stopped at a signal, after a checkpoint; start again to go on", file=sys.stderr)
            return STOPPED
    return 0


def train(
    chosen: TrainSettings, seed: int, dataset_file: Path, prior_file: Path, out: Path, metrics: Path, folder: Path
) -> None:
    """Train, and write the best model, the last one beside it, and the metrics."""
    inputs = {"dataset": dataset_file, "prior": prior_file}
    slice_, by = {**chosen.model_dump(mode="json"), "seed": seed}, maker("train")
    head = header("model", slice_, inputs, by=by)  # once: it reads the whole dataset
    hashes = {name: entry["sha256"] for name, entry in head["inputs"].items()}
    matters = {**training_that_matters(chosen, jax.device_count()), "seed": seed}
    identity = Decisive("train", matters, hashes, by["code"]).fingerprint()
    checkpoints = Checkpoints(folder, identity, chosen.training.keep_checkpoints)
    if is_writer():
        out.with_name(LAST).unlink(missing_ok=True)  # Snakemake does not know it: it would outlive its model
        checkpoints.sign(by)
    head |= checkpoints.earlier(by)
    first_lines: list[dict[str, Any]] = [{"header": head | {"kind": "metrics"}}]
    with ExitStack() as closing:
        loggers = open_loggers(chosen.training.loggers, metrics.parent, identity, slice_) if is_writer() else []
        for logger in loggers:
            closing.callback(logger.close)
        dataset = closing.enter_context(open_dataset(dataset_file))

        def record(lines: list[dict[str, Any]]) -> None:
            with atomic(metrics) as temporary:
                temporary.write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in first_lines + lines))
            for logger in loggers:
                logger.write(lines[-1], lines[-1]["step"])

        prior = read_prior(prior_file) if chosen.model.use_priors else None
        potential = untrained(chosen, dataset, prior, seed)
        data = TrainingData.of(dataset, chosen.training.balance)
        if chosen.model.temperature == "input":
            potential = of_temperature(potential, data.train)
        if chosen.training.pretrain_prior and prior is not None:
            fitted = pretrain_once(potential, data.train, data.validation, chosen.training, checkpoints)
            potential = eqx.tree_at(lambda p: p.prior, potential, fitted.prior)
            first_lines.append({"pretrain": fitted.facts() | {"prior": fitted.prior.to_json()}})
        trainer = Trainer(potential, data, chosen.training, seed, checkpoints, record)
        model, progress = trainer.run()
        best = next(line for line in progress.history if line["epoch"] == progress.best_epoch)
        final: dict[str, Any] = {"final": True, "best_epoch": progress.best_epoch, "step": progress.step}
        final |= {name: value for name, value in best.items() if name.startswith("val_")}
        test = dataset.stored("test")
        if test:
            final |= trainer.evaluate(test).summary("test")
        if test and model.prior is not None:
            final |= trainer.evaluate_prior(test).summary("test_prior")
        if is_writer():
            statistics = dataset.statistics | {"vocabulary": dataset.vocabulary.name}
            for path, trained in ((out.with_name(LAST), trainer.last), (out, model)):
                roomy = dataclasses.replace(
                    with_ceiling(trained, data.train), neighbour_slots=statistics["neighbour_capacity"]
                )
                save_model(path, roomy, head, statistics)
            record([*progress.history, final])


def untrained(chosen: TrainSettings, dataset: Dataset, prior: Prior | ThermalPrior | None, seed: int) -> Potential:
    """The model before training: the network's normalisation comes from the dataset's training set.

    It has just the room that the dataset's frames need; what is saved has the margin that simulations want.

    Raises:
        UserError: dataset or prior were made for another cutoff, vocabulary or kind of temperature.
    """
    section, statistics = chosen.model, dataset.statistics
    sizes = PRESETS[section.allegro_size]
    if dataset.cutoff != section.cutoff:
        raise UserError(
            f"the dataset is for a cutoff of {dataset.cutoff} Å, model.cutoff is {section.cutoff}; rerun it"
        )
    if prior is not None and prior.types != dataset.vocabulary.types:
        raise UserError(f"the prior is not for the dataset's vocabulary {dataset.vocabulary.name!r}; rerun its stage")
    if prior is not None and isinstance(prior, ThermalPrior) != (section.temperature == "input"):
        raise UserError(f"the prior is not for model.temperature {section.temperature}; rerun its stage")
    network = AllegroSettings(
        sizes=sizes._replace(layers=section.layers or sizes.layers),
        l_max=section.l_max,
        tensor_channels=section.tensor_channels,
        types=len(dataset.vocabulary),
        cutoff=section.cutoff,
        mean_neighbours=statistics["mean_neighbours"],
        energy_scale=statistics["force_rms"],
        symmetry=section.symmetry,
        edge_features=section.edge_features,
        matmul_precision=section.matmul_precision,
    )
    return Potential(
        prior=prior,
        network=eqx.filter_jit(Allegro)(network, jax.random.key(seed)),
        cutoff=section.cutoff,
        neighbour_slots=statistics["neighbour_slots"],
    )


def of_temperature(potential: Potential, train: Sequence[Source]) -> Potential:
    """The untrained model as a function of temperature, about the mean of its training frames."""
    kelvin = np.concatenate([source.temperature for source in train]).astype(np.float64)
    if kelvin.min() == kelvin.max():
        raise UserError(only_one(float(kelvin[0]), "training frames"))
    known = Temperatures(float(kelvin.min()), float(kelvin.mean()), float(kelvin.max()))
    network = None if potential.network is None else with_entropy(potential.network)
    return dataclasses.replace(potential, network=network, temperatures=known)


if __name__ == "__main__":
    sys.exit(run(main))
