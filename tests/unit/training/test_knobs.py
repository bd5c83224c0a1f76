"""Every key of the section ``training`` does something: changed, it leads to other weights, steps or files.

Whether it does the right thing is for the tests of its own.
"""

from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from pydantic import BaseModel
from test_loop import DATA, trainer
from training_toys import tiny_potential, toy_settings

from cgpipe.config.training import Phase, Training
from cgpipe.training.optimisers import phases, trainable

STEPS = 3
PHASE = {"optimiser": "rmsprop", "epochs": 2}
BASE = {"epochs_adabelief": 2, "epochs_yogi": 1, "phases": [PHASE]}
OPTIMISERS = {
    "epochs_adabelief": 3,
    "epochs_yogi": 0,
    "phases": [],
    "adabelief.lr_start": 2e-3,
    "adabelief.lr_peak": 2e-2,
    "adabelief.lr_end": 2e-3,
    "adabelief.warmup_fraction": 0.5,
    "adabelief.weight_decay": 0.5,
    "yogi.lr_start": 2e-3,
    "yogi.lr_end": 1e-4,
    "phases.optimiser": "sgd",
    "phases.epochs": 3,
    "phases.lr_start": 2e-4,
    "phases.lr_peak": 2e-3,
    "phases.lr_end": 2e-4,
    "phases.warmup_fraction": 0.5,
    "phases.weight_decay": 0.5,
    "phases.options": {"decay": 0.5},
}
"""Keys that the optimisers take, and another value for each."""

LOOP = {"batch_per_device": 8, "accumulate": 2, "checkpoint_steps": 1, "keep_checkpoints": 3}
"""Keys that change the steps or the files of a training."""

ELSEWHERE = {
    "patience": "training/test_loop.py::test_patience_ends_a_training_that_gets_no_better",
    "val_fraction": "data/test_splits.py::test_shares",
    "balance": "training/test_train_stage.py::test_balance_reaches_the_training",
    "gammas.F": "training/test_step.py::test_no_average_and_gamma",
    "gammas.U": "config/test_load.py::energies",
    "pretrain_prior": "training/test_train_stage.py::test_pretrained_prior_is_reported_saved_and_kept",
    "pretrain_frames": "training/test_pretrain.py::test_frames_are_bounded_and_spread",
    "pretrain_steps": "training/test_pretrain.py::test_bounds_of_the_fit",
    "pretrain_tolerance": "training/test_pretrain.py::test_bounds_of_the_fit",
    "train_prior": "training/test_step.py::test_prior_moves_only_where_it_is_trained",
    "clip": "training/test_optimisers.py::test_every_phase_clips",
    "ema_decay": "training/test_step.py::test_average_of_the_weights",
    "loggers": "training/test_loggers.py::test_tensorboard_gets_every_number",
}
"""Keys whose own tests change them."""


def keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """All keys of a section; those of sections in it with their names in front."""
    found = set()
    for name, field in model.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            found |= keys(nested, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def test_every_key_is_tested():
    """Catches a new key without a test, and a test that was renamed or has gone."""
    assert keys(Training) | keys(Phase, "phases.") == OPTIMISERS.keys() | LOOP.keys() | ELSEWHERE.keys()
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert name in (Path(__file__).parents[1] / file).read_text(), place


def walked(**changes) -> list[np.ndarray]:
    """Weights after all steps of all phases, whose gradients are the same random numbers each time."""
    potential = tiny_potential()
    weights = jax.tree.map(lambda x, free: x if free else None, potential, trainable(potential, False))
    rng = np.random.default_rng(0)
    for phase in phases(toy_settings(**BASE | changes), STEPS, weights):
        state = phase.optimiser.init(weights)
        for _ in range(phase.last_step - phase.first_step):
            gradient = jax.tree.map(lambda x: rng.normal(scale=0.02, size=x.shape).astype(np.float32), weights)
            with jax.numpy_dtype_promotion("standard"):
                update, state = phase.optimiser.update(gradient, state, weights)
            weights = optax.apply_updates(weights, update)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(weights)]


@pytest.fixture(scope="module")
def unchanged() -> list[np.ndarray]:
    with jax.numpy_rank_promotion("raise"):
        return walked()


def test_a_walk_can_be_repeated(unchanged):
    """Without this, differences in the next test would say nothing."""
    assert all(np.array_equal(a, b) for a, b in zip(walked(), unchanged, strict=True))


@pytest.mark.parametrize("key", OPTIMISERS)
def test_keys_of_the_optimisers(unchanged, key):
    """Another value leads to other weights; catches keys that are lost on the way to the optimiser."""
    name, _, inner = key.partition(".")
    value = OPTIMISERS[key]
    if name == "phases" and inner:
        value = [{**PHASE, inner: value}]
    elif inner:
        value = {inner: value}
    assert any(not np.array_equal(a, b) for a, b in zip(walked(**{name: value}), unchanged, strict=True))


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        ({}, [2, 3, 4]),
        ({"batch_per_device": 8}, [1, 2]),
        ({"accumulate": 2}, [1, 2]),
        ({"keep_checkpoints": 1}, [4]),
        ({"checkpoint_steps": 3}, [3, 4]),
    ],
)
def test_keys_of_the_loop(tmp_path, changes, files):
    """Steps of an epoch of 14 frames, and the checkpoints that are left."""
    settings = toy_settings(**{"epochs_adabelief": 1, "checkpoint_steps": 1, "keep_checkpoints": 3} | changes)
    _, progress = trainer(tmp_path, settings, data=DATA).run()
    assert progress.history[-1]["step"] == files[-1]
    assert sorted(path.name for path in tmp_path.glob("run/*")) == [f"step-{n:010d}.checkpoint" for n in files]
