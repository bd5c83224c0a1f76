"""One compiled step: what moves, what does not, and that devices only share the work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from model_toys import CUTOFF, toy_prior
from training_toys import same_bits, tiny_network, tiny_potential, toy_frames

from cgpipe.model.potential import Potential
from cgpipe.training import step as step_module
from cgpipe.training.feed import gather
from cgpipe.training.optimisers import trainable
from cgpipe.training.step import data_mesh, initial_state, make_step, start_epoch

FRAMES = toy_frames(8, 5, padding=1, noise=1.0)
BATCH = gather(FRAMES, np.arange(7), 8)
MESH = data_mesh(jax.devices()[:1])


def run_steps(potential, steps=1, ema=0.9, gamma=1.0, train_prior=False, optimiser=None):
    """States before and after some steps of plain gradient descent on one batch."""
    optimiser = optimiser or optax.sgd(1e-4)
    parameters, fixed = eqx.partition(potential, trainable(potential, train_prior))
    states = [initial_state(parameters, optimiser)]
    step = make_step(fixed, optimiser, gamma, ema, MESH)
    for _ in range(steps):
        states.append(step(states[-1], BATCH))
    return states


@pytest.fixture(scope="module")
def states():
    return run_steps(tiny_potential(), steps=3)


def test_every_weight_of_the_network_moves(states):
    """Catches a leaf that the forces do not reach, or that is left out of the update."""
    for before, after in zip(jax.tree.leaves(states[0].parameters), jax.tree.leaves(states[1].parameters), strict=True):
        assert np.any(before != after)


def test_average_of_the_weights(states):
    """The average follows with decay min(0.9, (1 + t)/(10 + t)), at every step."""
    average = np.asarray(states[0].parameters.network.readout.weights[0], np.float64)
    for t, state in enumerate(states[1:]):
        decay = min(0.9, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * np.asarray(state.parameters.network.readout.weights[0])
        np.testing.assert_allclose(state.average.network.readout.weights[0], average, rtol=1e-5, atol=1e-7)


def test_sums_of_the_epoch(states):
    """Squared errors and components of real frames add up over steps and can be reset."""
    assert states[3].components == 3 * 7 * 5 * 3
    assert float(states[2].error2) > float(states[1].error2) > 0.0
    assert states[3].step == 3
    cleared = start_epoch(states[3])
    assert (cleared.error2, cleared.components, cleared.needed) == (0, 0, 0)
    assert same_bits(cleared.parameters, states[3].parameters)


def test_weights_change_the_step_and_not_the_error():
    """Heavier frames pull harder, in proportion; the epoch's error still counts every frame once."""
    potential, optimiser = tiny_potential(), optax.sgd(1.0)  # large steps: differences are above the rounding
    parameters, fixed = eqx.partition(potential, trainable(potential, False))
    step = make_step(fixed, optimiser, 1.0, 0.9, MESH)
    start = initial_state(parameters, optimiser)

    def moved(weights):
        weight = np.array([*weights, 0.0], np.float32)
        after = step(start, BATCH._replace(weight=weight))
        pairs = zip(jax.tree.leaves(after.parameters), jax.tree.leaves(start.parameters), strict=True)
        return after, np.concatenate([np.ravel(a - b) for a, b in pairs])

    (plain, even), (_, heavy) = moved([1.0] * 7), moved([2.0] * 7)
    (uneven, first), (_, rest) = moved([7.0] + [0.0] * 6), moved([0.0] + [7 / 6] * 6)
    scale = np.abs(even).max()
    np.testing.assert_allclose(heavy, 2 * even, atol=1e-3 * scale)
    np.testing.assert_allclose(first / 7 + rest * 6 / 7, even, atol=1e-3 * scale)
    heavier, _ = moved([2.0] * 3 + [0.5] * 4)
    assert heavier.components == plain.components
    np.testing.assert_allclose(heavier.error2, plain.error2, rtol=1e-5)
    assert uneven.components < plain.components


def test_no_average_and_gamma():
    """With decay 0 the average is the weights; with twice the γ a plain gradient step is twice as long."""
    once, twice = (run_steps(tiny_potential(), ema=0.0, gamma=gamma, optimiser=optax.sgd(0.01)) for gamma in (1.0, 2.0))
    assert same_bits(once[1].average, once[1].parameters)
    steps = [
        np.asarray(s[1].parameters.network.radial.weights[0] - s[0].parameters.network.radial.weights[0])
        for s in (once, twice)
    ]
    np.testing.assert_allclose(steps[1], 2.0 * steps[0], rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("train_prior", [False, True])
def test_prior_moves_only_where_it_is_trained(train_prior):
    """A frozen prior is bit-identical even under weight decay; a trained one moves, but for the limits of its data."""
    potential = Potential(toy_prior(), tiny_network(), CUTOFF, 8)
    optimiser = optax.adamw(1e-3, weight_decay=0.1)
    *_, state = run_steps(potential, train_prior=train_prior, optimiser=optimiser)
    fixed = eqx.partition(potential, trainable(potential, train_prior))[1]
    moved = eqx.combine(state.parameters, fixed).prior
    assert same_bits(moved, potential.prior) is not train_prior
    assert same_bits(moved.angle_lower, potential.prior.angle_lower)


def test_batch_in_parts_gives_the_whole(monkeypatch, states):
    """Frames worked off in parts, the last ones of weight 0, add up to the same step within rounding."""
    monkeypatch.setattr(step_module, "EDGES_PER_PART", 70)
    assert step_module.parts_on_one_cpu(BATCH, 8, MESH) == 4
    *_, parts = run_steps(tiny_potential(), steps=3)
    for a, b in zip(jax.tree.leaves(parts), jax.tree.leaves(states[3]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


SCRIPT = """
import json, sys
import equinox as eqx, jax, numpy as np, optax
from training_toys import tiny_potential, toy_frames
from cgpipe.training.feed import Feed, on_devices
from cgpipe.training.optimisers import trainable
from cgpipe.training.step import data_mesh, initial_state, make_step, spread
mesh = data_mesh(jax.devices())
potential = tiny_potential()
parameters, fixed = eqx.partition(potential, trainable(potential, False))
optimiser = optax.sgd(1e-4)
state, step = initial_state(parameters, optimiser), make_step(fixed, optimiser, 1.0, 0.9, mesh)
feed = Feed([toy_frames(10, 5, padding=1, noise=1.0)], 4, seed=1)
for number in range(4):
    batch = on_devices(feed.at(number), spread(mesh))
    if number == 0:
        text = step.lower(state, batch).compile().as_text()
    state = step(state, batch)
gathered = [name for name in ("all-gather", "all-to-all", "collective-permute") if name + "(" in text]
weights = [float(x) for leaf in jax.tree.leaves(state.parameters) for x in np.ravel(leaf)]
json.dump({"devices": mesh.size, "weights": weights, "gathered": gathered}, sys.stdout)
"""


def on_forced_devices(count: int) -> dict:
    here = Path(__file__).resolve().parent
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={count} --xla_backend_optimization_level=0",
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_two_devices_give_what_one_gives():
    """Same batches, split over two devices: weights agree to 1e-5, and nothing but sums crosses devices."""
    one, two = on_forced_devices(1), on_forced_devices(2)
    assert (one["devices"], two["devices"]) == (1, 2)
    np.testing.assert_allclose(two["weights"], one["weights"], rtol=1e-5, atol=1e-6)
    assert two["gathered"] == []
