"""Writes mdCATH's HDF5 layout (Mirarchi, Giorgino, De Fabritiis, Sci. Data 11, 1299, 2024) for a simulated protein.

As in mdCATH the caps belong to the first and last residue, under CHARMM's names. Other atoms keep Amber's names. There
is no solvent, so ``pdb`` is the protein, and ``box`` is nominal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import h5py
import mdtraj
import numpy as np
import openmm
from jaxtyping import Float64
from openmm import unit

from cgpipe.sampling.chain import CAPS
from cgpipe.sampling.dynamics import Frames
from cgpipe.sampling.start import Start
from cgpipe.sampling.system import make_system

LAYOUT = "mdcath-only-protein-v1.0"
BOX = 10.0
"""Edge of the nominal box [nm]."""

CAP_NAMES = {
    "ACE": {"CH3": "CAY", "H1": "HY1", "H2": "HY2", "H3": "HY3", "C": "CY", "O": "OY"},
    "NME": {"N": "NT", "H": "HNT", "C": "CAT", "H1": "HT1", "H2": "HT2", "H3": "HT3"},
}


@dataclass(frozen=True)
class Row:
    """One atom as the file describes it."""

    name: str
    residue_name: str
    residue: int
    chain: str
    element: str
    atomic_number: int
    mass: float
    charge: float


def rows(start: Start) -> list[Row]:
    """The atoms of a system, with caps made part of their neighbour."""
    charges = _charges(start)
    made = []
    for chain in start.topology.chains():
        residues = list(chain.residues())
        for index, residue in enumerate(residues):
            owner = residues[index + {"ACE": 1, "NME": -1}.get(residue.name, 0)]
            names = CAP_NAMES.get(residue.name, {})
            for atom in residue.atoms():
                made.append(
                    Row(
                        name=names.get(atom.name, atom.name),
                        residue_name=owner.name,
                        residue=int(owner.id),
                        chain=str(chain.index),
                        element=atom.element.symbol,
                        atomic_number=atom.element.atomic_number,
                        mass=atom.element.mass.value_in_unit(unit.dalton),
                        charge=charges[atom.index],
                    )
                )
    return made


def write_protein(group: h5py.Group, start: Start) -> None:
    """What the atoms are: names, residues, chains, elements, structure as PDB, bonds as PSF."""
    atoms = rows(start)
    text = h5py.string_dtype()
    for key, values in (
        ("chain", [a.chain for a in atoms]),
        ("element", [a.element for a in atoms]),
        ("resname", [a.residue_name for a in atoms]),
    ):
        group.create_dataset(key, data=values, dtype=text)
    group.create_dataset("resid", data=np.array([a.residue for a in atoms], np.int64))
    group.create_dataset("z", data=np.array([a.atomic_number for a in atoms], np.int64))
    pdb = _pdb(atoms, start.positions)
    edge = 10.0 * BOX
    box = f"CRYST1{edge:9.3f}{edge:9.3f}{edge:9.3f}  90.00  90.00  90.00 P 1           1\n"
    group.create_dataset("pdb", data=f"{box}{pdb}ENDMDL\nEND\n", dtype=text)
    group.create_dataset("pdbProteinAtoms", data=pdb, dtype=text)
    group.create_dataset("psf", data=_psf(atoms, start), dtype=text)
    group.attrs["numChains"] = len({a.chain for a in atoms})
    group.attrs["numProteinAtoms"] = len(atoms)
    group.attrs["numResidues"] = len({(a.chain, a.residue) for a in atoms})


def write_replica(group: h5py.Group, start: Start, frames: int, chunks: Iterable[Frames]) -> None:
    """The frames of one replica with their potential energies, which mdCATH has not, and what mdCATH derives from them.

    Args:
        frames: how many there are.
        chunks: all of them in order.
    """
    atoms = start.topology.getNumAtoms()
    group.attrs["numFrames"] = frames
    packed = {"chunks": (min(25, frames), atoms, 3), "compression": "gzip", "shuffle": True}
    for key, unit_name in (("coords", "Angstrom"), ("forces", "kcal/mol/Angstrom")):
        group.create_dataset(key, (frames, atoms, 3), np.float32, **packed).attrs["unit"] = unit_name
    group.create_dataset("potential_energy", (frames,), np.float32).attrs["unit"] = "kcal/mol"
    derived = _Derived(start)
    done = 0
    for chunk in chunks:
        stop = done + len(chunk.R)
        group["coords"][done:stop] = chunk.R
        group["forces"][done:stop] = chunk.F
        group["potential_energy"][done:stop] = chunk.U
        derived.add(chunk)
        done = stop
    group.create_dataset("box", data=np.eye(3, dtype=np.float32) * BOX)
    derived.write(group)


class _Derived:
    """Secondary structure, radius of gyration [nm], Cα-RMSD from the first frame [nm], Cα-RMSF per residue [nm]."""

    def __init__(self, start: Start) -> None:
        self._topology = mdtraj.Topology.from_openmm(start.topology)
        self._residues = [i for i, residue in enumerate(start.topology.residues()) if residue.name not in CAPS]
        alpha = {a.residue.index: a.index for a in start.topology.atoms() if a.name == "CA"}
        self._alpha = np.array([alpha[i] for i in self._residues])
        self._first: mdtraj.Trajectory | None = None
        self._dssp: list[np.ndarray] = []
        self._gyration: list[np.ndarray] = []
        self._rmsd: list[np.ndarray] = []
        self._fitted: list[np.ndarray] = []

    def add(self, frames: Frames) -> None:
        trajectory = mdtraj.Trajectory(frames.R / 10.0, self._topology)
        if self._first is None:
            self._first = trajectory[0]
        self._dssp.append(mdtraj.compute_dssp(trajectory, simplified=False)[:, self._residues])
        self._gyration.append(mdtraj.compute_rg(trajectory))
        self._rmsd.append(mdtraj.rmsd(trajectory, self._first, atom_indices=self._alpha))
        fitted = trajectory.superpose(self._first, atom_indices=self._alpha)
        self._fitted.append(fitted.xyz[:, self._alpha].astype(np.float64))

    def write(self, group: h5py.Group) -> None:
        fitted = np.concatenate(self._fitted)
        deviation = fitted - fitted.mean(axis=0)
        dssp = np.concatenate(self._dssp).astype(object)
        group.create_dataset("dssp", data=dssp, dtype=h5py.string_dtype())
        group.create_dataset("gyrationRadius", data=np.concatenate(self._gyration).astype(np.float64))
        group.create_dataset("rmsd", data=np.concatenate(self._rmsd).astype(np.float32))
        group.create_dataset("rmsf", data=np.sqrt((deviation**2).sum(-1).mean(0)).astype(np.float32))
        for key in ("dssp", "gyrationRadius", "rmsd"):  # mdCATH marks all three so
            group[key].attrs["unit"] = "nm"


def _charges(start: Start) -> list[float]:
    """Partial charges [e] of the force field."""
    system = make_system(start.topology, start.solvent)  # named, because its forces die with it
    nonbonded = next(force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    count = nonbonded.getNumParticles()
    return [nonbonded.getParticleParameters(i)[0].value_in_unit(unit.elementary_charge) for i in range(count)]


def _pdb(atoms: Sequence[Row], positions: Float64[np.ndarray, "atoms 3"]) -> str:
    """wwPDB format 3.3; residue names have a column more, as in mdCATH."""
    lines = ["MODEL        1"]
    for serial, (atom, (x, y, z)) in enumerate(zip(atoms, positions, strict=True), 1):
        name = f"{atom.name:<4}" if len(atom.name) == 4 else f" {atom.name:<3}"
        lines.append(
            f"ATOM  {serial:5d} {name} {atom.residue_name:<4}{atom.chain[-1]}{atom.residue:4d}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00      P{atom.chain:<3}{atom.element:>2}"
        )
    return "\n".join([*lines, ""])


def _psf(atoms: Sequence[Row], start: Start) -> str:
    """X-PLOR PSF with the real bonds; the type of an atom is its element."""
    lines = ["PSF CMAP XPLOR", "", "       1 !NTITLE", " REMARKS ff14SB; the type column holds elements", ""]
    lines.append(f"{len(atoms):8d} !NATOM")
    for serial, a in enumerate(atoms, 1):
        lines.append(
            f"{serial:8d} {'P' + a.chain:<4} {a.residue:<4d} {a.residue_name:<4} {a.name:<4} {a.element:<4} "
            f"{a.charge:10.6f}  {a.mass:12.4f}           0"
        )
    pairs = [f"{bond[0].index + 1:8d}{bond[1].index + 1:8d}" for bond in start.topology.bonds()]
    lines += ["", f"{len(pairs):8d} !NBOND: bonds"]
    lines += ["".join(pairs[i : i + 4]) for i in range(0, len(pairs), 4)]
    sections = ("NTHETA: angles", "NPHI: dihedrals", "NIMPHI: impropers", "NDON: donors", "NACC: acceptors", "NNB")
    for title in sections:
        lines += ["", f"{0:8d} !{title}"]
    return "\n".join([*lines, "", ""])
