"""cgpipe: all-atom MD of proteins in, a validated one-bead-per-residue machine-learned force field out."""

__version__ = "0.1.0"
