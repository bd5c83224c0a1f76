"""Each key of the optimisers does what it says, on trees of a few weights."""

from typing import get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from model_toys import toy_potential
from training_toys import tiny_potential, toy_settings

from cgpipe.config.training import Optimiser
from cgpipe.errors import UserError
from cgpipe.training.clipping import FEWEST
from cgpipe.training.optimisers import phases, trainable

STEPS = 100
RATES = {"lr_start": 0.001, "lr_peak": 0.02, "lr_end": 0.002, "warmup_fraction": 0.2}


def parameters():
    potential = tiny_potential()
    return eqx.filter(potential, trainable(potential, False))


def first_update(settings, gradient):
    phase = phases(settings, STEPS, parameters())[0]
    with jax.numpy_dtype_promotion("standard"):  # as in a step: optax needs it
        return phase.optimiser.update(gradient, phase.optimiser.init(parameters()), parameters())[0]


def test_learning_rates():
    """Catches wrong ends, peak or warm-up share of AdaBelief's schedule, and wrong ends of Yogi's."""
    settings = toy_settings(epochs_adabelief=3, epochs_yogi=2, adabelief=RATES, yogi={"lr_start": 0.1, "lr_end": 0.01})
    one, two = phases(settings, STEPS, parameters())
    assert (one.name, one.first_step, one.last_step) == ("adabelief", 0, 300)
    assert (two.name, two.first_step, two.last_step) == ("yogi", 300, 500)
    np.testing.assert_allclose([one.learning_rate(s) for s in (0, 60, 300)], [0.001, 0.02, 0.002], rtol=1e-5)
    np.testing.assert_allclose([two.learning_rate(s) for s in (0, 200)], [0.1, 0.01], rtol=1e-5)


@pytest.mark.parametrize(("adabelief", "yogi", "names"), [(1, 0, ["adabelief"]), (0, 1, ["yogi"])])
def test_no_epochs_skip_a_phase(adabelief, yogi, names):
    """Catches a phase of zero steps, which has no schedule."""
    settings = toy_settings(epochs_adabelief=adabelief, epochs_yogi=yogi)
    assert [phase.name for phase in phases(settings, STEPS, parameters())] == names


def test_one_step_of_training_is_possible():
    """Catches a warm-up that is as long as the whole training."""
    assert np.isfinite(phases(toy_settings(epochs_adabelief=1), 1, parameters())[0].learning_rate(0))


@pytest.mark.parametrize("phase", [{}, {"epochs_adabelief": 0, "epochs_yogi": 1}])
@pytest.mark.parametrize(("clip", "clipped"), [(10.0, True), (1e7, False)])
def test_every_phase_clips(phase, clip, clipped):
    """Catches a phase without clipping, or with another multiple: a step a million times as long as those before it."""
    made = phases(toy_settings(clip=clip, **phase), STEPS, parameters())[0].optimiser
    gradient = jax.tree.map(lambda x: jnp.full_like(x, 0.02), parameters())

    def step(state, factor):
        scaled = jax.tree.map(lambda g: g * factor, gradient)
        return made.update(scaled, state, parameters())[1], None

    with jax.numpy_dtype_promotion("standard"):  # as in a step: optax needs it
        state, _ = jax.lax.scan(step, made.init(parameters()), jnp.array([1.0] * FEWEST + [1e6]))
    assert bool(optax.tree_utils.tree_get(state, "clipped")) == clipped


def test_weight_decay_touches_the_networks_weights_only():
    """Without a gradient weights shrink by lr × decay, and what belongs to a type stays."""
    settings = toy_settings(adabelief={**RATES, "weight_decay": 0.5})
    update = first_update(settings, jax.tree.map(jnp.zeros_like, parameters()))
    before, after = parameters().network, update.network
    np.testing.assert_allclose(after.readout.weights[0], -0.001 * 0.5 * before.readout.weights[0], rtol=1e-5)
    np.testing.assert_allclose(after.layers[0].path_weights, -0.0005 * before.layers[0].path_weights, rtol=1e-5)
    for name in ("centre_types", "neighbour_types", "type_scale"):
        assert not np.any(getattr(after, name))


@pytest.mark.parametrize("name", get_args(Optimiser))
def test_every_optimiser_goes_downhill_in_proportion_to_the_rate(name):
    """Catches names that optax does not have, an ignored learning rate, steps uphill, and decay that is not masked."""
    small, large, decaying = (
        toy_settings(
            epochs_adabelief=0,
            phases=[{"optimiser": name, "epochs": 1, "lr_start": rate, "warmup_fraction": 0.5, "weight_decay": decay}],
        )
        for rate, decay in ((1e-3, 0.0), (2e-3, 0.0), (1e-3, 0.5))
    )
    gradient = jax.tree.map(lambda x: jnp.full_like(x, 0.02), parameters())
    one, two, decayed = (first_update(settings, gradient) for settings in (small, large, decaying))
    before = parameters()

    def leaf(tree):
        return np.asarray(tree.network.readout.weights[0])

    assert np.all(leaf(one) < 0)
    np.testing.assert_allclose(leaf(two), 2 * leaf(one), rtol=1e-4)
    np.testing.assert_allclose(leaf(decayed), leaf(one) - 1e-3 * 0.5 * leaf(before), rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(decayed.network.type_scale, one.network.type_scale)


def test_options_reach_the_optimiser_and_unknown_ones_are_named():
    """Catches options that do nothing, and a misspelt one that passes."""
    gradient = jax.tree.map(lambda x: jnp.full_like(x, 0.02), parameters())

    def update(**options):
        phase = {"optimiser": "rmsprop", "epochs": 1, "options": options}
        return first_update(toy_settings(epochs_adabelief=0, phases=[phase]), gradient).network.readout.weights[0]

    assert np.any(update() != update(decay=0.5))
    with pytest.raises(UserError, match=r"rmsprop has no option 'decoy' that can be set here; it has .*decay"):
        update(decoy=0.5)


def test_phases_follow_each_other():
    """Catches further phases that replace the two, or begin at the wrong step."""
    further = [{"optimiser": "lion", "epochs": 2}, {"optimiser": "sgd", "epochs": 1}]
    made = phases(toy_settings(epochs_adabelief=1, epochs_yogi=1, phases=further), STEPS, parameters())
    assert [(p.name, p.last_step) for p in made] == [("adabelief", 100), ("yogi", 200), ("lion", 400), ("sgd", 500)]


def test_prior_is_frozen_unless_it_is_trained():
    """Catches trainable leaves of a frozen prior, and limits of the data that training would move."""
    potential = toy_potential()
    assert not any(jax.tree.leaves(trainable(potential, False).prior))
    free = trainable(potential, True).prior
    assert free.bond_k
    assert not free.angle_lower


def test_shift_per_type_is_frozen():
    """Forces say nothing about it: catches weight decay or noise that would move energies without a reason."""
    spec = trainable(tiny_potential(), False)
    assert not spec.network.type_shift
    assert spec.network.type_scale
