"""Energy drift of an exported model without thermostat, against the time step.

    python benchmarks/drift.py results/demo/export/best/model.json results/demo/project/cln025.h5 --timesteps 2 4 8

Replicas begin at frames spread over the reference, are brought to its temperature by some ps of Langevin dynamics, and
go on without friction. Printed per time step: the fluctuation of the total energy (that of velocity Verlet falls with
dt²), and its drift, the slope of a straight line per degree of freedom, mean and standard error over the replicas. The
integrator is that of ``simulate.engine: jax``: positions in double, forces in single precision.
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.data.projection import read_projection
from cgpipe.deploy.program import load_program
from cgpipe.dynamics.batch import Dynamics, Replicas
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.plans import Plan, bond_watch, chain_topology
from cgpipe.model.serialise import load_model
from cgpipe.units import FORCE_TO_ACCELERATION, FS_PER_PS, thermal_energy

SAMPLE_EVERY = 100.0
"""[fs]"""
EQUILIBRATION = 4.0
"""[ps]"""


def main() -> None:
    """Print one row per time step."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=Path, help="model.json of an export")
    arguments.add_argument("projection", type=Path)
    arguments.add_argument("--timesteps", nargs="+", type=float, default=[1.0, 2.0, 4.0, 8.0], help="[fs]")
    arguments.add_argument("--picoseconds", type=float, default=100.0)
    arguments.add_argument("--replicas", type=int, default=4)
    chosen = arguments.parse_args()
    program = load_program(chosen.program)
    everything = read_projection(chosen.projection)
    reference = everything.of_temperature(everything.reference_temperature())
    topology = chain_topology(reference, program.vocabulary)
    masses = np.array(program.vocabulary.masses)[topology.species]
    potential, _ = load_model(chosen.program.with_name("model.eqx"))
    field, bonds = force_field(potential, topology), bond_watch(reference, 2.0)
    kT = thermal_energy(reference.reference_temperature())
    freedom = 3 * len(masses)

    def dynamics(timestep: float, damping: float) -> Dynamics:
        plans = [
            Plan("drift", reference.reference_temperature(), timestep, 0, 1, damping, 1 + n, 1001 + n)
            for n in range(chosen.replicas)
        ]
        return Dynamics(field, potential.neighbour_slots, plans, masses, bonds)

    def total(now: Replicas) -> np.ndarray:
        kinetic = 0.5 * np.sum(masses[:, None] * now.motion.V**2, axis=(1, 2)) / FORCE_TO_ACCELERATION
        return now.energy + kinetic

    rows = (2 * np.arange(chosen.replicas) + 1) * len(reference) // (2 * chosen.replicas)
    warm = dynamics(4.0, 0.2)
    beginning = warm.advance(
        warm.start(reference.R[rows].astype(np.float64)), 0, round(EQUILIBRATION * FS_PER_PS / 4.0)
    )
    print(f"{reference.protein}: {len(masses)} beads, {chosen.replicas} replicas of {chosen.picoseconds:g} ps")
    for timestep in chosen.timesteps:
        free, every = dynamics(timestep, np.inf), round(SAMPLE_EVERY / timestep)
        now, energies = beginning, [total(beginning)]
        for sample in range(round(chosen.picoseconds * FS_PER_PS / SAMPLE_EVERY)):
            now = free.advance(now, sample * every, every)
            energies.append(total(now))
        assert now.fate.alive.all(), "a replica died"
        time = np.arange(len(energies)) * every * timestep / FS_PER_PS / 1000
        slopes, offsets = np.polyfit(time, np.array(energies), 1)
        fluctuation = np.std(np.array(energies) - time[:, None] * slopes - offsets) / kT
        drifts = slopes / freedom / kT
        error = np.std(drifts, ddof=1) / np.sqrt(len(drifts))
        print(
            f"{timestep:4g} fs  fluctuation {fluctuation:.2e} kT  "
            f"drift {drifts.mean():+.1e} ± {error:.1e} kT per degree of freedom and ns",
            flush=True,
        )


if __name__ == "__main__":
    main()
