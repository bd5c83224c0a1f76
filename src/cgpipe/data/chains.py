"""A protein's chains and gaps in words, the same for every source."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

SHOWN = 5
"""So many gaps are named at most."""


def bonded_beads(chain: Int[np.ndarray, " beads"], residue: Int[np.ndarray, " beads"]) -> Bool[np.ndarray, " pairs"]:
    """Whether each bead is bonded to the next."""
    return (np.diff(residue) == 1) & (np.diff(chain) == 0)


def describe_chains(names: Sequence[str], chain: Int[np.ndarray, " beads"], residue: Int[np.ndarray, " beads"]) -> str:
    """E.g. ``30 beads in 2 chains, 1 gap: after VAL 63 (chain 1)``.

    Args:
        names: residue of every bead.
        chain: id of its chain.
        residue: its number; consecutive exactly along bonds.
    """
    chains = len(np.unique(chain))
    gaps = np.flatnonzero(~bonded_beads(chain, residue) & (np.diff(chain) == 0)).tolist()
    found = f"{len(names)} beads in {chains} chain{'s' * (chains > 1)}"
    if not gaps:
        return f"{found}, no gap"
    which = {
        number: f" (chain {place})" * (chains > 1) for place, number in enumerate(dict.fromkeys(chain.tolist()), 1)
    }
    places = ", ".join(f"after {names[row]} {residue[row]}{which[chain[row]]}" for row in gaps[:SHOWN])
    return f"{found}, {len(gaps)} gap{'s' * (len(gaps) > 1)}: {places}{', …' * (len(gaps) > SHOWN)}"
