"""cgpipe: all-atom MD of proteins in, a validated one-bead-per-residue machine-learned force field out."""

import cgpipe.environment  # noqa: F401 - before any module of cgpipe imports JAX

__version__ = "0.1.0"
