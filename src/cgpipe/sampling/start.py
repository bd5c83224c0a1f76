"""Where a run starts: all atoms of a peptide from its sequence or a PDB, with hydrogens, minimised."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import openmm
from jaxtyping import Float64
from openmm import app, unit

from cgpipe.data.species import FORCE_FIELD_NAMES, RESIDUE_MASSES
from cgpipe.errors import UserError
from cgpipe.sampling.chain import CAPS, Residue, extended_chain, with_caps
from cgpipe.sampling.system import force_field, make_integrator, make_system

WATER = ("HOH", "WAT", "TIP", "TIP3", "SOL")
KNOWN = {*RESIDUE_MASSES, *FORCE_FIELD_NAMES, *CAPS} - {"X"}
LONGEST_PEPTIDE_BOND = 2.0
"""[Å]; farther apart, residues are missing in between."""

MINIMISE_TOLERANCE, MINIMISE_STEPS = 10.0, 1000
"""[kJ/mol/nm] and iterations: enough to take away strain, the equilibration does the rest."""


@dataclass(frozen=True)
class Start:
    """All atoms of a system, and their positions at the beginning [Å]."""

    topology: app.Topology
    positions: Float64[np.ndarray, "atoms 3"]


def from_sequence(sequence: str, caps: bool, platform: openmm.Platform) -> Start:
    """An extended chain of L-amino acids, minimised.

    Args:
        sequence: one-letter codes.
        caps: ACE and NME at the ends; else a charged amine and carboxylate.
        platform: does the minimisation.
    """
    chain = extended_chain(sequence)
    return _complete([with_caps(chain) if caps else chain], platform)


def from_pdb(path: Path, caps: bool, platform: openmm.Platform) -> Start:
    """The protein of a PDB (first model, first alternate location), without water, minimised.

    Args:
        caps: add ACE and NME to chains without them; else their ends stay as they are.

    Raises:
        UserError: unreadable, other molecules, missing residues or atoms.
    """
    chains = [_checked(chain, path) for chain in _read(path)]
    if not any(chains):
        raise UserError(f"{path}: no amino acids")
    try:
        return _complete([with_caps(chain) if caps else chain for chain in chains if chain], platform)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(path: Path) -> list[list[Residue]]:
    """The chains of a PDB as OpenMM reads them: standard names, one location per atom."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        pdb = app.PDBFile(str(path))
    except Exception as error:  # the parser raises whatever it stumbles on
        raise UserError(f"{path}: not a PDB that can be read: {error}") from None
    xyz = np.asarray(pdb.getPositions(asNumpy=True).value_in_unit(unit.angstrom), dtype=np.float64)
    return [[_residue(residue, xyz, path) for residue in chain.residues()] for chain in pdb.topology.chains()]


def _residue(residue: app.topology.Residue, xyz: Float64[np.ndarray, "atoms 3"], path: Path) -> Residue:
    if residue.insertionCode.strip() or not residue.id.strip().lstrip("-").isdigit():
        raise UserError(f"{path}: residue {residue.name} {residue.id}{residue.insertionCode}: expected a plain number")
    return Residue(residue.name, int(residue.id), {atom.name: xyz[atom.index] for atom in residue.atoms()})


def _checked(chain: Sequence[Residue], path: Path) -> list[Residue]:
    """The chain without water; raises UserError for what cannot be simulated."""
    kept = [residue for residue in chain if residue.name not in WATER]
    for residue in kept:
        where = f"{path}: residue {residue.name} {residue.number}"
        if residue.name not in KNOWN:
            raise UserError(f"{where}: no amino acid of ff14SB; take it out of the file")
        needed = () if residue.name in CAPS else ("N", "CA", "C", "O")
        missing = [name for name in needed if name not in residue.atoms]
        if missing:
            raise UserError(f"{where}: no atom {', '.join(missing)}; complete the file first, e.g. with pdbfixer")
    for before, after in pairwise(kept):
        distance = float(np.linalg.norm(after.atoms["N"] - before.atoms["C"]))
        if distance > LONGEST_PEPTIDE_BOND:
            raise UserError(
                f"{path}: {before.name} {before.number} and {after.name} {after.number} are {distance:.1f} Å apart "
                "(C to N): residues are missing in between; complete the file first, e.g. with pdbfixer"
            )
    return kept


def _complete(chains: Sequence[Sequence[Residue]], platform: openmm.Platform) -> Start:
    """Bonds, hydrogens (pH 7), minimum of the force field."""
    topology, positions = _topology(chains)
    modeller = app.Modeller(topology, positions * unit.angstrom)
    # a choice by hydrogen bonds could differ between replicas
    variants = ["HIE" if r.name == "HIS" and not _has_ring_hydrogen(r) else None for r in topology.residues()]
    with _seeded():
        try:
            modeller.addHydrogens(force_field(), variants=variants, platform=platform)
        except ValueError as error:
            raise UserError(f"cannot add hydrogens: {error}; complete the structure, e.g. with pdbfixer") from None
    system = make_system(modeller.topology)
    context = openmm.Context(system, make_integrator(300.0, 1.0), platform)
    context.setPositions(modeller.positions)
    openmm.LocalEnergyMinimizer.minimize(context, MINIMISE_TOLERANCE, MINIMISE_STEPS)
    state = context.getState(getPositions=True)
    found = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    return Start(modeller.topology, np.asarray(found, dtype=np.float64))


def _topology(chains: Sequence[Sequence[Residue]]) -> tuple[app.Topology, Float64[np.ndarray, "atoms 3"]]:
    topology = app.Topology()
    for name, residues in enumerate(chains):
        chain = topology.addChain(str(name))
        for residue in residues:
            made = topology.addResidue(residue.name, chain, str(residue.number))
            for atom in residue.atoms:
                topology.addAtom(atom, app.Element.getBySymbol(atom.lstrip("0123456789")[0]), made)
    xyz = np.stack([xyz for chain in chains for residue in chain for xyz in residue.atoms.values()])
    topology.createStandardBonds()
    topology.createDisulfideBonds([openmm.Vec3(*row) * unit.angstrom for row in xyz])
    return topology, xyz


def _has_ring_hydrogen(residue: app.topology.Residue) -> bool:
    return any(atom.name in ("HD1", "HE2") for atom in residue.atoms())


@contextmanager
def _seeded() -> Iterator[None]:
    """OpenMM draws first positions of hydrogens from Python's generator: the same ones each time."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)
