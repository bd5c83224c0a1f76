"""Scores against plain sums, and batches that are not waited for one by one."""

import jax
import jax.numpy as jnp
import numpy as np
from model_toys import evaluate as evaluate_one
from training_toys import PROTEINS, tiny_potential, toy_frames

from cgpipe.training import metrics
from cgpipe.training.devices import data_mesh
from cgpipe.training.loss import FrameErrors, frame_errors
from cgpipe.training.metrics import IN_FLIGHT, Score, evaluate

MESH = data_mesh(jax.devices()[:1])


def test_score():
    """R² about zero; no division by zero where labels vanish."""
    score = Score(error2=20.0, label2=80.0, components=5.0)
    assert (score.mse, score.rmse, score.r2) == (4.0, 2.0, 0.75)
    assert Score(1.0, 0.0, 3.0).r2 == 0.0


def test_scores_per_protein_and_in_all():
    """Catches filling rows and padding in the sums, and frames counted for the wrong protein."""
    potential = tiny_potential()
    first, second = toy_frames(5, 5, padding=2), toy_frames(3, 5, padding=2, protein=1, seed=2)
    both = jax.tree.map(lambda *parts: np.concatenate(parts), first, second)
    scores = evaluate(jax.jit(frame_errors), potential, [both], PROTEINS, 6, MESH)
    assert scores.total.components == 8 * 5 * 3
    for name, frames in zip(PROTEINS, (first, second), strict=True):
        error2 = 0.0
        for i in range(len(frames.R)):
            topology = jax.tree.map(lambda x, i=i: x[i, :5], frames.topology)
            forces = evaluate_one(potential, jnp.asarray(frames.R[i, :5]), topology).forces
            error2 += float(np.sum((np.asarray(forces) - frames.F[i, :5]) ** 2))
        np.testing.assert_allclose(scores.by_protein[name].error2, error2, rtol=1e-4)
    assert set(scores.summary("test")) >= {"test_mse", "test_rmse", "test_r2", "test_r2_by_protein"}


def test_batches_are_sent_ahead_of_the_results(monkeypatch):
    """Devices get the next batches before the errors of the first are asked for, and not all batches at once."""
    events = []

    def evaluation(parameters, batch):
        events.append("sent")
        ones = jnp.ones(len(batch.weight))
        return FrameErrors(ones, ones, ones, ones)

    columns = metrics._columns
    monkeypatch.setattr(metrics, "_columns", lambda errors: events.append("asked") or columns(errors))
    frames = [toy_frames(9, 5), toy_frames(7, 6, protein=1)]
    scores = evaluate(evaluation, tiny_potential(), frames, PROTEINS, 2, MESH)
    assert scores.total.components == 16
    assert {name: score.components for name, score in scores.by_protein.items()} == dict(
        zip(PROTEINS, (9, 7), strict=True)
    )
    on_their_way = [events[:i].count("sent") - events[:i].count("asked") for i in range(len(events) + 1)]
    assert max(on_their_way) == IN_FLIGHT + 1
    assert events.count("sent") == events.count("asked") == 5 + 4
