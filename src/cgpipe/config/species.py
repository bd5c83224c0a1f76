"""Section ``species``: the types of beads, and names of residues that force fields do not share."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from cgpipe.config.section import Section
from cgpipe.residues import RESIDUE_MASSES, RESIDUE_OF_STATE, common_name


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
    states: bool = Field(
        False,
        description=f"protonation and bonding states ({', '.join(RESIDUE_OF_STATE)}) as species of their own, told by "
        "names and hydrogens; needs the vocabulary residues",
    )
    aliases: dict[Annotated[str, AfterValidator(_strange)], Annotated[str, AfterValidator(_known)]] = Field(
        {}, description="names of non-standard residues → amino acid or X, e.g. {MSE: MET}; in any case"
    )

    @property
    def kinds(self) -> str:
        """Name of the vocabulary of the beads (`cgpipe.data.species.vocabulary`)."""
        return self.residue_kinds if self.vocabulary == "residues" else self.vocabulary

    @property
    def residue_kinds(self) -> str:
        """Name of the vocabulary that all residues have a type of their own in."""
        return "states" if self.states else "residues"

    @model_validator(mode="after")
    def _states_of_residues(self) -> "Species":
        if self.states and self.vocabulary != "residues":
            raise ValueError(f"states are those of the vocabulary residues, not of {self.vocabulary}")
        return self

    @field_validator("aliases", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        names = [name.strip().upper() for name in value if isinstance(name, str)] if isinstance(value, dict) else []
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named more than once, in different case")
        return value
