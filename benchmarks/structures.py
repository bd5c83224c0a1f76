"""Made-up compact chains with about as many neighbours as folded proteins have, for benchmarks."""

import numpy as np

from cgpipe.data.topology import Topology


def compact_chain(beads: int, seed: int) -> np.ndarray:
    """A self-avoiding walk of 3.8 Å steps inside a sphere as large as a folded chain [Å].

    Within 12 Å a bead has on average 16, 19 and 22 neighbours at 50, 100 and 250 beads.
    """
    rng = np.random.default_rng(seed)
    radius = 1.5 + 3.3 * beads**0.38
    placed, retreats = [np.zeros(3)], 0
    while len(placed) < beads:
        steps = rng.normal(size=(32, 3))
        trials = placed[-1] + 3.8 * steps / np.linalg.norm(steps, axis=1, keepdims=True)
        apart = np.linalg.norm(trials[:, None] - np.array(placed), axis=-1)
        apart[:, -1] = np.inf
        free = (np.linalg.norm(trials, axis=1) < radius) & (apart.min(1) > 4.5)
        if free.any():
            placed.append(trials[np.argmax(free)])
            continue
        placed, retreats = placed[: max(1, len(placed) - 5)], retreats + 1
        if retreats % 3000 == 0:
            radius *= 1.03
    return np.array(placed, np.float32)


def chain_topology(beads: int, types: int) -> Topology:
    """One chain of all the types in turn."""
    rows = np.arange(beads, dtype=np.int32)
    return Topology(rows % types, np.zeros_like(rows), rows, np.ones(beads, bool))
