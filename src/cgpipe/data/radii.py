"""Covalent radii (Cordero et al., Dalton Trans. 2008, 2832)."""

COVALENT_RADIUS = {
    1: 0.31, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 14: 1.11, 15: 1.07, 16: 1.05, 17: 1.02, 34: 1.20, 35: 1.20, 53: 1.39,
}  # fmt: skip
"""Radius of each element that forms covalent bonds in proteins and their ligands [Å], by atomic number."""
