"""The physics of the all-atom runs: ff14SB, implicit solvent, rigid bonds to hydrogen, heavy hydrogens.

ff14SB: Maier et al., J. Chem. Theory Comput. 11, 3696, 2015. Solvent: generalised Born, either OBC2 with mbondi2 radii
(Onufriev, Bashford, Case, Proteins 55, 383, 2004) or GB-Neck2 with mbondi3 radii (Nguyen, Roe, Simmerling, J. Chem.
Theory Comput. 9, 2020, 2013), each with the surface term of OpenMM's file for it. The files describe a solvent as a
`CustomGBForce`. For OBC2 OpenMM's own `GBSAOBCForce` is the same energy, several times faster on a CPU; GB-Neck2 has no
such kernel.
"""

import openmm
from openmm import app, unit

from cgpipe.config.sampling import Solvent
from cgpipe.errors import UserError

HYDROGEN_MASS = 4.0
"""[g/mol]; what is added is taken from the heavy atom it is bonded to. It allows time steps of 4 fs."""

RADIUS_OFFSET = 0.009
"""[nm]; OBC's offset between a Born radius and the radius that enters the integrals."""

CONSTRAINT_TOLERANCE = 1e-6
FRICTION = 1.0
"""[1/ps]"""

MIXED = {"Precision": "mixed", "DeterministicForces": "true"}


def force_field(solvent: Solvent) -> app.ForceField:
    """ff14SB with a solvent."""
    return app.ForceField("amber14/protein.ff14SB.xml", f"implicit/{solvent}.xml")


def make_system(topology: app.Topology, solvent: Solvent = "obc2", native: bool = True) -> openmm.System:
    """The system to integrate; its forces hold no constraint forces.

    Args:
        topology: complete, with hydrogens.
        solvent: the model of the implicit solvent.
        native: replace the `CustomGBForce` by OpenMM's own `GBSAOBCForce` where that is the same.

    Raises:
        UserError: a residue that the force field does not know, or one with atoms missing.
    """
    try:
        system = force_field(solvent).createSystem(
            topology,
            nonbondedMethod=app.NoCutoff,
            constraints=app.HBonds,
            hydrogenMass=HYDROGEN_MASS * unit.amu,
        )
    except ValueError as error:
        raise UserError(
            f"ff14SB cannot describe the structure: {error}; complete it first, e.g. with pdbfixer"
        ) from None
    if native and solvent == "obc2":
        _make_native(system)
    return system


def _make_native(system: openmm.System) -> None:
    """Put a `GBSAOBCForce` with the same charges, radii and scales in the place of the `CustomGBForce`."""
    index, custom = next((i, f) for i, f in enumerate(system.getForces()) if isinstance(f, openmm.CustomGBForce))
    solvent = openmm.GBSAOBCForce()
    solvent.setSolventDielectric(78.5)
    solvent.setSoluteDielectric(1.0)
    solvent.setNonbondedMethod(openmm.GBSAOBCForce.NoCutoff)
    for particle in range(custom.getNumParticles()):
        charge, reduced, scaled = custom.getParticleParameters(particle)
        solvent.addParticle(charge, reduced + RADIUS_OFFSET, scaled / reduced)
    system.removeForce(index)
    system.addForce(solvent)


def make_integrator(temperature: float, timestep: float) -> openmm.LangevinMiddleIntegrator:
    """Langevin dynamics (Zhang et al., J. Phys. Chem. A 123, 6056, 2019).

    Args:
        temperature: [K].
        timestep: [fs].
    """
    integrator = openmm.LangevinMiddleIntegrator(
        temperature * unit.kelvin, FRICTION / unit.picosecond, timestep * unit.femtosecond
    )
    integrator.setConstraintTolerance(CONSTRAINT_TOLERANCE)
    return integrator


def fastest_platform(threads: int) -> openmm.Platform:
    """A CUDA device where there is one that works, else the CPU.

    Args:
        threads: of the CPU; only one sums forces in a reproducible order.
    """
    names = {openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())}
    if "CUDA" in names and _works(cuda := openmm.Platform.getPlatformByName("CUDA")):
        for key, value in MIXED.items():
            cuda.setPropertyDefaultValue(key, value)
        return cuda
    return cpu_platform(threads)


def cpu_platform(threads: int) -> openmm.Platform:
    """The CPU with so many threads; only one sums forces in a reproducible order."""
    cpu = openmm.Platform.getPlatformByName("CPU")
    cpu.setPropertyDefaultValue("Threads", str(threads))
    cpu.setPropertyDefaultValue("DeterministicForces", "true")
    return cpu


def _works(platform: openmm.Platform) -> bool:
    """Whether a trivial system runs; a driver or a device may be missing."""
    system = openmm.System()
    system.addParticle(1.0)
    try:
        openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    except openmm.OpenMMException:
        return False
    return True
