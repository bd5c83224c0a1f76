"""Colour maps made of the palette: signed values, shares, energies and the position along a chain."""

from matplotlib.colors import LinearSegmentedColormap

from cgpipe.plots import style

DIVERGING = LinearSegmentedColormap.from_list(
    "cgpipe-signed", ["#00395c", style.BLUE, style.PAPER, style.RED, "#6e2f00"]
)
"""Negative blue, zero white, positive vermilion."""

SHARES = LinearSegmentedColormap.from_list("cgpipe-shares", [style.PAPER, "#bcd9ea", style.BLUE, "#00395c"])
"""White for 0, dark blue for 1."""

ENERGY = LinearSegmentedColormap.from_list("cgpipe-energy", ["#00263d", style.BLUE, style.SKY, "#d9ecf6", "#f4f6f8"])
"""Dark where the energy is low."""

SEQUENCE = LinearSegmentedColormap.from_list(
    "cgpipe-sequence", [style.BLUE, style.SKY, "#f2f2f2", style.ORANGE, style.RED]
)
"""First residue blue, last one vermilion."""
