"""Section ``model``: what the trained function is made of."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cgpipe.config.section import Count, Positive, Section

TemperatureUse = Literal["single", "input"]


class Model(Section):
    cutoff: Positive = Field(12.0, description="neighbour cutoff [Å]")
    allegro_size: Literal["small", "med", "default", "large"] = Field(
        "default", description="preset of the network's sizes"
    )
    l_max: Annotated[int, Field(ge=1, le=3)] = Field(2, description="highest order of the spherical harmonics")
    tensor_channels: Count = Field(32, description="channels of the tensor track")
    layers: Annotated[int, Field(ge=0, le=4)] = Field(0, description="layers; 0 takes those of the preset")
    symmetry: Literal["o3", "so3"] = Field(
        "o3", description="o3: mirror images have the same energy; so3: the network can tell left from right"
    )
    edge_features: tuple[Literal["sequence"], ...] = Field(
        ("sequence",),
        description="sequence: edges know their signed separation along the chain, up to 6, and other chains",
    )
    matmul_precision: Literal["float32", "tensorfloat32"] = Field(
        "float32", description="of the matrix products on a GPU; tensorfloat32 is faster and rounds to three digits"
    )
    use_priors: bool = Field(True, description="add the prior's energy to the network's")
    temperature: TemperatureUse = Field(
        "single",
        description="single: all frames at one temperature; input: frames at several, one free energy U − T S for all, "
        "exported at simulate.temperature",
    )

    @model_validator(mode="after")
    def _handed(self) -> "Model":
        if self.symmetry == "so3" and self.layers == 1:
            raise ValueError("symmetry so3 needs layers ≥ 2: one product cannot tell left from right")
        if len(set(self.edge_features)) < len(self.edge_features):
            raise ValueError(f"edge_features {list(self.edge_features)}: each at most once")
        return self
