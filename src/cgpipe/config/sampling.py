"""Keys of a protein whose all-atom run is made here: ``source: openmm``."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cgpipe.config.models import Count, InDataset, NotNegative, Positive, Section
from cgpipe.config.section import DataPath

Solvent = Literal["obc2", "gbn2"]
"""Models of the implicit solvent: Amber's igb=5 and igb=8."""

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"

APART = 6
"""Frames of one replica whose mean forces are made are at least so many frames apart."""


def _letters(sequence: str) -> str:
    wrong = sorted(set(sequence) - set(AMINO_ACIDS))
    if wrong:
        raise ValueError(f"{', '.join(wrong)} stands for none of the 20 amino acids ({AMINO_ACIDS})")
    if len(sequence) == 1:
        raise ValueError("one residue makes no chain: two are the least")
    return sequence


class Simulated(Section):
    """What is simulated, and how."""

    sequence: Annotated[str, AfterValidator(_letters)] = Field(
        "", description="amino acids in one-letter codes; the run starts from an extended chain"
    )
    pdb: DataPath = Field("", description="PDB to start from instead, with all heavy atoms; water in it is left out")
    caps: bool = Field(
        True, description="ACE and NME on chain ends that have none, as in mdCATH; else the ends are charged"
    )
    temperature: Count = Field(description="temperature [K]")
    solvent: Solvent = Field(
        "obc2",
        description="implicit solvent: OBC2, or GB-Neck2 (gbn2), closer to explicit water, a sixth as fast on a CPU",
    )
    timestep: Annotated[float, Field(gt=0.0, le=5.0)] = Field(
        4.0, description="time step [fs]; 4 is stable because hydrogens weigh 4 g/mol and their bonds are rigid"
    )
    seed: Count = Field(1, description="base seed of velocities and thermostat noise")


class Sampling(Simulated):
    """What decides one replica of an all-atom run with OpenMM, except which replica it is."""

    nanoseconds: Positive = Field(1.0, description="length of each replica after equilibration [ns]")
    equilibration: NotNegative = Field(10.0, description="time at the beginning that is not saved [ps]")
    unfolding: NotNegative = Field(30.0, description="time at 600 K before that, for the replicas in unfolded [ps]")
    save_every: Positive = Field(
        1.0, description="time between saved frames [ps]; below 1 the noise of the forces is correlated"
    )


class Average(Section):
    """Mean forces made here, by runs with the Cα atoms held at the positions of chosen frames."""

    test: Annotated[int, Field(ge=0)] = Field(0, description="configurations to judge models by; never trained on")
    train: Annotated[int, Field(ge=0)] = Field(0, description="other configurations, to train on")
    picoseconds: Annotated[float, Field(ge=5.0)] = Field(20.0, description="length of each run [ps]")
    runs: Annotated[int, Field(ge=2)] = Field(
        2, description="at each configuration; their differences tell the error from slow motions"
    )
    exchange: tuple[Positive, ...] = Field(
        (), description="rising temperatures [K] of copies that exchange states with each run, for slow side chains"
    )


class OpenmmProtein(Sampling, InDataset):
    source: Literal["openmm"] = Field(description="all-atom run by the stage sample: ff14SB, implicit solvent")
    replicas: Count = Field(4, description="independent runs, one job each")
    unfolded: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="replicas (from 0) that begin at 600 K, to leave the start's fold"
    )
    average: Average = Average()

    @model_validator(mode="after")
    def _one_start(self) -> "OpenmmProtein":
        if bool(self.sequence) == bool(self.pdb):
            raise ValueError("exactly one of 'sequence' and 'pdb' must be given")
        return self

    @model_validator(mode="after")
    def _averages_once(self) -> "OpenmmProtein":
        for key, file in (("test", "mean_force"), ("train", "mean_force_train")):
            if getattr(self.average, key) and getattr(self, file):
                raise ValueError(f"mean forces are made by average.{key} or read from {file}, not both")
        ladder = (float(self.temperature), *self.average.exchange)
        if any(hot <= cold for cold, hot in pairwise(ladder)):
            raise ValueError("average.exchange must rise from above temperature")
        return self

    @model_validator(mode="after")
    def _averages_have_frames(self) -> "OpenmmProtein":
        wanted = self.average.test + self.average.train
        most = self.replicas * -(-int(self.nanoseconds * 1000.0 / self.save_every + 1e-6) // APART)
        if wanted > most:
            raise ValueError(
                f"average wants mean forces at {wanted} configurations, but {self.replicas} replicas of "
                f"{self.nanoseconds:g} ns have {most} frames that are {APART} frames apart"
            )
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> "OpenmmProtein":
        for key in ("save_every", "equilibration", "unfolding"):
            unit = self.timestep / 1000.0 if key == "save_every" else self.save_every
            count = getattr(self, key) / unit
            if abs(count - round(count)) > 1e-6:
                of = "timestep" if key == "save_every" else "save_every"
                raise ValueError(f"{key} must be a multiple of {of}")
        if self.nanoseconds * 1000.0 < self.save_every:
            raise ValueError("nanoseconds is shorter than save_every")
        return self

    @model_validator(mode="after")
    def _unfolded_replicas_exist(self) -> "OpenmmProtein":
        beyond = [replica for replica in self.unfolded if replica >= self.replicas]
        if beyond:
            raise ValueError(f"unfolded names replica {beyond[0]}, but replicas are 0 … {self.replicas - 1}")
        return self
