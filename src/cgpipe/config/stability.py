"""The keys of the section ``stability``: what a force field takes before its simulations fall apart."""

from typing import Annotated

from pydantic import Field

from cgpipe.config.section import Positive, Section


class Stability(Section):
    enabled: bool = Field(True, description="find out for every protein what the best model takes")
    replicas: Annotated[int, Field(ge=2)] = Field(8, description="runs per temperature and per time step")
    picoseconds: Positive = Field(20.0, description="length of each of these runs [ps]")
    temperatures: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (300.0, 400.0, 500.0, 600.0), description="at which survival is counted, with simulate.timestep [K]"
    )
    timesteps: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (4.0, 8.0, 12.0, 16.0, 24.0, 32.0),
        description="the ladder for the longest stable time step, besides simulate.timestep [fs]",
    )
    free_timesteps: tuple[Positive, ...] = Field(
        (4.0, 8.0, 16.0), description="time steps of runs without thermostat, for the drift of the energy [fs]"
    )
