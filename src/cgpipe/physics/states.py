"""Protonation and bonding states of residues, and disulphide bonds, as the atoms tell them.

Force fields that have a name for a state are taken at their word. Others keep the common name (CHARMM's patches,
GROMACS' topologies), so there the hydrogens tell, where a residue has any: so many are bonded to its acid and basic
atoms.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int

from cgpipe.data.atoms import Atoms
from cgpipe.errors import UserError
from cgpipe.residues import RESIDUE_OF_STATE, common_name, named_state

HYDROGENS = {
    "HIS": (("ND1", "NE2"), {2: "HSP"}),
    "ASP": (("OD1", "OD2"), {1: "ASH"}),
    "GLU": (("OE1", "OE2"), {1: "GLH"}),
    "LYS": (("NZ",), {2: "LYN"}),
    "ARG": (("NE", "NH1", "NH2"), {4: "ARN"}),
    "TYR": (("OH",), {0: "TYM"}),
    "CYS": (("SG",), {0: "CYM"}),
}
"""Residue → atoms, and the state that so many hydrogens on them make; with other numbers it is in its usual one."""

SULPHUR = 16

SHOWN = 6
"""So many residues or bonds are named at most."""


def states_of(atoms: Atoms) -> dict[int, str]:
    """Residues (`Atoms.member`) in another state than usual, and that state: a key of `RESIDUE_OF_STATE`."""
    hydrogen = atoms.atomic_number == 1
    ends = np.concatenate([atoms.bonds, atoms.bonds[:, ::-1]])
    count = np.bincount(ends[hydrogen[ends[:, 1]], 0], minlength=len(atoms))
    bridged = {int(atoms.member[atom]) for bond in disulphides(atoms) for atom in bond}
    has_hydrogens = set(atoms.member[hydrogen].tolist())
    members: dict[int, dict[str, int]] = {}
    for atom, label in enumerate(atoms.member.tolist()):
        members.setdefault(label, {})[atoms.name[atom]] = atom
    found = {}
    for label, by_name in members.items():
        name = atoms.residue_name[next(iter(by_name.values()))]
        state = named_state(name)
        if not state and common_name(name) == "CYS" and label in bridged:
            state = "CYX"
        sites, by_count = HYDROGENS.get(common_name(name), ((), {}))
        if not state and label in has_hydrogens and all(site in by_name for site in sites):
            state = by_count.get(sum(int(count[by_name[site]]) for site in sites), "")
        if state:
            found[label] = state
    return found


def disulphides(atoms: Atoms) -> list[tuple[int, int]]:
    """Pairs of bonded sulphurs of different residues."""
    pairs = atoms.bonds[(atoms.atomic_number[atoms.bonds] == SULPHUR).all(axis=1)]
    return [(i, j) for i, j in pairs.tolist() if atoms.member[i] != atoms.member[j]]


def merged_states(atoms: Atoms, alpha: Int[np.ndarray, " beads"]) -> list[str]:
    """A note on beads whose residues are in another state than usual; none where all are in the usual one.

    Args:
        atoms: of the protein.
        alpha: Cα of each bead.
    """
    states = states_of(atoms)
    labels = zip(alpha.tolist(), atoms.member[alpha].tolist(), strict=True)
    named = [(atom, states[label]) for atom, label in labels if label in states]
    if not named:
        return []
    which = _listed([f"{atoms.describe_residue(atom)} ({state})" for atom, state in named])
    counted = ", ".join(f"{state} as {RESIDUE_OF_STATE[state]}" for state in dict.fromkeys(state for _, state in named))
    return [f"states of residues are merged, {counted}: {which}; species.states: true makes them species of their own"]


def disulphide_names(atoms: Atoms) -> list[str]:
    """The two residues of every disulphide bond, in words."""
    bonds = disulphides(atoms)
    known = {int(atoms.member[atom]) for bond in bonds for atom in bond}
    both = [f"{atoms.describe_residue(i)} and {atoms.describe_residue(j)}" for i, j in bonds]
    return both + [f"{one} and a residue that the topology does not tell" for one in _named_alone(atoms, known)]


def bridged_beads(residue_name: Sequence[str]) -> list[str]:
    """The beads that their type calls half of a disulphide bond, in words; without atoms nothing tells the other."""
    return [f"bead {number} (CYX)" for number, name in enumerate(residue_name, start=1) if name == "CYX"]


def judge_disulphides(bonds: Sequence[str], policy: str, where: str) -> list[str]:
    """A note on disulphide bonds; none where there are none.

    Args:
        bonds: in words.
        policy: ``refuse``, or ``unbonded`` to do without a bond between their beads.
        where: protein, for the message.

    Raises:
        UserError: there are some, and the policy is to refuse.
    """
    if not bonds:
        return []
    if policy == "refuse":
        raise UserError(
            f"{where}: disulphide bonds ({_listed(bonds)}), but the model has bonds along the chain only: nothing but "
            "the network would hold them; set project.disulphides: unbonded to accept that, or leave the protein out"
        )
    return [f"disulphide bonds ({_listed(bonds)}) have no term in the prior: the network alone holds them"]


def _named_alone(atoms: Atoms, known: set[int]) -> Iterator[str]:
    """Residues that are called half of a disulphide bond that is not there."""
    labels, first = np.unique(atoms.member, return_index=True)
    for label, atom in zip(labels.tolist(), first.tolist(), strict=True):
        if label not in known and named_state(atoms.residue_name[atom]) == "CYX":
            yield atoms.describe_residue(atom)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:SHOWN]) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")
