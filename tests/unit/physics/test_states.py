"""States of residues and disulphide bonds, on hand-made atoms; cannot detect names that only real files use."""

import numpy as np
import pytest

from cgpipe.data.atoms import Atoms
from cgpipe.data.species import vocabulary
from cgpipe.errors import UserError
from cgpipe.physics.mapping import map_alpha_carbons
from cgpipe.physics.states import disulphide_names, disulphides, judge_disulphides, states_of

BACKBONE = (("N", 7), ("H", 1), ("CA", 6), ("C", 6))
SITES = {
    "HIS": ("ND1", "NE2"), "ASP": ("OD1", "OD2"), "GLU": ("OE1", "OE2"), "LYS": ("NZ",), "ARG": ("NE", "NH1", "NH2"),
    "TYR": ("OH",), "CYS": ("SG",),
}  # fmt: skip
ELEMENTS = {"N": 7, "O": 8, "S": 16}


def made(*residues: tuple[str, str, int], bridges: tuple[tuple[int, int], ...] = ()) -> Atoms:
    """A chain of residues (name, kind, hydrogens on its sites); ``bridges`` join the last sites of two of them."""
    rows, bonds, carbonyl, ends = [], [], -1, []
    for number, (name, kind, hydrogens) in enumerate(residues, 1):
        first = len(rows)
        rows += [(atom, z, name, number) for atom, z in BACKBONE]
        bonds += [(first, first + 1), (first, first + 2), (first + 2, first + 3)]
        bonds += [(carbonyl, first)] if carbonyl >= 0 else []
        carbonyl = first + 3
        sites = SITES.get(kind, ())
        heavy = list(range(len(rows), len(rows) + len(sites)))
        rows += [(site, ELEMENTS[site[0]], name, number) for site in sites]
        bonds += [(first + 2, site) for site in heavy]
        bonds += [(heavy[n % len(heavy)], len(rows) + n) for n in range(hydrogens)]
        rows += [(f"HX{n}", 1, name, number) for n in range(hydrogens)]
        ends.append(heavy[-1] if heavy else first)
    bonds += [(ends[i], ends[j]) for i, j in bridges]
    names, elements, kinds, numbers = zip(*rows, strict=True)
    chain = ("A",) * len(rows)
    return Atoms(names, np.array(elements), kinds, np.array(numbers), chain, np.array(bonds))


USUAL = {"HIS": 1, "ASP": 0, "GLU": 0, "LYS": 3, "ARG": 5, "TYR": 1, "CYS": 1}
OTHER = {"HIS": (2, "HSP"), "ASP": (1, "ASH"), "GLU": (1, "GLH"), "LYS": (2, "LYN"), "ARG": (4, "ARN"),
         "TYR": (0, "TYM"), "CYS": (0, "CYM")}  # fmt: skip


def test_hydrogens_tell_states_that_names_do_not():
    """Detects CHARMM's patches and GROMACS' topologies, whose residues keep the common name, taken for usual ones."""
    usual = made(*((kind, kind, number) for kind, number in USUAL.items()))
    assert states_of(usual) == {} and map_alpha_carbons(usual, {}, "p").notes == ()
    other = made(*((kind, kind, number) for kind, (number, _) in OTHER.items()))
    assert list(states_of(other).values()) == [state for _, state in OTHER.values()]


@pytest.mark.parametrize(
    ("name", "kind", "state"),
    [("HIP", "HIS", "HSP"), ("NHIP", "HIS", "HSP"), ("ASPP", "ASP", "ASH"), ("LYN", "LYS", "LYN"), ("HSD", "HIS", "")],
)
def test_names_of_force_fields_tell_states(name, kind, state):
    """Detects a force field's name that is not known, and a neutral histidine taken for another state."""
    assert list(states_of(made((name, kind, USUAL[kind]), ("GLY", "GLY", 0))).values()) == ([state] if state else [])


def test_merged_states_are_told():
    """Detects residues of different charge that become one species without a word."""
    [note] = map_alpha_carbons(made(("GLY", "GLY", 0), ("HSP", "HIS", 2), ("ASP", "ASP", 1)), {}, "p").notes
    assert "merged, HSP as HIS, ASH as ASP: chain A HSP 2 (HSP), chain A ASP 3 (ASH); species.states: true" in note


def test_states_are_species_of_their_own_on_demand():
    """Detects states that have no type, share one, or move the types of the residues; and others that lose theirs."""
    beads = map_alpha_carbons(made(("HIS", "HIS", 1), ("HSP", "HIS", 2), ("ASP", "ASP", 1)), {}, "p", states=True)
    assert beads.residue_name == ("HIS", "HSP", "ASH") and beads.notes == ()
    states, residues = vocabulary("states"), vocabulary("residues")
    assert states.types[: len(residues)] == residues.types
    assert len({states.species(name) for name in states.types}) == len(states) == len(residues) + 8
    assert residues.species("HSP") == residues.species("HIS")
    assert states.masses[states.species("HSP")] == residues.masses[residues.species("HIS")]
    positive = vocabulary("classes4").species("LYS")
    assert vocabulary("classes4").species("LYN") == positive


def test_disulphides_are_refused_or_told():
    """Detects two residues far apart in the sequence whose bond nothing in the model knows of, without a word."""
    cysteines = [("CYS", "CYS", 0), ("GLY", "GLY", 0), ("CYS", "CYS", 0), ("CYS", "CYS", 1)]
    atoms = made(*cysteines, bridges=((0, 2),))
    assert len(disulphides(atoms)) == 1 and list(states_of(atoms).values()) == ["CYX", "CYX"]
    names = disulphide_names(atoms)
    with pytest.raises(
        UserError, match=r"p: disulphide bonds \(chain A CYS 1 and chain A CYS 3\).*unbonded"
    ) as refused:
        judge_disulphides(names, "refuse", "p")
    assert "\n" not in str(refused.value)
    [note] = judge_disulphides(names, "unbonded", "p")
    assert "CYS 1 and chain A CYS 3" in note and "the network alone" in note
    assert judge_disulphides(disulphide_names(made(*cysteines)), "refuse", "p") == []


def test_cystine_without_its_partner_is_a_disulphide_too():
    """Detects a bond to a chain that is not selected, or one that the topology lost."""
    with pytest.raises(UserError, match="CYX 1 and a residue that the topology does not tell"):
        judge_disulphides(disulphide_names(made(("CYX", "CYS", 0), ("GLY", "GLY", 0))), "refuse", "p")
