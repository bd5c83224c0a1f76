"""Clipping acts on what is unusual and leaves the weights of proteins their meaning."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training_toys import tiny_potential, toy_frames, toy_settings

from cgpipe.training.clipping import FEWEST, WINDOW, clip_by_median_norm
from cgpipe.training.devices import data_mesh
from cgpipe.training.feed import Feed
from cgpipe.training.optimisers import phases, trainable
from cgpipe.training.step import initial_state, make_step


def norms_after(norms, multiple=10.0):
    """Norms that gradients of these norms have after clipping, and which of them were clipped."""
    clipping = clip_by_median_norm(multiple)
    gradients = {"a": jnp.asarray(norms) * 0.6, "b": jnp.asarray(norms) * 0.8}

    def step(state, gradient):
        clipped, state = clipping.update(gradient, state)
        return state, (jnp.hypot(clipped["a"], clipped["b"]), state.clipped)

    _, (after, which) = jax.lax.scan(step, clipping.init(gradients), gradients)
    return np.asarray(after), np.asarray(which)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_only_the_unusual_is_clipped(scale):
    """Detects a limit in absolute units, one that moves with the outlier itself, and one per leaf."""
    norms = scale * np.random.default_rng(1).uniform(0.5, 1.5, 60)
    norms[[20, 40]] *= 1e4
    after, clipped = norms_after(norms)
    assert clipped.nonzero()[0].tolist() == [20, 40]
    usual = np.delete(np.arange(60), [20, 40])
    np.testing.assert_allclose(after[usual], norms[usual], rtol=1e-5)
    np.testing.assert_allclose(after[20], 10 * np.median(norms[:20]), rtol=1e-5)


def test_the_first_steps_are_left_alone():
    """Detects a median of the untrained model's first few steps, which are chance."""
    norms = np.ones(FEWEST + 1)
    norms[1:] = 100.0
    assert not norms_after(norms)[1].any()


def test_the_window_forgets():
    """Detects a median over all steps: where gradients have grown for good, they are ordinary after a while."""
    _, clipped = norms_after(np.concatenate([np.ones(WINDOW), np.full(WINDOW, 50.0)]))
    assert clipped[WINDOW] and not clipped[-WINDOW // 4 :].any()


def test_a_gradient_that_is_not_finite_is_not_hidden():
    """Detects a NaN that clipping turns into an ordinary step, or that spoils the median of later ones."""
    norms = np.ones(30)
    norms[20] = np.nan
    after, _ = norms_after(norms)
    assert np.isnan(after[20]) and np.isfinite(after[21:]).all()


def trained(weights, **changes):
    """Weights of the network after two epochs of batches that hold one protein each, and the clipped steps."""
    potential = tiny_potential()
    parameters, fixed = eqx.partition(potential, trainable(potential, False))
    frames = [toy_frames(40, 5, noise=1000.0), toy_frames(40, 7, protein=1, seed=1, noise=1000.0)]
    feed = Feed(frames, 4, 0, weights)
    phase = phases(toy_settings(**changes), feed.steps_per_epoch, parameters)[0]
    mesh = data_mesh(jax.devices()[:1])
    step, state = make_step(fixed, phase.optimiser, 1.0, 0.9, mesh), initial_state(parameters, phase.optimiser)
    for number in range(phase.last_step):
        state = step(state, feed.at(number)[0])
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state.parameters)])
    start = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parameters)])
    return flat - start, int(state.clipped)


def test_the_weight_of_a_protein_matters():
    """Detects steps of one length whatever a batch weighs: with the default clipping a weight of 10 changes the result.

    A limit below all norms, as any absolute one can be, loses it. Cannot detect whether the change is for the better.
    """
    (even, none), (heavy, _) = trained((1.0, 1.0)), trained((10.0, 1.0))
    assert none == 0
    assert np.linalg.norm(heavy - even) > 0.1 * np.linalg.norm(even)
