"""One replica from its settings to its finished file."""

import time
from pathlib import Path
from typing import NamedTuple

import openmm

from cgpipe.artefact import create_h5, earlier, header, sha256, sign
from cgpipe.config.decisive import Decisive, code_digest
from cgpipe.config.sampling import Sampling, Simulated
from cgpipe.maker import maker
from cgpipe.sampling.dynamics import Dynamics, Plan
from cgpipe.sampling.layout import LAYOUT, write_protein, write_replica
from cgpipe.sampling.partial import Partial
from cgpipe.sampling.start import Start, from_pdb, from_sequence
from cgpipe.sampling.system import fastest_platform
from cgpipe.units import FS_PER_PS

SECONDS_PER_DAY = 86400.0


class Replica(NamedTuple):
    """Which replica of which protein, and how it is run; ``unfolded``: it begins at 600 K."""

    protein: str
    number: int
    sampling: Sampling
    unfolded: bool


def sample(replica: Replica, out: Path, folder: Path, threads: int) -> str:
    """Run what is missing of a replica, write its file, and remove its unfinished frames.

    Args:
        out: HDF5 in mdCATH's layout, with this replica only.
        folder: frames and state until the file is complete; what an earlier attempt left there is used.
        threads: of the CPU.

    Returns:
        One line on what was done.

    Raises:
        UserError: the start cannot be built, or the integration is unstable.
    """
    sampling = replica.sampling
    inputs = {"pdb": Path(sampling.pdb)} if sampling.pdb else {}
    settings = {**replica._asdict(), "sampling": sampling.model_dump(mode="json")}
    platform = fastest_platform(threads)
    start = build_start(sampling, platform)
    plan = make_plan(replica)
    dynamics = Dynamics(start, plan, platform)
    by, hashes = maker("sample"), {name: sha256(path) for name, path in inputs.items()}
    decisive = Decisive("sample", settings, hashes, code_digest("sample"))
    partial = Partial(folder, decisive._asdict(), len(start.positions))
    sign(folder, by, goes_on=partial.state is not None)
    state = partial.state or dynamics.first
    begun, clock = state.interval, time.monotonic()
    while state.interval < plan.intervals:
        state, frames = dynamics.advance(state)
        partial.append(frames, state)
    days = (time.monotonic() - clock) / SECONDS_PER_DAY
    with create_h5(out, header("allatom", settings, inputs, hashes, by) | earlier(folder, by)) as file:
        file.attrs["layout"] = LAYOUT
        group = file.create_group(replica.protein)
        write_protein(group, start)
        group = group.create_group(f"{sampling.temperature}/{replica.number}")
        write_replica(group, start, plan.frames, partial.chunks())
    partial.remove()
    done = (state.interval - begun) * sampling.save_every / 1000.0
    return (
        f"{replica.protein} replica {replica.number}: {len(start.positions)} atoms, {plan.frames} frames, "
        f"mean temperature {state.temperatures / plan.frames:.1f} K of {sampling.temperature} K; "
        f"{done:g} ns now" + (f" at {done / days:.0f} ns/day ({platform.getName()})" if done else "")
    )


def build_start(simulated: Simulated, platform: openmm.Platform) -> Start:
    """The minimised structure that all replicas begin from; the same one each time."""
    if simulated.sequence:
        return from_sequence(simulated.sequence, simulated.caps, platform, simulated.solvent)
    return from_pdb(Path(simulated.pdb), simulated.caps, platform, simulated.solvent)


def make_plan(replica: Replica) -> Plan:
    """The settings in units of the interval between saved frames."""
    sampling = replica.sampling
    every = sampling.save_every
    return Plan(
        identity=f"{sampling.seed}/{replica.protein}/{replica.number}",
        temperature=float(sampling.temperature),
        timestep=sampling.timestep,
        steps=round(every * FS_PER_PS / sampling.timestep),
        unfolding=round(sampling.unfolding / every) if replica.unfolded else 0,
        equilibration=round(sampling.equilibration / every),
        frames=int(sampling.nanoseconds * 1000.0 / every + 1e-6),
    )
