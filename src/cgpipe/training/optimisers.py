"""Gradient transformations: AdaBelief (Zhuang et al., arXiv:2010.07468) with warm-up and cosine, then Yogi.

Gradients are clipped by their global norm first. Schedules count steps, and the count is part of the optimiser's state,
so a resumed run goes on where it was. Weight decay is decoupled (added to the update, scaled by the learning rate) and
acts on the network's weights only: not on the prior, nor on what belongs to a type.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import optax
from jaxtyping import PyTree

from cgpipe.config.models import Training
from cgpipe.model.potential import Potential

BETAS = (0.95, 0.999)
PER_TYPE = ("centre_types", "neighbour_types", "separations", "type_scale", "type_shift")


class Phase(NamedTuple):
    """One optimiser and the steps it is used for."""

    name: str
    first_step: int
    last_step: int
    learning_rate: optax.Schedule
    optimiser: optax.GradientTransformation


def trainable(potential: Potential, train_prior: bool) -> PyTree[bool]:
    """True for every leaf that the optimisers move; forces do not depend on the shift per type, so it is none."""
    spec = jax.tree.map(lambda _: False, potential)
    if potential.network is not None:
        network = eqx.tree_at(lambda n: n.type_shift, jax.tree.map(eqx.is_inexact_array, potential.network), False)
        spec = eqx.tree_at(lambda p: p.network, spec, network)
    if train_prior and potential.prior is not None:
        spec = eqx.tree_at(lambda p: p.prior, spec, potential.prior.trainable())
    return spec


def phases(settings: Training, steps_per_epoch: int, parameters: Potential) -> list[Phase]:
    """The phases of a training, in order; those of no epochs are left out.

    Args:
        settings: epochs, learning rates, clipping and decay.
        steps_per_epoch: of the feed.
        parameters: the trainable leaves (others None).
    """
    made, start = [], 0
    for name, epochs in (("adabelief", settings.epochs_adabelief), ("yogi", settings.epochs_yogi)):
        steps = epochs * steps_per_epoch
        if steps:
            make = _adabelief if name == "adabelief" else _yogi
            schedule, optimiser = make(settings, steps, _decayed(parameters))
            made.append(Phase(name, start, start + steps, schedule, optimiser))
            start += steps
    return made


def _adabelief(
    settings: Training, steps: int, decayed: PyTree[bool]
) -> tuple[optax.Schedule, optax.GradientTransformation]:
    s = settings.adabelief
    warmup = min(max(1, round(s.warmup_fraction * steps)), steps - 1)
    schedule = optax.schedules.warmup_cosine_decay_schedule(s.lr_start, s.lr_peak, warmup, steps, s.lr_end)
    return schedule, optax.chain(
        optax.clip_by_global_norm(settings.clip),
        optax.scale_by_belief(*BETAS),
        optax.add_decayed_weights(s.weight_decay, decayed),
        optax.scale_by_learning_rate(schedule),
    )


def _yogi(settings: Training, steps: int, decayed: PyTree[bool]) -> tuple[optax.Schedule, optax.GradientTransformation]:
    s = settings.yogi
    schedule = optax.schedules.cosine_decay_schedule(s.lr_start, steps, s.lr_end / s.lr_start)
    return schedule, optax.chain(
        optax.clip_by_global_norm(settings.clip), optax.scale_by_yogi(), optax.scale_by_learning_rate(schedule)
    )


def _decayed(parameters: Potential) -> PyTree[bool]:
    """True for the network's weights, in the tree of the trainable leaves."""
    spec = jax.tree.map(lambda _: False, parameters)
    if parameters.network is None:
        return spec
    network = jax.tree.map(lambda _: True, parameters.network)
    kept = [name for name in PER_TYPE if getattr(parameters.network, name) is not None]
    network = eqx.tree_at(lambda n: [getattr(n, name) for name in kept], network, [False] * len(kept))
    return eqx.tree_at(lambda p: p.network, spec, network)
