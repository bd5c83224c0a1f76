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
from cgpipe.training.devices import data_mesh
from cgpipe.training.feed import gather
from cgpipe.training.optimisers import trainable
from cgpipe.training.step import initial_state, make_step, start_epoch

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
    assert states[3].sums.components == 3 * 7 * 5 * 3
    assert float(states[2].sums.error2) > float(states[1].sums.error2) > 0.0
    assert states[3].step == 3
    cleared = start_epoch(states[3])
    assert (cleared.sums.error2, cleared.sums.components, cleared.sums.needed) == (0, 0, 0)
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
    assert heavier.sums.components == plain.sums.components
    np.testing.assert_allclose(heavier.sums.error2, plain.sums.error2, rtol=1e-5)
    assert uneven.sums.components < plain.sums.components


def test_mean_forces_pull_but_are_not_in_the_error_of_the_epoch():
    """Catches a training error that is not comparable with that of validation, and mean forces without effect."""
    parameters, fixed = eqx.partition(tiny_potential(), trainable(tiny_potential(), False))
    step, start = make_step(fixed, optax.sgd(1e-4), 1.0, 0.9, MESH), initial_state(parameters, optax.sgd(1e-4))
    both = step(start, BATCH)
    single = step(start, BATCH._replace(single=np.arange(8) < 5))
    assert same_bits(both.parameters, single.parameters)
    assert single.sums.components == 5 * 5 * 3 < both.sums.components
    assert 0 < float(single.sums.error2) < float(both.sums.error2)


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
    assert step_module.parts_on_cpu(BATCH, 8, MESH) == 4
    *_, parts = run_steps(tiny_potential(), steps=3)
    for a, b in zip(jax.tree.leaves(parts), jax.tree.leaves(states[3]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


SCRIPT = """
import json, re, sys
import equinox as eqx, jax
from training_toys import tiny_potential, toy_frames, toy_settings
from cgpipe.training.devices import data_mesh, local_part, on_devices
from cgpipe.training.feed import Feed
from cgpipe.training.metrics import evaluate
from cgpipe.training.optimisers import phases, trainable
from cgpipe.training.step import initial_state, make_evaluation, make_step, start_epoch
potential = tiny_potential()
parameters, fixed = eqx.partition(potential, trainable(potential, False))
frames = [toy_frames(20, 5, padding=1, noise=1.0)]
feed = Feed(frames, 16, seed=1)
optimiser = phases(toy_settings(epochs_adabelief=25), feed.steps_per_epoch, parameters)[0].optimiser
found = {}
for devices, accumulate in ((1, 1), (2, 1), (4, 1), (8, 1), (4, 2)):
    mesh = data_mesh(jax.devices()[:devices])
    state, step = initial_state(parameters, optimiser), make_step(fixed, optimiser, 1.0, 0.9, mesh, accumulate)
    losses = []
    for number in range(50):
        batch = on_devices(feed.at(number, local_part(mesh, feed.batch))[0], mesh)
        if number == 0:
            text = step.lower(state, batch).compile().as_text()
        state = step(start_epoch(state), batch)
        losses.append(float(state.sums.error2 / state.sums.components))
    gathered = [name for name in ("all-gather", "all-to-all", "collective-permute") if name + "(" in text]
    evaluation = make_evaluation(fixed, mesh)
    scores = evaluate(evaluation, parameters, frames, ("one",), feed.batch, mesh).total
    text = evaluation.lower(parameters, batch).compile().as_text()
    sent = re.findall(r"= (.*?) (?:all-\\w+|collective-permute|reduce-scatter)[-a-z]*\\(", text)
    moved = {shape for result in sent for shape in re.findall(r"\\[([\\d,]*)\\]", result)}
    found[f"{devices} × {accumulate}"] = {
        "losses": losses, "gathered": gathered, "scores": [scores.error2, scores.label2, scores.components],
        "moved": sorted(moved),
    }
json.dump(found, sys.stdout)
"""


def test_devices_and_parts_give_what_one_device_gives():
    """Same batches on 1, 2, 4 or 8 devices, in one part or two: losses of 50 steps and scores agree to 1e-5.

    Nothing but sums of frames crosses devices: catches a validation that every device does as a whole."""
    here = Path(__file__).resolve().parent
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0",
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one, *others = json.loads(done.stdout).values()
    assert one["losses"][-1] < 0.9 * one["losses"][0]
    for other in others:
        np.testing.assert_allclose(other["losses"], one["losses"], rtol=1e-5)
        assert other["gathered"] == []
        np.testing.assert_allclose(other["scores"], one["scores"], rtol=1e-5)
        assert other["moved"] == ["16"], "one number per frame and kind"
