"""The training of one model: epochs of steps, validation of the averaged weights, checkpoints, resumption.

The result is the averaged weights of the epoch with the lowest validation error, the untrained model (epoch 0)
included: a training that only memorises noise cannot end below where it began. A run that was killed and resumed gives
the same bits as one that was not.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cgpipe.config.models import Training
from cgpipe.data.store import Frames
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.training.checkpoint import Checkpoints, Progress
from cgpipe.training.distributed import StopSignal, agree_on, is_writer
from cgpipe.training.feed import Feed, on_devices
from cgpipe.training.metrics import Scores, evaluate
from cgpipe.training.optimisers import Phase, phases, trainable
from cgpipe.training.step import (
    TrainState,
    data_mesh,
    initial_state,
    make_evaluation,
    make_step,
    replicated,
    spread,
    start_epoch,
)


class Stopped(Exception):
    """The training stopped at a signal; a checkpoint is written."""


@dataclass(frozen=True)
class TrainingData:
    """Frames of the sets by length, and names and weights (empty: all the same) of the proteins in index order."""

    train: Sequence[Frames]
    validation: Sequence[Frames]
    proteins: Sequence[str]
    weights: Sequence[float] = ()


class Trainer:
    """A training from its first or last checkpoint to its end."""

    def __init__(
        self,
        potential: Potential,
        data: TrainingData,
        settings: Training,
        seed: int,
        checkpoints: Checkpoints,
        record: Callable[[list[dict[str, Any]]], None],
    ):
        """Set up; nothing is computed yet.

        Args:
            potential: the untrained model.
            data: frames to train on and to choose the best epoch by.
            settings: section ``training`` of the configuration.
            seed: of the order of frames.
            checkpoints: where they go.
            record: called with all epochs' lines after each epoch, in the writing process.
        """
        self._settings, self._data, self._checkpoints, self._record = settings, data, checkpoints, record
        self._mesh = data_mesh(jax.devices())
        self._batch = settings.batch_per_device * self._mesh.size
        self._feed = Feed(data.train, self._batch, seed, data.weights)
        self._slots = potential.neighbour_slots
        parameters, self._fixed = eqx.partition(potential, trainable(potential, settings.train_prior))
        self._phases = phases(settings, self._feed.steps_per_epoch, parameters)
        self._evaluation = make_evaluation(self._fixed, self._mesh)
        self._state, self._best = initial_state(parameters, self._phases[0].optimiser), parameters
        self._progress = Progress()

    def run(self) -> tuple[Potential, Progress]:
        """Train to the end; the best model and the history.

        Raises:
            Stopped: SIGTERM came.
            UserError: the loss is not finite any more.
        """
        self._resume()
        if not self._progress.history:
            self._close_epoch(0, None, 0.0)
        with StopSignal() as stop:
            for number, phase in enumerate(self._phases):
                if self._progress.step < phase.last_step:
                    self._run_phase(phase, stop)
                    if number + 1 < len(self._phases):
                        following = self._phases[number + 1].optimiser.init(self._state.parameters)
                        self._state = eqx.tree_at(lambda s: s.optimiser, self._state, following)
                    self._save()
        return eqx.combine(self._best, self._fixed), self._progress

    def evaluate(self, frames: Sequence[Frames]) -> Scores:
        """Scores of the best model so far."""
        return self._scores(self._evaluation, self._best, frames)

    def evaluate_prior(self, frames: Sequence[Frames]) -> Scores:
        """Scores of the best model's prior alone."""
        best = eqx.combine(self._best, self._fixed)
        parameters, fixed = eqx.partition(eqx.tree_at(lambda p: p.network, best, None), eqx.is_inexact_array)
        return self._scores(make_evaluation(fixed, self._mesh), parameters, frames)

    def _run_phase(self, phase: Phase, stop: StopSignal) -> None:
        s = self._settings
        step = make_step(self._fixed, phase.optimiser, s.gammas.F, s.ema_decay, self._mesh)
        per_epoch = self._feed.steps_per_epoch
        begun, frames = time.perf_counter(), 0
        first = self._progress.step
        while self._progress.step < phase.last_step:
            batch = self._feed.at(self._progress.step)
            self._state = step(self._state, on_devices(batch, spread(self._mesh)))
            self._progress.step += 1
            frames += int((batch.weight > 0).sum())
            done = self._progress.step
            if done % per_epoch == 0:
                jax.block_until_ready(self._state)
                seconds = time.perf_counter() - begun
                self._close_epoch(done // per_epoch, phase, frames / seconds)
                self._say_progress(seconds / (done - first))
            last = done == phase.last_step
            stopping = not last and stop.agreed(done)
            if stopping or (not last and done % s.checkpoint_steps == 0):
                self._save()
            if stopping:
                raise Stopped

    def _close_epoch(self, epoch: int, phase: Phase | None, frames_per_second: float) -> None:
        """Validate, keep the best, write the epoch's line."""
        if int(self._state.needed) > self._slots:
            raise UserError(
                f"a training frame needs {int(self._state.needed)} neighbour slots, the dataset allows {self._slots}; "
                "rerun the dataset stage with a larger dataset.capacity_margin"
            )
        components = float(self._state.components)
        train_mse = float(self._state.error2) / components if components else None
        scores = self._scores(self._evaluation, self._state.average, self._data.validation)
        if not np.isfinite(scores.total.mse) or not np.isfinite(train_mse or 0.0):
            raise UserError(
                f"the loss is not finite after epoch {epoch}; lower training.adabelief.lr_peak or training.clip"
            )
        best = scores.total.mse < self._progress.best_mse
        if best:
            self._best, self._progress.best_epoch = self._state.average, epoch
            self._progress.best_mse = scores.total.mse
        summary = scores.summary("val")
        line = {
            "epoch": epoch,
            "step": self._progress.step,
            "phase": phase.name if phase else "start",
            "lr": float(phase.learning_rate(self._progress.step - phase.first_step)) if phase else None,
            "train_mse": train_mse,
            "train_rmse": None if train_mse is None else train_mse**0.5,
            **summary,
            "frames_per_s": round(frames_per_second, 1),
            "best": best,
        }
        self._progress.history.append(line)
        self._state = start_epoch(self._state)
        if is_writer():
            self._record(self._progress.history)

    def _scores(self, evaluation: Callable[..., Any], parameters: Potential, frames: Sequence[Frames]) -> Scores:
        return evaluate(evaluation, parameters, frames, self._data.proteins, self._batch, spread(self._mesh))

    def _say_progress(self, seconds_per_step: float) -> None:
        line = self._progress.history[-1]
        total = self._phases[-1].last_step
        left = (total - self._progress.step) * seconds_per_step
        if is_writer():
            print(
                f"epoch {line['epoch']}/{total // self._feed.steps_per_epoch} {line['phase']}"
                f"  train {line['train_rmse']:.3f}  val {line['val_rmse']:.3f} kcal/mol/Å  R² {line['val_r2']:.4f}"
                f"{' *' if line['best'] else ''}  {line['frames_per_s']:.0f} frames/s  {left / 60:.1f} min left",
                file=sys.stderr,
                flush=True,
            )

    def _save(self) -> None:
        if is_writer():
            self._checkpoints.save(self._progress, (self._state, self._best))

    def _resume(self) -> None:
        """Take up the newest checkpoint, if any."""
        found = self._checkpoints.load(self._like)
        agree_on(-1 if found is None else found[0].step)
        leaves = self._state, self._best
        if found is not None:
            self._progress, leaves = found
            if is_writer():
                print(f"resuming at step {self._progress.step} of {self._phases[-1].last_step}", file=sys.stderr)
        self._state, self._best = jax.device_put(leaves, replicated(self._mesh))

    def _like(self, step: int) -> tuple[TrainState, Potential]:
        """A tree with the structure of a checkpoint after ``step`` steps."""
        current = [phase for phase in self._phases if step < phase.last_step] or self._phases[-1:]
        return initial_state(self._best, current[0].optimiser), self._best
