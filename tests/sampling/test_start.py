"""Starting structures and the physics that acts on them, against the demo's all-atom data."""

import h5py
import numpy as np
import openmm
import pytest
from openmm import unit

from cgpipe.errors import UserError
from cgpipe.sampling import start as module
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
