"""The ceiling of R² on single-frame labels: from held beads where there are any, from neighbouring frames otherwise."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.mean_forces import MeanForces
from cgpipe.data.projection import Projection
from cgpipe.data.topology import Topology
from cgpipe.physics.force_errors import ForceSums, r_squared
from cgpipe.physics.independent_units import independent_units
from cgpipe.physics.noise_ceiling import ceiling_metrics, held_ceiling, noise_ceiling, share_of_ceiling
from cgpipe.physics.statistics import resampling

HELD, NEIGHBOURS = "held beads", "neighbouring frames"
"""What the noise of labels was estimated from."""


def against_ceiling(
    projection: Projection,
    topology: Topology,
    labels: MeanForces | None,
    sums: ForceSums,
    weights: Int[np.ndarray, "samples blocks"],
    generator: np.random.Generator,
) -> dict[str, Any]:
    """R²_max of the protein's frames at one temperature, and the share of it that the program reaches.

    Args:
        projection: all frames at that temperature.
        topology: of the protein.
        labels: mean forces at held beads, with the scatter of single labels where the file has it; None for none.
        sums: of the program on the test frames at that temperature.
        weights: how often each bootstrap sample draws each block of the test frames.
        generator: draws blocks of all frames, and configurations.

    Returns:
        ``label_noise``, ``force_r2_max``, ``force_r2_of_max``, each with ``_interval``, and ``force_r2_max_from``; None
        with too few frames for an estimate from neighbours, the share without test frames at that temperature.
    """
    blocks, _ = force_blocks(projection.trajectory, projection.frame, [force_squares(projection.F)])
    drawn_blocks = resampling(generator, int(blocks.max()) + 1, len(weights))
    if labels is not None and labels.noise2 is not None:
        noise2 = labels.noise2.mean(axis=(1, 2))
        drawn = resampling(generator, len(noise2), len(weights))
        squares = force_squares(projection.F) / projection.F[0].size
        flat, ceilings = held_ceiling(noise2, squares, blocks, drawn, drawn_blocks)
        units = min(drawn.shape[1], drawn_blocks.shape[1])
    else:
        pairs = noise_ceiling(projection.R, projection.F, topology, projection.trajectory, projection.frame, blocks)
        if pairs is None:
            names = ("label_noise", "force_r2_max", "force_r2_of_max")
            return {"force_r2_max_from": None} | dict.fromkeys(
                f"{name}{end}" for name in names for end in ("", "_interval")
            )
        flat, ceilings = ceiling_metrics(pairs, drawn_blocks)
        units = drawn_blocks.shape[1]
    share, bounds = share_of_ceiling(
        float(r_squared(sums)),
        r_squared(sums.drawn(weights)),
        flat["force_r2_max"],
        ceilings,
        min(weights.shape[1], units),
    )
    source = HELD if labels is not None and labels.noise2 is not None else NEIGHBOURS
    reached = {"force_r2_of_max": share if np.isfinite(share) else None, "force_r2_of_max_interval": bounds}
    return flat | {"force_r2_max_from": source} | reached


def force_blocks(
    trajectory: Int[np.ndarray, " frames"],
    frame: Int[np.ndarray, " frames"],
    series: list[Float[np.ndarray, " frames"]],
) -> tuple[Int[np.ndarray, " frames"], str | None]:
    """Independent block of every frame, and why there is only one where there are too few for intervals."""
    units = independent_units(trajectory.astype(np.int64), frame.astype(np.int64), series)
    return (np.zeros_like(units.part) if units.too_few else units.part), units.too_few


def force_squares(F: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, " frames"]:
    """Square of all components of each frame's forces."""
    return np.sum(F.astype(np.float64) ** 2, axis=(1, 2))
