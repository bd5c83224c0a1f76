"""The LAMMPS data file of a chain of beads: one atom per residue, atom ID = row + 1, molecule ID = chain + 1.

All types of the vocabulary are declared, present or not, so the type numbers mean the same in every system.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from cgpipe.artefact import atomic
from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology

MARGIN = 50.0
"""Distance [Å] from the outermost beads to the walls of the initial box; LAMMPS then shrinks and grows it."""


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
    for row, (x, y, z) in enumerate(R):
        label = names.types[int(topology.species[row])]
        molecule = int(topology.chain[row]) + 1
        lines.append(f"{row + 1} {molecule} {label} {x:.6f} {y:.6f} {z:.6f}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
