"""The LAMMPS input file: everything about a run that LAMMPS itself has to know, in LAMMPS's own words.

The engines differ only in the lines that name the force field (``EXTERNAL``, ``native_force_field``).
"""

from pathlib import Path

from cgpipe.dynamics.lammps.driver import FIX
from cgpipe.dynamics.plans import TABLE, Plan
from cgpipe.units import FS_PER_PS

EXTERNAL = f"""\
# Energy and forces come from the exported program through "fix {FIX}": cgpipe simulate attaches it as soon as that
# fix is defined. Without it LAMMPS stops with "Fix external callback function not set".
fix             {FIX} all external pf/callback 1 1
fix_modify      {FIX} energy yes
"""
"""The program in Python, called back at every step."""


def native_force_field(plugin: Path, library: Path, model_json: Path) -> str:
    """The program in a pair style.

    Args:
        plugin: the compiled pair style.
        library: PJRT library.
        model_json: of the exported model.
    """
    return f"""\
# Energy and forces come from the exported program through the pair style of this plugin.
plugin          load "{plugin}"
pair_style      cgpipe "{library}"
pair_coeff      * * "{model_json.with_name("model.mlir")}" "{model_json}"
"""


def input_text(plan: Plan, force_field: str = EXTERNAL) -> str:
    """The input file, with the lines that define the force field."""
    every = plan.save_every
    columns = "${s},${ps},${T},${K},${U},${E},${Rg}"
    return f"""\
# {plan.title}
# One bead per residue at its CA; beads of a molecule with consecutive atom IDs are bonded.
units           real
atom_style      molecular
atom_modify     sort 0 0.0
boundary        s s s
comm_modify     cutoff 4.0
read_data       system.data

{force_field}
# remove the strain of the all-atom frame
min_style       cg
minimize        1.0e-6 1.0e-3 200 400
reset_timestep  0

# Langevin dynamics; the GJ integrator samples the right configurations and half-step velocities at any time step.
# The thermostat acts on the motion of the whole molecule too: all 3N degrees of freedom count.
velocity        all create {plan.temperature} {plan.velocity_seed} mom no rot no dist gaussian
fix             langevin all gjf {plan.temperature} {plan.temperature} {plan.damping * FS_PER_PS} {plan.noise_seed} &
                vel vhalf method 1
compute_modify  thermo_temp extra/dof 0
timestep        {plan.timestep}

compute         gyration all gyration
variable        s equal step
variable        ps equal step*dt/{FS_PER_PS}
variable        T equal temp
variable        K equal ke
variable        U equal pe
variable        E equal etotal
variable        Rg equal c_gyration
fix             table all print {every} "{columns}" file thermo.csv screen no title "{",".join(TABLE)}"
dump            trajectory all dcd {every} traj.dcd
thermo_style    custom step temp ke pe etotal c_gyration
thermo          {every}
run             {plan.steps}
"""


def commands(text: str) -> list[str]:
    """The commands of an input file: comments and empty lines dropped, continued lines joined."""
    joined = text.replace("&\n", " ")
    return [line for line in (line.strip() for line in joined.splitlines()) if line and not line.startswith("#")]
