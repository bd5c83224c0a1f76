"""Figures of the stage ``stability``: what one protein's model takes."""

from typing import Any

from cgpipe.plots import stability
from cgpipe.reporting.figures import Picture, draw


def pictures(found: dict[str, Any]) -> list[Picture]:
    """Survival over temperatures; temperatures and energies over time steps."""
    name, replicas = found["protein"], found["replicas"]
    return [
        draw(
            stability.survival_panels,
            found["temperatures"],
            replicas,
            alt=f"Survival of {name} at several temperatures, and shares of frames unlike the data",
            caption=f"Replicas alive over time (Kaplan–Meier), time step {found['timestep']:g} fs. Right: frames on "
            "which the seeds disagree more than on 99 % of the test frames (uncertain), and frames beyond the "
            "distances of the training data (outside).",
        ),
        draw(
            stability.timestep_panels,
            found["ladder"],
            found["free"],
            found["temperature"],
            replicas,
            found["timestep"],
            alt=f"Temperatures and fluctuation of the energy of {name} over the time step",
            caption="Left: kinetic and configurational temperature with 99.9 % intervals over replicas; values beyond "
            "the axis are off it. Right: velocity Verlet on a smooth potential follows the dashed line.",
        ),
    ]
