"""The training of one model: epochs of steps, validation of the averaged weights, checkpoints, resumption.

The result is the averaged weights of the epoch with the lowest validation error, the untrained model (epoch 0)
included: a training that only memorises noise cannot end below where it began. A run that was killed and resumed gives
the same bits as one that was not.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOBase
from typing import Any, cast

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from cgpipe.config.training import Training, frames_per_step
from cgpipe.data.prefetch import Prefetch
from cgpipe.data.splits import MEAN_FORCE
from cgpipe.data.store import Dataset
from cgpipe.data.stored import Source
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.training.checkpoint import Checkpoints, Progress
from cgpipe.training.devices import data_mesh, local_part, on_devices, replicated
from cgpipe.training.display import Display
from cgpipe.training.distributed import StopSignal, agree_on, is_writer
from cgpipe.training.feed import Batch, Feed, protein_weights
from cgpipe.training.metrics import Scores, evaluate
from cgpipe.training.optimisers import Phase, phases, trainable
from cgpipe.training.step import TrainState, initial_state, make_evaluation, make_step, start_epoch

IN_FLIGHT = 3
"""Steps that may be on their way: enough to keep devices busy, few enough to bound the memory of their batches."""


class Stopped(Exception):
    """The training stopped at a signal; a checkpoint is written."""


@dataclass(frozen=True)
class TrainingData:
    """Frames of the sets by length, and names and weights (empty: all the same) of the proteins in index order."""

    train: Sequence[Source]
    validation: Sequence[Source]
    proteins: Sequence[str]
    weights: Sequence[float] = ()

    @classmethod
    def of(cls, dataset: Dataset, balance: str) -> "TrainingData":
        """The frames of an open dataset, to be read while it is open; ``balance`` as in `protein_weights`.

        Raises:
            UserError: none to train on, or none to validate with.
        """
        train, validation = dataset.stored("train", MEAN_FORCE), dataset.stored("val")
        for name, frames in (("train", train), ("val", validation)):
            if not frames:
                raise UserError(
                    f"no frames in the dataset's {name!r} set; add frames or make dataset.block_frames smaller"
                )
        weights = protein_weights([protein.weight for protein in dataset.proteins], train, balance)
        return cls(train, validation, [protein.name for protein in dataset.proteins], weights)


class Meter:
    """Counts frames and times since it was made."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self.frames = 0

    def rates(self, waited: float) -> dict[str, float]:
        """Frames per second; and the share of the time spent in waiting for frames, given that time [s]."""
        seconds = time.perf_counter() - self._begun
        return {"frames_per_s": round(self.frames / seconds, 1), "waiting": round(waited / seconds, 4)}


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
        self._batch = frames_per_step(settings, jax.device_count())
        self._feed = Feed(data.train, self._batch, seed, data.weights)
        self._slots = potential.neighbour_slots
        parameters, self._fixed = eqx.partition(potential, trainable(potential, settings.train_prior))
        self._phases = phases(settings, self._feed.steps_per_epoch, parameters)
        self._evaluation = make_evaluation(self._fixed, self._mesh)
        self._state, self._best = initial_state(parameters, self._phases[0].optimiser), parameters
        self._progress = Progress()
        self._display = Display(self._phases[-1].last_step, cast(TextIOBase, sys.stderr), quiet=not is_writer())

    def run(self) -> tuple[Potential, Progress]:
        """Train to the end; the best model and the history.

        Raises:
            Stopped: SIGTERM came.
            UserError: the loss is not finite any more.
        """
        with StopSignal() as stop:
            self._resume()
            if not self._progress.history:
                self._close_epoch(0, None, {})
            for number, phase in enumerate(self._phases):
                if self._progress.step < phase.last_step and not self._progress.ended:
                    self._run_phase(phase, stop)
                    if self._progress.step == phase.last_step and number + 1 < len(self._phases):
                        following = self._phases[number + 1].optimiser.init(self._state.parameters)
                        self._state = eqx.tree_at(lambda s: s.optimiser, self._state, following)
                    self._save()
        return eqx.combine(self._best, self._fixed), self._progress

    @property
    def last(self) -> Potential:
        """The averaged weights of the last step so far."""
        return eqx.combine(self._state.average, self._fixed)

    def evaluate(self, frames: Sequence[Source]) -> Scores:
        """Scores of the best model so far."""
        return self._scores(self._evaluation, self._best, frames)

    def evaluate_prior(self, frames: Sequence[Source]) -> Scores:
        """Scores of the best model's prior alone."""
        best = eqx.combine(self._best, self._fixed)
        parameters, fixed = eqx.partition(eqx.tree_at(lambda p: p.network, best, None), eqx.is_inexact_array)
        return self._scores(make_evaluation(fixed, self._mesh), parameters, frames)

    def _run_phase(self, phase: Phase, stop: StopSignal) -> None:
        s, progress = self._settings, self._progress
        step = make_step(self._fixed, phase.optimiser, s.gammas.F, s.ema_decay, self._mesh, s.accumulate)
        meter, seen = Meter(), 0
        in_flight: deque[Array] = deque()
        with Prefetch(map(self._prepared, range(progress.step, phase.last_step))) as batches:
            for batch, frames in batches:
                self._state = step(self._state, batch)
                in_flight.append(self._state.step)
                if len(in_flight) > IN_FLIGHT:
                    jax.block_until_ready(in_flight.popleft())
                progress.step += 1
                meter.frames += frames
                seen += frames
                self._display.step(progress.step, seen)
                done = progress.step
                if done % self._feed.steps_per_epoch == 0:
                    jax.block_until_ready(self._state)
                    self._close_epoch(done // self._feed.steps_per_epoch, phase, meter.rates(batches.waited))
                    meter, batches.waited = Meter(), 0.0
                if progress.ended or done == phase.last_step:
                    return
                stopping = stop.agreed(done)
                if stopping or done % s.checkpoint_steps == 0:
                    self._save()
                if stopping:
                    raise Stopped

    def _prepared(self, step: int) -> tuple[Batch, int]:
        """The batch of a step on the devices, and its frames."""
        part, frames = self._feed.at(step, local_part(self._mesh, self._batch))
        return on_devices(part, self._mesh), frames

    def _close_epoch(self, epoch: int, phase: Phase | None, rates: dict[str, float]) -> None:
        """Validate, keep the best, write the epoch's line, and see whether it is time to end."""
        sums, progress = self._state.sums, self._progress
        if int(sums.needed) > self._slots:
            raise UserError(
                f"a training frame needs {int(sums.needed)} neighbour slots, the dataset allows {self._slots}; "
                "rerun the dataset stage with a larger dataset.capacity_margin"
            )
        components = float(sums.components)
        train_mse = float(sums.error2) / components if components else None
        scores = self._scores(self._evaluation, self._state.average, self._data.validation)
        if not np.isfinite(scores.total.mse) or not np.isfinite(train_mse or 0.0):
            raise UserError(
                f"the loss is not finite after epoch {epoch}; lower training.adabelief.lr_peak or training.clip"
            )
        best = scores.total.mse < progress.best_mse
        if best:
            self._best, progress.best_epoch = self._state.average, epoch
            progress.best_mse = scores.total.mse
        rate = phase.learning_rate(progress.step - phase.first_step) if phase else None
        line = {
            "epoch": epoch,
            "step": progress.step,
            "phase": phase.name if phase else "start",
            "lr": None if rate is None else float(rate),
            "train_mse": train_mse,
            "train_rmse": None if train_mse is None else train_mse**0.5,
            "clipped": None if train_mse is None else int(self._state.clipped) / self._feed.steps_per_epoch,
            **scores.summary("val"),
            **rates,
            "best": best,
        }
        progress.history.append(line)
        progress.ended = 0 < self._settings.patience <= epoch - progress.best_epoch
        self._state = start_epoch(self._state)
        if is_writer():
            self._record(progress.history)
        self._say(line)

    def _scores(self, evaluation: Callable[..., Any], parameters: Potential, frames: Sequence[Source]) -> Scores:
        size = self._settings.batch_per_device * self._mesh.size  # of one part of a step: no more memory than that
        return evaluate(evaluation, parameters, frames, self._data.proteins, size, self._mesh)

    def _say(self, line: dict[str, Any]) -> None:
        self._display.pause()
        if line["epoch"]:
            self._display.line(
                f"epoch {line['epoch']}/{self._phases[-1].last_step // self._feed.steps_per_epoch} {line['phase']}"
                f"  train {line['train_rmse']:.3f}  val {line['val_rmse']:.3f} kcal/mol/Å  R² {line['val_r2']:.4f}"
                f"{' *' if line['best'] else ''}  {line['frames_per_s']:.0f} frames/s"
            )
        if self._progress.ended:
            self._display.line(f"no better model for {self._settings.patience} epochs (training.patience): ending")

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
