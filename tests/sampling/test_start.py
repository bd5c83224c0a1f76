"""Starting structures and the physics that acts on them, against the demo's all-atom data."""

import re
from dataclasses import replace

import h5py
import numpy as np
import openmm
import pytest
from openmm import app, unit

from cgpipe.errors import UserError
from cgpipe.sampling import start as module
from cgpipe.sampling.chain import extended_chain
from cgpipe.sampling.layout import rows
from cgpipe.sampling.start import from_pdb, from_sequence
from cgpipe.sampling.system import cpu_platform, make_system

FORCE = unit.kilocalorie_per_mole / unit.angstrom


@pytest.fixture(scope="module")
def cln025():
    """CLN025 as the demo has it, extended."""
    return from_sequence("YYDPETGTWY", True, cpu_platform(1))


@pytest.fixture
def folded(demo_data, tmp_path):
    """Trp-cage as a PDB, from the demo."""
    with h5py.File(demo_data / "mdcath_dataset_trpcage.h5") as file:
        text = str(file["trpcage/pdbProteinAtoms"].asstr()[()])
    path = tmp_path / "trpcage.pdb"
    path.write_text(text)
    return path


def evaluate(system: openmm.System, positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy [kcal/mol] and forces [kcal/mol/Å] at positions [Å], in double precision."""
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions * unit.angstrom)
    state = context.getState(getEnergy=True, getForces=True)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
    return energy, np.asarray(state.getForces(asNumpy=True).value_in_unit(FORCE))


def test_forces_are_the_demos(cln025, demo_data):
    """Forces at frames of the demo equal those stored there: force field, solvent, units, names, all at once.

    The demo's positions are rounded to 0.001 Å, which a stiff bond feels: 2 % of the forces' RMS are allowed.
    """
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as file:
        group = file["cln025"]
        names = [line[12:16].strip() for line in group["pdbProteinAtoms"].asstr()[()].splitlines() if "ATOM" in line]
        theirs = list(zip(group["resid"][()], group["resname"].asstr()[()], names, group["z"][()], strict=True))
        R, F = (group["348/2"][key][[5, 300]] for key in ("coords", "forces"))
    ours = [(a.residue, a.residue_name, a.name, a.atomic_number) for a in rows(cln025)]
    assert sorted(ours) == sorted(theirs)
    order = [theirs.index(atom) for atom in ours]
    system = make_system(cln025.topology)
    for positions, forces in zip(R, F, strict=True):
        _, found = evaluate(system, positions[order].astype(np.float64))
        assert np.sqrt(np.mean((found - forces[order]) ** 2)) < 0.02 * np.sqrt(np.mean(forces**2))


def test_native_solvent_is_the_force_fields(cln025):
    """OpenMM's own kernel and the force field's XML: energies to 1e-6, forces to 1e-3 kcal/mol/Å."""
    energy, forces = evaluate(make_system(cln025.topology), cln025.positions)
    expected, expected_forces = evaluate(make_system(cln025.topology, native=False), cln025.positions)
    assert energy == pytest.approx(expected, rel=1e-6)
    assert forces == pytest.approx(expected_forces, abs=1e-3)


def test_neck_solvent_is_openmms_own(cln025):
    """GB-Neck2 as `implicit/gbn2.xml` gives it, with mbondi3 radii (1.4 Å for the oxygens of carboxylates), not OBC2;
    detects that the solvent is ignored, or replaced by the kernel of the other one."""
    field = app.ForceField("amber14/protein.ff14SB.xml", "implicit/gbn2.xml")
    expected, expected_forces = evaluate(field.createSystem(cln025.topology, constraints=app.HBonds), cln025.positions)
    system = make_system(cln025.topology, "gbn2")
    energy, forces = evaluate(system, cln025.positions)
    assert energy == pytest.approx(expected, rel=1e-12)
    assert forces == pytest.approx(expected_forces, abs=1e-9)
    other, other_forces = evaluate(make_system(cln025.topology), cln025.positions)
    assert abs(energy - other) > 1.0 and np.abs(forces - other_forces).max() > 1.0
    solvent = next(force for force in system.getForces() if isinstance(force, openmm.CustomGBForce))
    oxygen = next(atom.index for atom in cln025.topology.atoms() if atom.name == "OD1")
    assert 10.0 * (solvent.getParticleParameters(oxygen)[1] + 0.0195141) == pytest.approx(1.4)


def test_minimum_keeps_handedness_and_trans_bonds(cln025):
    """After hydrogens and minimisation; the builder's own geometry is tested elsewhere."""
    alpha = {}
    for residue in cln025.topology.residues():
        xyz = {atom.name: cln025.positions[atom.index] for atom in residue.atoms()}
        if "CA" in xyz:
            alpha[int(residue.id)] = xyz["CA"]
        if "CB" in xyz:
            n, c, cb = (xyz[name] - xyz["CA"] for name in ("N", "C", "CB"))
            assert np.cross(n, c) @ cb > 1.0
    steps = np.linalg.norm(np.diff([alpha[i] for i in sorted(alpha)], axis=0), axis=1)
    assert steps == pytest.approx(3.8, abs=0.15)


def test_all_amino_acids_have_a_template(monkeypatch):
    """Every residue type, charged ends: the force field knows what was built; strain is not seen."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    made = from_sequence("ACDEFGHIKLMNPQRSTVWY", False, cpu_platform(1))
    assert made.topology.getNumAtoms() == 327


def test_start_is_the_same_each_time(monkeypatch):
    """Replicas build it one by one, and a resumed run anew: bit for bit, whatever was drawn before."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 20)
    first, second = (from_sequence("HGA", True, cpu_platform(1)) for _ in range(2))
    assert (first.positions == second.positions).all()


def test_pdb_is_taken_as_it_is(folded, monkeypatch):
    """All atoms of the file, hardly moved; with ``caps`` the charged ends are replaced (9 atoms more)."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    water = "HETATM  900  O   HOH 0  99      50.000  50.000  50.000  1.00  0.00           O\n"
    folded.write_text(folded.read_text() + water)
    plain = from_pdb(folded, False, cpu_platform(1))
    capped = from_pdb(folded, True, cpu_platform(1))
    assert plain.topology.getNumAtoms() == 304
    assert capped.topology.getNumAtoms() == 313
    assert [atom.residue_name for atom in rows(capped)][:6] == ["ASN"] * 6


def _drop(text: str, *parts: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not any(part in line for part in parts))


MISTAKES = {
    "missing residue": (lambda text: _drop(text, "LYS 0   8"), ["7", "9", "missing", "pdbfixer"]),
    "missing side chain": (lambda text: _drop(text, " CG  LEU 0   7"), ["LEU", "pdbfixer"]),
    "missing backbone": (lambda text: _drop(text, " C   LEU 0   7"), ["LEU 7", "no atom C", "pdbfixer"]),
    "ligand": (lambda text: text.replace("TRP 0   6", "HEM 0   6"), ["HEM 6", "ff14SB"]),
    "no PDB": (lambda text: "hello\n", ["not a PDB"]),
}

MISTAKES |= {
    "modified amino acid": (
        lambda text: text.replace("LYS 0   8", "M3L 0   8"),
        ["M3L 8", "replace it by LYS", "pdbfixer"],
    ),
    "modified beyond the table": (lambda text: text.replace("LYS 0   8", "QQQ 0   8"), ["QQQ 8", "replace it by"]),
    "chromophore": (
        lambda text: re.sub(r" (N|CA|C) ( +)LYS 0   8", r" \g<1>1\2CRO 0   8", text).replace("LYS 0   8", "CRO 0   8"),
        ["CRO 8", "replace it by"],
    ),
    "mmCIF": (lambda text: "data_1L2Y\n#\n", ["mmCIF", "convert"]),
    "nothing": (lambda text: "", ["empty"]),
    "insertion code": (lambda text: text.replace("LYS 0   8 ", "LYS 0   8A"), ["LYS 8A", "number the residues anew"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_unusable_pdb(folded, name, monkeypatch):
    """One line with the file, the residue and what to do."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    spoil, facts = MISTAKES[name]
    folded.write_text(spoil(folded.read_text()))
    with pytest.raises(UserError) as caught:
        from_pdb(folded, False, cpu_platform(1))
    message = str(caught.value)
    assert "\n" not in message
    assert [fact for fact in [str(folded), *facts] if fact not in message] == []


def test_what_is_no_protein_is_left_out_unread(folded, monkeypatch):
    """Water, ions and ligands with numbers in any notation; ligands are named. Detects a start that stops at them."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    numbers = {"HOH": ["10000 ", "A000  ", "2710  ", "****  "], "NA ": ["A001  "], "GOL": ["10001 "]}
    others = [
        f"HETATM99999  O   {name} W{number:<6}  60.000  60.000{10.0 * i:8.3f}  1.00  0.00           O"
        for name, all_of_it in numbers.items()
        for i, number in enumerate(all_of_it)
    ]
    folded.write_text("\n".join([folded.read_text().replace("ENDMDL\n", "").replace("END\n", ""), *others]))
    found = from_pdb(folded, False, cpu_platform(1))
    assert found.topology.getNumAtoms() == 304
    assert found.left_out == ("NA", "GOL")


@pytest.mark.parametrize("between", ["TER", ""])
def test_two_chains_of_equal_numbers(folded, monkeypatch, between):
    """With and without TER, and without names of chains; detects one chain with a gap."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    atoms = [row for row in folded.read_text().splitlines() if row.startswith("ATOM")]
    atoms = [f"{row[:21]} {row[22:]}" for row in atoms if int(row[22:26]) < 4]
    far = [f"{row[:30]}{float(row[30:38]) + 40.0:8.3f}{row[38:]}" for row in atoms]
    folded.write_text("\n".join([*atoms, *([between] if between else []), *far]))
    assert {atom.chain for atom in rows(from_pdb(folded, True, cpu_platform(1)))} == {"0", "1"}


STATES = {
    "HIS": {"HE2"}, "HID": {"HD1"}, "HSD": {"HD1"}, "HIE": {"HE2"}, "HSE": {"HE2"}, "HIP": {"HD1", "HE2"},
    "HSP": {"HD1", "HE2"}, "HISH": {"HD1", "HE2"},
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_names_say_where_hydrogens_are(tmp_path, monkeypatch, name):
    """A histidine without hydrogens gets those of its name; detects that all become HIE."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    heavy = extended_chain("AHA")
    path = write_pdb(tmp_path / "h.pdb", [[replace(r, name=name) if r.name == "HIS" else r for r in heavy]])
    found = from_pdb(path, True, cpu_platform(1))
    assert {atom.name for atom in rows(found)} & {"HD1", "HE2"} == STATES[name]


@pytest.mark.parametrize("thiol", [False, True])
def test_disulphide_between_chains(tmp_path, monkeypatch, thiol):
    """One S-S bond where sulphurs are 2.05 Å apart, thiol hydrogens or not, and none where they are far."""
    monkeypatch.setattr(module, "MINIMISE_STEPS", 1)
    one = extended_chain("GCG")
    sulphur = one[1].atoms["SG"]
    axis = (sulphur - one[1].atoms["CA"]) / np.linalg.norm(sulphur - one[1].atoms["CA"])
    if thiol:
        one[1] = replace(one[1], atoms={**one[1].atoms, "HG": sulphur + 1.3 * np.array([0.0, 0.0, 1.0])})
    for distance, expected in ((2.05, 1), (12.0, 0)):
        centre = sulphur + axis * distance / 2
        # turned by half a turn about an axis across
        across = np.cross(axis, [0.3, 0.5, 0.8])
        across /= np.linalg.norm(across)
        other = [
            replace(
                r, atoms={n: centre - (x - centre) + 2 * across * (across @ (x - centre)) for n, x in r.atoms.items()}
            )
            for r in one
        ]
        found = from_pdb(write_pdb(tmp_path / "s.pdb", [one, other]), True, cpu_platform(1))
        bonds = [bond for bond in found.topology.bonds() if bond[0].name == bond[1].name == "SG"]
        assert len(bonds) == expected
        assert sum(atom.name == "HG" for atom in rows(found)) == 2 - 2 * expected


def write_pdb(path, chains):
    """Residues as a PDB with chains A, B…"""
    lines = [
        f"ATOM  {1:5d}  {atom:<3} {residue.name:<4}{'AB'[number]}{residue.number:4d}    "
        + "".join(f"{x:8.3f}" for x in xyz)
        + f"  1.00  0.00          {atom[0]:>2}"
        for number, chain in enumerate(chains)
        for residue in chain
        for atom, xyz in residue.atoms.items()
    ]
    path.write_text("\n".join([*lines, "END", ""]))
    return path
