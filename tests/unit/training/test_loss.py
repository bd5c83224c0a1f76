"""The loss against a plain loop over real components."""

import jax
import jax.numpy as jnp
import numpy as np
from model_toys import evaluate
from training_toys import tiny_potential, toy_frames

from cgpipe.training.feed import gather
from cgpipe.training.loss import force_loss, frame_errors, mean_squared_error

FRAMES = toy_frames(6, 5, padding=2, noise=1.0)


def test_mean_squared_error_counts_real_components_of_real_frames():
    """Catches padding, NaN in padding or filling rows in either sum; single precision."""
    potential = tiny_potential()
    batch = gather(FRAMES, np.arange(3), 5)
    errors = jax.jit(frame_errors)(potential, batch)
    total = 0.0
    for i in range(3):
        topology = jax.tree.map(lambda x, i=i: x[i, :5], FRAMES.topology)
        forces = evaluate(potential, jnp.asarray(FRAMES.R[i, :5]), topology).forces
        total += np.sum((np.asarray(forces, np.float64) - FRAMES.F[i, :5]) ** 2)
    np.testing.assert_allclose(mean_squared_error(errors, batch.weight), total / (3 * 5 * 3), rtol=1e-5)
    np.testing.assert_allclose(errors.label2[:3].sum(), np.sum(FRAMES.F[:3, :5] ** 2), rtol=1e-5)


def test_gamma_and_partial_batches_scale_the_objective():
    """Catches an ignored γ, and frames of a short batch that weigh more than others."""
    weight = np.array([1, 1, 0, 0], np.float32)
    assert force_loss(8.0 * jnp.ones(()), weight, 3.0) == 12.0
