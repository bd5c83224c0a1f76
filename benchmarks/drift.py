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
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.plans import bond_watch, chain_topology, spread_rows
from cgpipe.dynamics.stability import equilibrated, free_runs
from cgpipe.dynamics.trials import Trials
from cgpipe.model.serialise import load_model


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
    temperature = everything.reference_temperature()
    reference = everything.of_temperature(temperature)
    topology = chain_topology(reference, program.vocabulary)
    masses = np.array(program.vocabulary.masses)[topology.species]
    potential, _ = load_model(chosen.program.with_name("model.eqx"))
    bonds = bond_watch(reference, 2.0)
    trials = Trials(force_field(potential, topology), potential.neighbour_slots, masses, bonds, chosen.replicas)
    R = reference.R[spread_rows(chosen.replicas, len(reference))].astype(np.float64)
    begin = equilibrated(trials, R, temperature, 4.0)
    print(f"{reference.protein}: {len(masses)} beads, {chosen.replicas} replicas of {chosen.picoseconds:g} ps")
    found, order = free_runs(trials, begin, chosen.timesteps, chosen.picoseconds)
    for one in found:
        assert one["survived"] == chosen.replicas, "a replica died"
        print(
            f"{one['timestep']:4g} fs  fluctuation {one['fluctuation']:.2e} kT  "
            f"drift {one['drift']:+.1e} ± {one['drift_error']:.1e} kT per degree of freedom and ns"
        )
    if order is not None:
        print(f"the fluctuation grows with the time step to the power of {order:.2f}")


if __name__ == "__main__":
    main()
