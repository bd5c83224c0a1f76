"""The native structure of a protein, that RMSD and native contacts are measured to: the Cα atoms of a PDB."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int32

from cgpipe.data.bond_ranges import CLOSEST_ALPHA, FARTHEST_ALPHA
from cgpipe.data.chains import bonded_beads
from cgpipe.data.species import canonical_residue
from cgpipe.data.start_structure import alpha_carbons
from cgpipe.errors import UserError
from cgpipe.files import require_content
from cgpipe.residues import without_state

REMEDY = "give native a PDB of this protein, all its residues in order, or leave the key out"


@runtime_checkable
class Beads(Protocol):
    """A protein's beads: residue, chain, and numbers that are consecutive exactly along bonds."""

    @property
    def residue_name(self) -> tuple[str, ...]: ...

    @property
    def chain(self) -> Int32[np.ndarray, " beads"]: ...

    @property
    def residue(self) -> Int32[np.ndarray, " beads"]: ...


def read_native(path: Path, beads: Beads, aliases: Mapping[str, str], protein: str) -> Float64[np.ndarray, "beads 3"]:
    """Positions of the beads in the first model of a PDB [Å].

    Args:
        path: the PDB; of all atoms, the backbone, or Cα atoms alone.
        beads: of the protein.
        aliases: the user's names for non-standard residues.
        protein: its name, for messages.

    Raises:
        UserError: missing or no PDB of a protein, other residues than the beads', or bonded Cα atoms that are too near
            or too far for Å.
    """
    require_content(path)
    found = alpha_carbons(path.read_text(errors="replace"), str(path))
    if len(found) != len(beads.residue_name):
        raise UserError(f"{path}: {len(found)} residues, but {protein} has {len(beads.residue_name)} beads; {REMEDY}")
    for place, ((label, name, _), expected) in enumerate(zip(found, beads.residue_name, strict=True), 1):
        try:
            same = canonical_residue(name, aliases) == without_state(expected)
        except UserError as error:
            raise UserError(f"{path}: residue {label}: {error}") from None
        if not same:
            raise UserError(f"{path}: residue {label} is {name}, but bead {place} of {protein} is {expected}; {REMEDY}")
    R = np.stack([place for *_, place in found])
    apart = np.linalg.norm(np.diff(R, axis=0), axis=1)
    wrong = bonded_beads(beads.chain, beads.residue) & ((apart < CLOSEST_ALPHA) | (apart > FARTHEST_ALPHA))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(
            f"{path}: the Cα atoms of residues {found[row].label} and {found[row + 1].label} are {apart[row]:.2f} Å "
            f"apart, but bonded ones are {CLOSEST_ALPHA:g} to {FARTHEST_ALPHA:g} Å; {REMEDY}"
        )
    return R
