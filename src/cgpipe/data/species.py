"""The one vocabulary of bead species: 20 amino acids and X, with masses and the LAMMPS type of each; on demand also
their protonation and bonding states, with the mass of the residue.

Force-field names map onto the 20 by one table (`cgpipe.residues`); an unknown name is an error unless the
configuration maps it (``species.aliases``), to ``X`` if need be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cgpipe.errors import UserError
from cgpipe.residues import RESIDUE_MASSES, RESIDUE_OF_STATE, common_name

ONE_LETTER = dict(zip("ARNDCQEGHILKMFPSTWYVX", RESIDUE_MASSES, strict=True))
"""Letter of a sequence → residue."""

CLASSES = {
    "hydrophobic": ("ALA", "CYS", "ILE", "LEU", "MET", "PHE", "PRO", "TRP", "TYR", "VAL"),
    "polar": ("ASN", "GLN", "GLY", "HIS", "SER", "THR"),
    "positive": ("ARG", "LYS"),
    "negative": ("ASP", "GLU"),
    "X": ("X",),
}


def canonical_residue(name: str, aliases: Mapping[str, str] | None = None) -> str:
    """The vocabulary's name of a residue.

    Args:
        name: residue name as the force field writes it, e.g. ``HSD``.
        aliases: the user's table for names that are not amino acids here, e.g. ``{"MSE": "MET", "LIG": "X"}``.

    Raises:
        UserError: the name is neither in the vocabulary nor in a table.
    """
    key = name.strip().upper()
    key = common_name((aliases or {}).get(key, key))
    if key not in RESIDUE_MASSES:
        raise UserError(
            f"unknown residue {name.strip()!r}: expected one of the 20 amino acids or a known force-field name; "
            f"map it in the configuration, e.g. species.aliases: {{{name.strip().upper()}: X}}"
        )
    return key


@dataclass(frozen=True)
class Vocabulary:
    """The bead types of a model: names, masses [g/mol], and the residues each stands for.

    ``id`` counts from 0 (arrays); the LAMMPS type counts from 1. Both conversions live here only.
    """

    name: str
    types: tuple[str, ...]
    masses: tuple[float, ...]
    _of_residue: Mapping[str, int]

    def species(self, residue: str) -> int:
        """Species id [0, len) of a canonical residue name."""
        return self._of_residue[residue]

    def lammps_type(self, species: int) -> int:
        """LAMMPS atom type (1-based) of a species id."""
        return species + 1

    def species_of_lammps_type(self, lammps_type: int) -> int:
        """Species id of a LAMMPS atom type (1-based)."""
        return lammps_type - 1

    def __len__(self) -> int:
        return len(self.types)


def vocabulary(name: str) -> Vocabulary:
    """The named vocabulary.

    ``residues`` (20 + X), ``states`` (these, and `RESIDUE_OF_STATE`) or ``classes4`` (hydrophobic, polar, positive,
    negative, + X).
    """
    if name in ("residues", "states"):
        masses = RESIDUE_MASSES | {state: RESIDUE_MASSES[residue] for state, residue in RESIDUE_OF_STATE.items()}
        types = tuple(RESIDUE_MASSES if name == "residues" else masses)
        return _vocabulary(name, types, tuple(masses[one] for one in types), {r: i for i, r in enumerate(types)})
    if name == "classes4":
        means = tuple(sum(RESIDUE_MASSES[r] for r in members) / len(members) for members in CLASSES.values())
        of_residue = {r: i for i, members in enumerate(CLASSES.values()) for r in members}
        return _vocabulary(name, tuple(CLASSES), means, of_residue)
    raise UserError(f"unknown vocabulary {name!r}: expected 'residues', 'states' or 'classes4'")


def _vocabulary(name: str, types: tuple[str, ...], masses: tuple[float, ...], of_residue: dict[str, int]) -> Vocabulary:
    """A vocabulary in which a state that is no type of its own counts as its residue."""
    merged = {state: of_residue[residue] for state, residue in RESIDUE_OF_STATE.items()}
    return Vocabulary(name, types, masses, merged | of_residue)
