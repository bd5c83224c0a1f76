"""Where a run starts: all atoms of a peptide from its sequence or a PDB, with hydrogens, minimised."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import openmm
from jaxtyping import Float64
from openmm import app, unit

from cgpipe.config.sampling import Solvent
from cgpipe.data.start_structure import DISULPHIDE
from cgpipe.errors import UserError
from cgpipe.sampling.chain import CAPS, Residue, extended_chain, with_caps
from cgpipe.sampling.pdb import ProteinRows, protein_rows
from cgpipe.sampling.system import force_field, make_integrator, make_system

LONGEST_PEPTIDE_BOND = 2.0
"""[Å]; farther apart, residues are missing in between."""

COMPLETE = "complete the structure, e.g. with pdbfixer, or take hydrogens out of it: they are added anew"

MINIMISE_TOLERANCE, MINIMISE_STEPS = 10.0, 1000
"""[kJ/mol/nm] and iterations: enough to take away strain, the equilibration does the rest."""


@dataclass(frozen=True)
class Start:
    """All atoms of a system, their positions at the beginning [Å], what surrounds them, and what of the file is not in
    it, by name."""

    topology: app.Topology
    positions: Float64[np.ndarray, "atoms 3"]
    solvent: Solvent = "obc2"
    left_out: tuple[str, ...] = ()


def from_sequence(sequence: str, caps: bool, platform: openmm.Platform, solvent: Solvent = "obc2") -> Start:
    """An extended chain of L-amino acids, minimised.

    Args:
        sequence: one-letter codes.
        caps: ACE and NME at the ends; else a charged amine and carboxylate.
        platform: does the minimisation.
        solvent: what surrounds it.
    """
    chain = extended_chain(sequence)
    return _complete([with_caps(chain) if caps else chain], platform, solvent)


def from_pdb(path: Path, caps: bool, platform: openmm.Platform, solvent: Solvent = "obc2") -> Start:
    """The protein of a PDB (first model, first alternate location), without water, ions and ligands, minimised.

    Args:
        caps: add ACE and NME to chains without them; else their ends stay as they are.

    Raises:
        UserError: unreadable, other molecules, missing residues or atoms.
    """
    rows = protein_rows(path)
    chains = [_checked(chain, path) for chain in _read(rows, path)]
    if not any(chains):
        raise UserError(f"{path}: no amino acids")
    try:
        start = _complete([with_caps(chain) if caps else chain for chain in chains if chain], platform, solvent)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return replace(start, left_out=rows.left_out)


def _read(rows: ProteinRows, path: Path) -> list[list[Residue]]:
    """The chains of a PDB as OpenMM reads them: standard names, one location per atom."""
    try:
        pdb = app.PDBFile(StringIO(rows.text))
    except Exception as error:  # the parser raises whatever it stumbles on
        raise UserError(f"{path}: not a PDB that can be read: {' '.join(str(error).split())}") from None
    xyz = np.asarray(pdb.getPositions(asNumpy=True).value_in_unit(unit.angstrom), dtype=np.float64)
    found = ([_residue(residue, xyz, rows, path) for residue in chain.residues()] for chain in pdb.topology.chains())
    return [part for chain in found for part in _parts(chain)]


def _residue(
    residue: app.topology.Residue, xyz: Float64[np.ndarray, "atoms 3"], rows: ProteinRows, path: Path
) -> Residue:
    code = residue.insertionCode.strip()
    if code or not residue.id.strip().lstrip("-").isdigit():
        raise UserError(
            f"{path}: residue {residue.name} {residue.id}{code}: expected a number of up to four digits; number "
            "the residues anew, e.g. with pdb_reres"
        )
    atoms = {atom.name: xyz[atom.index] for atom in residue.atoms()}
    return Residue(residue.name, int(residue.id), atoms, rows.variants.get((residue.chain.id, residue.id), ""))


def _parts(chain: Sequence[Residue]) -> Iterator[list[Residue]]:
    """A chain cut where numbers start again without a peptide bond: files without names of chains."""
    part: list[Residue] = []
    for residue in chain:
        if part and residue.number <= part[-1].number and _peptide_bond(part[-1], residue) > LONGEST_PEPTIDE_BOND:
            yield part
            part = []
        part.append(residue)
    yield part


def _peptide_bond(before: Residue, after: Residue) -> float:
    """Distance from C to N [Å], infinite where one is missing."""
    if "C" not in before.atoms or "N" not in after.atoms:
        return np.inf
    return float(np.linalg.norm(after.atoms["N"] - before.atoms["C"]))


def _checked(chain: Sequence[Residue], path: Path) -> list[Residue]:
    """The chain; raises UserError for what cannot be simulated."""
    for residue in chain:
        needed = () if residue.name in CAPS else ("N", "CA", "C", "O")
        missing = [name for name in needed if name not in residue.atoms]
        if missing:
            raise UserError(
                f"{path}: residue {residue.name} {residue.number}: no atom {', '.join(missing)}; complete the file "
                "first, e.g. with pdbfixer"
            )
    for before, after in pairwise(chain):
        distance = _peptide_bond(before, after)
        if distance > LONGEST_PEPTIDE_BOND:
            raise UserError(
                f"{path}: {before.name} {before.number} and {after.name} {after.number} are {distance:.1f} Å apart "
                "(C to N): residues are missing in between; complete the file first, e.g. with pdbfixer"
            )
    return list(chain)


def _complete(chains: Sequence[Sequence[Residue]], platform: openmm.Platform, solvent: Solvent) -> Start:
    """Bonds, hydrogens (pH 7), minimum of the force field."""
    chains = _without_thiols(chains)
    topology, positions = _topology(chains)
    modeller = app.Modeller(topology, positions * unit.angstrom)
    variants = [residue.variant or _default_variant(residue) for chain in chains for residue in chain]
    with _seeded():
        try:
            modeller.addHydrogens(force_field(solvent), variants=variants, platform=platform)
        except ValueError as error:
            raise UserError(f"cannot add hydrogens: {error}; {COMPLETE}") from None
    system = make_system(modeller.topology, solvent)
    context = openmm.Context(system, make_integrator(300.0, 1.0), platform)
    context.setPositions(modeller.positions)
    openmm.LocalEnergyMinimizer.minimize(context, MINIMISE_TOLERANCE, MINIMISE_STEPS)
    state = context.getState(getPositions=True)
    found = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    return Start(modeller.topology, np.asarray(found, dtype=np.float64), solvent)


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


def _default_variant(residue: Residue) -> str | None:
    """OpenMM would choose between HID and HIE by hydrogen bonds, which could differ between replicas."""
    return "HIE" if residue.name == "HIS" and not {"HD1", "HE2"} & set(residue.atoms) else None


def _without_thiols(chains: Sequence[Sequence[Residue]]) -> list[list[Residue]]:
    """Without the hydrogens on sulphurs that are as close as in a disulphide, which would keep them from being one."""
    sulphur = [residue.atoms["SG"] for chain in chains for residue in chain if "SG" in residue.atoms]

    def bonded(residue: Residue) -> bool:
        own = residue.atoms.get("SG")
        return own is not None and sum(bool(np.linalg.norm(own - other) < DISULPHIDE) for other in sulphur) > 1

    return [
        [
            replace(residue, atoms={name: xyz for name, xyz in residue.atoms.items() if name != "HG"})
            if bonded(residue)
            else residue
            for residue in chain
        ]
        for chain in chains
    ]


@contextmanager
def _seeded() -> Iterator[None]:
    """OpenMM draws first positions of hydrogens from Python's generator: the same ones each time."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)
