"""The named sizes of the network."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Widths and depths of an Allegro network, apart from its tensor track.

    ``embed`` is the width of the type-radial embedding and that of the scalar features made from it; ``mlp_width`` and
    ``mlp_depth`` are those of the latent MLPs, the last of their layers giving the new scalar features.
    """

    layers: int
    radial: int
    embed: tuple[int, int]
    mlp_width: int
    mlp_depth: int
    readout: int


PRESETS = {
    "small": Sizes(layers=2, radial=9, embed=(32, 64), mlp_width=64, mlp_depth=2, readout=32),
    "med": Sizes(layers=3, radial=18, embed=(64, 128), mlp_width=128, mlp_depth=2, readout=64),
    "default": Sizes(layers=3, radial=24, embed=(64, 128), mlp_width=96, mlp_depth=3, readout=64),
    "large": Sizes(layers=4, radial=36, embed=(96, 192), mlp_width=192, mlp_depth=3, readout=96),
}
