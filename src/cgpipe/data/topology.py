"""What a chain of beads is, apart from where its beads are."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Int
from numpy import ndarray


class Topology(NamedTuple):
    """Per-bead identity in chain order; the only topology that exists.

    Rows i and i+1 are bonded exactly when both are real, share the chain and have consecutive residue indices.
    Bonds, angles and dihedrals are shifts of the rows; no list of bonds is stored anywhere. Padded rows have
    ``mask`` False and may hold anything else.
    """

    species: Int[Array | ndarray, "*batch beads"]
    chain: Int[Array | ndarray, "*batch beads"]
    residue: Int[Array | ndarray, "*batch beads"]
    mask: Bool[Array | ndarray, "*batch beads"]
