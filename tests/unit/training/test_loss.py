"""The loss against a plain loop over real components."""

import jax
import jax.numpy as jnp
import numpy as np
from model_toys import evaluate
from training_toys import tiny_potential, toy_frames

from cgpipe.training.feed import gather
from cgpipe.training.loss import force_loss, frame_errors, loss_scale

FRAMES = toy_frames(6, 5, padding=2, noise=1.0)


def test_loss_is_the_mean_over_real_components_of_real_frames():
    """Catches padding, its NaN or filling rows in either sum, an ignored γ, and a wrong weight of short batches."""
    potential = tiny_potential()
    batch = gather(FRAMES, np.arange(3), 5)
    errors = jax.jit(frame_errors)(potential, batch)
    total = 0.0
    for i in range(3):
        topology = jax.tree.map(lambda x, i=i: x[i, :5], FRAMES.topology)
        forces = evaluate(potential, jnp.asarray(FRAMES.R[i, :5]), topology).forces
        total += np.sum((np.asarray(forces, np.float64) - FRAMES.F[i, :5]) ** 2)
    loss = force_loss(errors, batch.weight, loss_scale(batch, gamma=2.0))
    share = 3 / 5
    np.testing.assert_allclose(loss, 2.0 * share * total / (3 * 5 * 3), rtol=1e-5)
    np.testing.assert_allclose(errors.label2[:3].sum(), np.sum(FRAMES.F[:3, :5] ** 2), rtol=1e-5)
