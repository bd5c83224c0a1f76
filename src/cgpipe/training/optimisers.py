"""The phases of a training: AdaBelief (Zhuang et al., arXiv:2010.07468), Yogi (Zaheer et al., NeurIPS 2018), others.

Every phase is the same chain: unusually large gradients are clipped, an optimiser of optax makes a direction of them,
weight decay is added to it, and all is multiplied by the learning rate (linear warm-up, then a cosine). The rate
counts steps, and the count is part of the optimiser's state, so a resumed run goes on where it was. Decay is decoupled
and acts on the network's weights only: not on the prior, nor on what belongs to a type.
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from cgpipe.config.training import Phase as PhaseSettings
from cgpipe.config.training import Training
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.training.clipping import clip_by_median_norm

BETAS = {"b1": 0.95, "b2": 0.999}
PER_TYPE = ("centre_types", "neighbour_types", "separations", "type_scale", "type_shift")

Rate = Callable[[int | Int[Array, ""]], Float[Array, ""]]
"""Learning rate after a number of steps."""


class Phase(NamedTuple):
    """One optimiser and the steps it is used for."""

    name: str
    first_step: int
    last_step: int
    learning_rate: Rate
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

    Raises:
        UserError: an option that the optimiser does not have.
    """
    made, start = [], 0
    for phase in _configured(settings):
        steps = phase.epochs * steps_per_epoch
        rate = warmup_cosine(phase, steps)
        optimiser = optax.chain(
            clip_by_median_norm(settings.clip),
            _named(phase),
            # directions point downhill already, and so must the decay
            optax.add_decayed_weights(-phase.weight_decay, _decayed(parameters)),
            optax.scale_by_schedule(rate),
        )
        made.append(Phase(phase.optimiser, start, start + steps, rate, optimiser))
        start += steps
    return made


def warmup_cosine(phase: PhaseSettings, steps: int) -> Rate:
    """Linear from ``lr_start`` to ``lr_peak`` over the warm-up, then half a cosine to ``lr_end`` at ``steps``."""
    warmup = min(round(phase.warmup_fraction * steps), steps - 1)

    def rate(count: int | Int[Array, ""]) -> Float[Array, ""]:
        step = jnp.asarray(count, jnp.float32)
        rising = phase.lr_start + (phase.lr_peak - phase.lr_start) * step / max(warmup, 1)
        share = jnp.clip((step - warmup) / (steps - warmup), 0.0, 1.0)
        falling = phase.lr_end + (phase.lr_peak - phase.lr_end) * 0.5 * (1.0 + jnp.cos(jnp.pi * share))
        return jnp.where(step < warmup, rising, falling)

    return rate


def _configured(settings: Training) -> list[PhaseSettings]:
    """AdaBelief and Yogi where they have epochs, and the further phases."""
    found = []
    if settings.epochs_adabelief:
        keys = settings.adabelief.model_dump()
        found.append(PhaseSettings(optimiser="adabelief", epochs=settings.epochs_adabelief, options=BETAS, **keys))
    if settings.epochs_yogi:
        own = settings.yogi
        rates = {"lr_start": own.lr_start, "lr_peak": own.lr_start, "lr_end": own.lr_end, "warmup_fraction": 0.0}
        found.append(PhaseSettings(optimiser="yogi", epochs=settings.epochs_yogi, **rates))
    return [*found, *settings.phases]


def _named(phase: PhaseSettings) -> optax.GradientTransformation:
    """The optimiser of optax at a learning rate of 1 and without weight decay of its own, which knows no mask."""
    make = getattr(optax, phase.optimiser)
    known = inspect.signature(make).parameters
    fixed = {"learning_rate": 1.0} | ({"weight_decay": 0.0} if "weight_decay" in known else {})
    free = sorted(set(known) - set(fixed))
    unknown = [name for name in phase.options if name not in free]
    if unknown:
        raise UserError(
            f"training.phases: {phase.optimiser} has no option {unknown[0]!r} that can be set here; it has "
            f"{', '.join(free)}"
        )
    return make(**fixed, **phase.options)


def _decayed(parameters: Potential) -> PyTree[bool]:
    """True for the network's weights, in the tree of the trainable leaves."""
    spec = jax.tree.map(lambda _: False, parameters)
    if parameters.network is None:
        return spec
    network = jax.tree.map(lambda _: True, parameters.network)
    kept = [name for name in PER_TYPE if getattr(parameters.network, name) is not None]
    network = eqx.tree_at(lambda n: [getattr(n, name) for name in kept], network, [False] * len(kept))
    return eqx.tree_at(lambda p: p.network, spec, network)
