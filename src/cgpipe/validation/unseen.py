"""How much of a simulation looks unlike the data: by the disagreement of an ensemble, and by the range of distances.

A frame is *uncertain* if the largest spread of a bead's force over the members, √Σ_xyz Var, exceeds the 99th percentile
of the same number on the reference's test frames: 1 % of frames like those are. It is *outside* if a distance in it is
beyond those of the training data, where the network fades out and leaves the prior (``physics.support``). Far outside,
the members agree because none of them has a say: the two shares have to be read together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from cgpipe.data.one_temperature import same_temperature
from cgpipe.data.store import Frames
from cgpipe.data.topology import Topology
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.potential import Potential

PERCENTILE = 99.0
FEWEST = 50
"""Test frames below which there is no such percentile."""
MOST = 300
"""Frames that are looked at in each ensemble, spread evenly over it."""


def comparable(test: Frames, temperature: float) -> Float[np.ndarray, "frames beads 3"]:
    """Test frames [Å] at the temperature of a simulation [K]; all of them where there are none."""
    same = same_temperature(test.temperature, temperature)
    return test.R[same] if same.any() else test.R


def unseen_shares(
    members: Sequence[Potential],
    topology: Topology,
    test: Float[np.ndarray, "frames beads 3"],
    simulated: Mapping[str, Float[np.ndarray, "_ beads 3"]],
) -> tuple[float | None, dict[str, dict[str, Any]]]:
    """Shares of frames that are uncertain or outside.

    Args:
        members: models that differ in their seed; of a single one there is no spread.
        topology: of the protein, without padding.
        test: reference frames that nothing was fitted to [Å].
        simulated: name → frames [Å].

    Returns:
        The limit of the spread [kcal/mol/Å], None where members or test frames are too few; and for every name the
        shares ``uncertain`` and ``outside``, None where there is no limit or no frame.
    """
    parts = [some(R) for R in (test, *simulated.values())]
    spread, outside = _looked_at(members, topology, np.concatenate(parts))
    borders = np.cumsum([len(part) for part in parts])[:-1]
    spreads, outsides = np.split(spread, borders), np.split(outside, borders)
    limit = None
    if len(members) > 1 and len(spreads[0]) >= FEWEST:
        limit = float(np.percentile(spreads[0], PERCENTILE))
    shares = {
        name: {
            "uncertain": float(np.mean(mine > limit)) if limit is not None and len(mine) else None,
            "outside": float(np.mean(far)) if len(far) else None,
        }
        for name, mine, far in zip(simulated, spreads[1:], outsides[1:], strict=True)
    }
    return limit, shares


def some(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "kept beads 3"]:
    """At most `MOST` frames, spread evenly, centred."""
    kept = R[np.unique(np.linspace(0, len(R) - 1, min(len(R), MOST)).astype(int))].astype(np.float64)
    return kept - kept.mean(axis=1, keepdims=True)


def _looked_at(
    members: Sequence[Potential], topology: Topology, R: Float[np.ndarray, "frames beads 3"]
) -> tuple[Float[np.ndarray, " frames"], Bool[np.ndarray, " frames"]]:
    """Largest spread of a bead's force [kcal/mol/Å] in each frame, and whether a bead is not fully seen."""
    ensemble, beads = Ensemble.of(members), Topology(*map(jnp.asarray, topology))
    support = None if members[0].prior is None else members[0].prior.support

    def look(R: Float[Array, "beads 3"]) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        worst = jnp.sqrt(jnp.sum(ensemble.evaluate(R, beads).spread ** 2, axis=1)).max()
        return worst, jnp.array(False) if support is None else (support.presence(R, beads) < 1.0).any()

    return jax.device_get(jax.jit(lambda R: jax.lax.map(look, R))(jnp.asarray(R, jnp.float32)))
