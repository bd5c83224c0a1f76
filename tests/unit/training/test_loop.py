"""The whole training on toy frames: it learns, it keeps the best, and interruption leaves no trace."""

import os
import signal

import jax
import numpy as np
import pytest
from model_toys import CUTOFF
from training_toys import PROTEINS, same_bits, tiny_potential, toy_frames, toy_settings

from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.training.checkpoint import Checkpoints
from cgpipe.training.feed import gather
from cgpipe.training.loop import Stopped, Trainer, TrainingData
from cgpipe.training.loss import frame_errors

DATA = TrainingData([toy_frames(14, 5, padding=1)], [toy_frames(5, 5, padding=1, seed=8)], PROTEINS)
STEPS_PER_EPOCH = 4
SETTINGS = toy_settings(epochs_adabelief=2, epochs_yogi=1, adabelief={"lr_peak": 0.05})


class Killed(BaseException):
    """Stands in for kill -9: nothing may catch it."""


def trainer(folder, settings=SETTINGS, record=lambda lines: None, data=DATA, identity="run"):
    checkpoints = Checkpoints(folder, identity, settings.keep_checkpoints)
    return Trainer(tiny_potential(), data, settings, 0, checkpoints, record)


def stable(history):
    """Lines without what depends on the clock."""
    return [{key: value for key, value in line.items() if key not in ("frames_per_s", "waiting")} for line in history]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return trainer(tmp_path_factory.mktemp("whole")).run()


def test_it_learns(uninterrupted):
    """Validation error falls below that of the untrained network, and every epoch has its line."""
    _, progress = uninterrupted
    assert [line["epoch"] for line in progress.history] == [0, 1, 2, 3]
    assert [line["phase"] for line in progress.history] == ["start", "adabelief", "adabelief", "yogi"]
    assert [line["step"] for line in progress.history] == [0, 4, 8, 12]
    assert progress.best_mse < progress.history[0]["val_mse"]


def test_weights_of_proteins_matter(tmp_path):
    """Catches weights that get lost between the data and the steps."""
    frames = [toy_frames(14, 5, padding=1), toy_frames(6, 7, protein=1, seed=3)]
    settings = toy_settings(epochs_adabelief=1)
    runs = [
        trainer(tmp_path / str(w), settings, data=TrainingData(frames, DATA.validation, PROTEINS, (1.0, w))).run()
        for w in (1.0, 9.0)
    ]
    assert runs[0][1].history[1]["val_mse"] != runs[1][1].history[1]["val_mse"]


def test_the_best_epoch_is_returned(uninterrupted):
    """The model is that of the lowest validation error: catches the last one, and weights in place of their average."""
    model, progress = uninterrupted
    best = min(progress.history, key=lambda line: line["val_mse"])
    assert (best["epoch"], best["val_mse"]) == (progress.best_epoch, progress.best_mse)
    assert best["best"]
    again = jax.jit(frame_errors)(model, gather(DATA.validation[0], np.arange(5), 5))
    np.testing.assert_allclose(again.error2.sum() / again.components.sum(), best["val_mse"], rtol=1e-5)


def test_training_that_only_harms_returns_the_untrained_model(tmp_path):
    """Frames to validate on that contradict those to train on: the result cannot end below the start."""
    frames = DATA.validation[0]
    contrary = TrainingData(DATA.train, [frames._replace(F=-frames.F)], PROTEINS)
    model, progress = trainer(tmp_path, data=contrary).run()
    assert progress.best_epoch == 0
    assert same_bits(model, tiny_potential())


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    """Two epochs without a better model end it, in whatever phase; taken up again it stays ended. Also catches patience
    that does not end a phase which is followed by others."""
    frames = DATA.validation[0]
    contrary = TrainingData(DATA.train, [frames._replace(F=-frames.F)], PROTEINS)
    settings = toy_settings(epochs_adabelief=5, epochs_yogi=1, patience=2, adabelief={"lr_peak": 0.05})
    begun = trainer(tmp_path, settings, data=contrary)
    _, progress = begun.run()
    assert (progress.best_epoch, progress.history[-1]["epoch"], progress.ended) == (0, 2, True)
    assert not same_bits(begun.last, tiny_potential())
    again = trainer(tmp_path, settings, lambda lines: pytest.fail("an epoch was run"), contrary)
    assert again.run()[1].ended
    assert same_bits(again.last, begun.last)


@pytest.mark.parametrize("killed_after_epoch", [1, 2])
def test_killed_and_resumed_is_bit_identical(uninterrupted, tmp_path, killed_after_epoch):
    """Killed between checkpoints and taken up again: same weights to the last bit, same history. On one CPU device."""

    def record(lines):
        if lines[-1]["epoch"] == killed_after_epoch:
            raise Killed

    with pytest.raises(Killed):
        trainer(tmp_path, record=record).run()
    assert list(tmp_path.glob("run/*.checkpoint"))
    model, progress = trainer(tmp_path).run()
    assert same_bits(model, uninterrupted[0])
    assert stable(progress.history) == stable(uninterrupted[1].history)


def test_finished_run_only_returns_its_result(uninterrupted, tmp_path):
    """Started again after its end, a training does not train on."""
    trainer(tmp_path).run()
    model, progress = trainer(tmp_path, record=lambda lines: pytest.fail("an epoch was run")).run()
    assert same_bits(model, uninterrupted[0])
    assert stable(progress.history) == stable(uninterrupted[1].history)


@pytest.mark.usefixtures("sigterm")
def test_sigterm_writes_a_checkpoint_and_stops(uninterrupted, tmp_path):
    """A stop at a step without a checkpoint of its own loses nothing."""

    def record(lines):
        if lines[-1]["epoch"] == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        trainer(tmp_path, record=record).run()
    assert [path.name for path in tmp_path.glob("run/*")][-1] == f"step-{STEPS_PER_EPOCH:010d}.checkpoint"
    assert same_bits(trainer(tmp_path).run()[0], uninterrupted[0])


def test_loss_that_is_not_finite_ends_with_advice(tmp_path):
    """Catches a training that goes on with NaN."""
    broken = toy_frames(8, 5)
    broken.F[3, 2, 1] = np.inf
    with pytest.raises(UserError, match="not finite after epoch 1"):
        trainer(tmp_path, SETTINGS, data=TrainingData([broken], DATA.validation, PROTEINS)).run()


def test_too_few_slots_are_reported(tmp_path):
    """A frame that needs more neighbours than the model has slots ends the training instead of dropping edges."""
    narrow = Potential(None, tiny_potential().network, CUTOFF, 2)
    with pytest.raises(UserError, match="needs 4 neighbour slots, the dataset allows 2"):
        Trainer(narrow, DATA, toy_settings(), 0, Checkpoints(tmp_path, "run", 1), lambda lines: None).run()
