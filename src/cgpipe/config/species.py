"""Section ``species``: the types of beads, and names of residues that force fields do not share."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from cgpipe.config.section import Section
from cgpipe.residues import RESIDUE_MASSES, common_name


def _strange(name: str) -> str:
    """The name of a residue that is none of those known here, in capitals."""
    key = name.strip().upper()
    if not key:
        raise ValueError("an alias needs the name of a residue")
    if common_name(key) in RESIDUE_MASSES:
        raise ValueError(f"{key} is known as {common_name(key)}; aliases are for other residues")
    return key


def _known(residue: str) -> str:
    """The vocabulary's name of a residue."""
    if common_name(residue) not in RESIDUE_MASSES:
        raise ValueError(f"{residue!r} is no residue of the vocabulary; expected one of {', '.join(RESIDUE_MASSES)}")
    return common_name(residue)


class Species(Section):
    vocabulary: Literal["residues", "classes4"] = Field(
        "residues", description="bead types: 20 amino acids + X, or hydrophobic/polar/positive/negative + X"
    )
    aliases: dict[Annotated[str, AfterValidator(_strange)], Annotated[str, AfterValidator(_known)]] = Field(
        {}, description="names of non-standard residues → amino acid or X, e.g. {MSE: MET}; in any case"
    )

    @field_validator("aliases", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        names = [name.strip().upper() for name in value if isinstance(name, str)] if isinstance(value, dict) else []
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named more than once, in different case")
        return value
