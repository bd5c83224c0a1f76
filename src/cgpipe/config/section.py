"""What every block of the configuration is made of: strictness, and the types of numbers that keys share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]

FOREIGN = "{}<>\n\r"
"""Snakemake replaces ``{word}`` and ``<word>`` in the names of its input files, by other folders if need be."""


def data_path(path: str) -> str:
    """Raise ValueError for a path that would not be the same to Snakemake, or that only a shell understands."""
    wrong = next((sign for sign in path if sign in FOREIGN), "")
    if wrong:
        raise ValueError(f"{wrong!r} has another meaning in Snakemake's file names: rename the folder, or link to it")
    if path.startswith("~"):
        raise ValueError("~ is not replaced by a home folder: write the path in full")
    return path


DataPath = Annotated[str, AfterValidator(data_path)]


class Section(BaseModel):
    """A strict, immutable block of keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
