"""Keys of the section ``dataset``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgpipe.config.section import Count, Fraction, Section


class Dataset(Section):
    split: Literal["auto", "blocks", "trajectories", "proteins"] = Field(
        "auto",
        description="what is dealt to the sets: auto leaves out whole runs of each protein whose conformations its "
        "other runs cover, and takes blocks of time where there are none or fewer than three runs; blocks of time; "
        "whole trajectories of each protein at random; or whole families of proteins",
    )
    test_fraction: Fraction = Field(
        0.1, description="share of what is dealt (dataset.split) that is kept for the final numbers"
    )
    block_frames: Count | None = Field(
        None,
        description="frames in one block of time; a block is never divided between sets; null: five times the measured "
        "memory of the conformations, or a fifth of the longest run where that is shorter",
    )
    gap_frames: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="frames left out on both sides of a border between sets; null: the measured memory, or a "
        "quarter of a block where that is shorter",
    )
    fold: str = Field(
        "",
        pattern=r"^([1-9]\d*/[1-9]\d*)?$",
        description="2/5: the second fifth of each protein's runs is test, whatever conformations it alone visits, and "
        "validation is blocks of time of the others; cgpipe compare pools the runs of all folds; empty: no folds",
    )
    split_seed: int = Field(0, description="seed of the assignment to sets")
    held_out: tuple[str, ...] = Field((), description="proteins kept out of training altogether (all frames are test)")
    max_padding: Fraction = Field(
        0.1, description="as few padded lengths as keep the share of padding below this; each is compiled for training"
    )
    max_buckets: Count = Field(8, description="at most so many padded lengths, chosen to waste the least")
    npz: bool = Field(True, description="also write dataset.npz, everything padded to the longest protein")
    capacity_margin: Annotated[float, Field(ge=1.0)] = Field(
        1.5, description="neighbour capacity = this × the most slots per bead that a frame needs"
    )

    @model_validator(mode="after")
    def _fold_of_runs(self) -> "Dataset":
        if self.fold:
            number, folds = map(int, self.fold.split("/"))
            if number > folds or folds < 2:
                raise ValueError(f"fold {self.fold}: expected 1/K to K/K with K of 2 or more")
            if self.split != "auto":
                raise ValueError(f"fold {self.fold} divides by runs: leave split at auto, not {self.split}")
        return self
