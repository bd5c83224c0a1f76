"""The LAMMPS data file of chains of beads: one atom per residue, molecule ID = chain + 1.

Atom IDs begin at 1 and rise by the difference of residue numbers within a chain: consecutive IDs of one molecule are
bonded, and a gap in the chain is a gap in the IDs. So the whole topology is in what LAMMPS itself keeps with every atom
(ID, molecule, type), through restarts, ``replicate`` and migration between processes.

All types of the vocabulary are declared, present or not, so the type numbers mean the same in every system.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from cgpipe.artefact import atomic
from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.errors import UserError

MARGIN = 50.0
"""Distance [Å] from the outermost beads to the walls of the initial box; LAMMPS then shrinks and grows it."""


def atom_ids(topology: Topology) -> Int[np.ndarray, " beads"]:
    """The LAMMPS atom ID of every row.

    Raises:
        UserError: residue numbers of a chain do not rise.
    """
    steps = np.where(np.diff(topology.chain) == 0, np.diff(topology.residue), 1)
    if np.any(steps < 1):
        row = int(np.argmax(steps < 1))
        raise UserError(f"residue numbers must rise along a chain, but those of beads {row} and {row + 1} do not")
    return 1 + np.concatenate([[0], np.cumsum(steps)]).astype(np.int32)


def write_data(path: Path, title: str, R: Float[np.ndarray, "beads 3"], topology: Topology, names: Vocabulary) -> None:
    """Write the data file (``units real``, ``atom_style molecular``).

    Args:
        title: first line of the file.
        R: positions [Å] in chain order.
        topology: of the same beads.
        names: bead types with masses [g/mol].
    """
    lines = [title, "", f"{len(R)} atoms", f"{len(names)} atom types", ""]
    for axis, name in enumerate("xyz"):
        low, high = R[:, axis].min() - MARGIN, R[:, axis].max() + MARGIN
        lines.append(f"{low:.3f} {high:.3f} {name}lo {name}hi")
    numbers = [names.lammps_type(species) for species in range(len(names))]
    lines += ["", "Atom Type Labels", "", *(f"{n} {label}" for n, label in zip(numbers, names.types, strict=True))]
    lines += ["", "Masses", "", *(f"{n} {mass:.3f}" for n, mass in zip(numbers, names.masses, strict=True))]
    lines += ["", "Atoms # molecular", ""]
    for row, (number, (x, y, z)) in enumerate(zip(atom_ids(topology), R, strict=True)):
        label = names.types[int(topology.species[row])]
        molecule = int(topology.chain[row]) + 1
        lines.append(f"{number} {molecule} {label} {x:.9f} {y:.9f} {z:.9f}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
