"""The section ``training``: which optimisers, for how long, on which frames, and what is kept of it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cgpipe.config.section import Count, Fraction, NotNegative, Positive, Section

Optimiser = Literal[
    "adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "adan", "amsgrad", "lamb", "lars",
    "lion", "nadam", "novograd", "optimistic_gradient_descent", "radam", "rmsprop", "sgd", "sign_sgd", "signum", "sm3",
    "yogi",
]  # fmt: skip
"""Optimisers of optax whose update is proportional to the learning rate and needs nothing but gradients."""


class AdaBelief(Section):
    lr_start: Positive = Field(1e-3, description="learning rate at the first step")
    lr_peak: Positive = Field(1e-2, description="learning rate after warm-up")
    lr_end: Positive = Field(1e-3, description="learning rate at the last step")
    warmup_fraction: Fraction = Field(0.1, description="share of the steps spent on the linear warm-up")
    weight_decay: NotNegative = Field(2e-5, description="decoupled weight decay of the network's weights")


class Yogi(Section):
    lr_start: Positive = Field(1e-3, description="learning rate at the first step")
    lr_end: Positive = Field(5e-5, description="learning rate at the last step")


class Phase(Section):
    optimiser: Optimiser = Field(description="name in optax")
    epochs: Count = Field(description="epochs with it")
    lr_start: Positive = Field(1e-4, description="learning rate at the first step")
    lr_peak: Positive = Field(1e-3, description="learning rate after warm-up")
    lr_end: Positive = Field(1e-4, description="learning rate at the last step")
    warmup_fraction: Fraction = Field(0.1, description="share of the steps spent on the linear warm-up")
    weight_decay: NotNegative = Field(0.0, description="decoupled weight decay of the network's weights")
    options: dict[str, bool | float] = Field(
        {}, description="further arguments of that function of optax, e.g. {b1: 0.95}"
    )


def _no_energies(value: float) -> float:
    if value != 0.0:
        raise ValueError("projected data hold forces only, no energies: set it to 0.0")
    return value


class Gammas(Section):
    F: Positive = Field(1.0, description="weight of the force loss")
    U: Annotated[NotNegative, AfterValidator(_no_energies)] = Field(
        0.0, description="weight of the energy loss; projected data hold no energies, so only 0.0 is accepted"
    )


class Training(Section):
    batch_per_device: Count = Field(8, description="frames per device at a time")
    accumulate: Count = Field(
        1,
        description="parts that a step is worked off in: it sees batch_per_device × devices × accumulate frames, with "
        "the memory of one part",
    )
    epochs_adabelief: Annotated[int, Field(ge=0)] = Field(100, description="epochs with AdaBelief; 0 skips it")
    epochs_yogi: Annotated[int, Field(ge=0)] = Field(0, description="epochs with Yogi after AdaBelief; 0 skips it")
    phases: tuple[Phase, ...] = Field(
        (), description="further phases after these two, with other optimisers; alone if both have 0 epochs"
    )
    patience: Annotated[int, Field(ge=0)] = Field(
        0, description="end after so many epochs in a row without a lower validation error; 0 never does"
    )
    val_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.1, description="share of what is dealt (dataset.split) that is used to choose the best model"
    )
    balance: Literal["frames", "proteins"] = Field(
        "frames", description="what weighs the same in the loss: every frame, or every protein whatever its frames"
    )
    gammas: Gammas = Gammas()
    pretrain_prior: bool = Field(False, description="fit the prior's parameters to the forces first (L-BFGS)")
    pretrain_frames: Count = Field(4096, description="at most so many training frames for that fit, spread evenly")
    pretrain_steps: Count = Field(200, description="at most so many L-BFGS steps of that fit")
    pretrain_tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        1e-6, description="that fit ends when the gradient's norm is below this share of the first one's"
    )
    train_prior: bool = Field(False, description="let the optimisers move the prior's parameters too")
    adabelief: AdaBelief = AdaBelief()
    yogi: Yogi = Yogi()
    clip: Annotated[float, Field(gt=1.0)] = Field(
        10.0, description="largest norm of a gradient, in multiples of the median norm of the last 100 steps"
    )
    ema_decay: Fraction = Field(
        0.999, description="decay per step of the averaged weights; 0 takes the weights as they are"
    )
    checkpoint_steps: Count = Field(200, description="steps between checkpoints")
    keep_checkpoints: Count = Field(2, description="checkpoints kept")
    loggers: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        (),
        description="where the lines of metrics.jsonl go besides, each with its extra (pip install 'cgpipe[wandb]')",
    )

    @model_validator(mode="after")
    def _some_epochs(self) -> "Training":
        if not (self.epochs_adabelief or self.epochs_yogi or self.phases):
            raise ValueError("epochs_adabelief and epochs_yogi are both 0: nothing would be trained")
        return self


def frames_per_step(training: Training, devices: int) -> int:
    """Frames that one step sees, over all devices of all processes."""
    return training.batch_per_device * training.accumulate * devices
