"""Synthetic mdCATH files: made-up chains and frames, with the layout of the real ones and nothing else of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

RESIDUE = (("N", 7), ("HN", 1), ("CA", 6), ("HA", 1), ("C", 6), ("O", 8))
BONDS = ((0, 1), (0, 2), (2, 3), (2, 4), (4, 5))
OFFSETS = np.array(
    [[-1.2, 0.5, 0.0], [-1.2, 1.5, 0.0], [0.0, 0.0, 0.0], [0.0, -0.6, 0.9], [1.2, 0.5, 0.0], [1.2, 1.7, 0.0]]
)


@dataclass
class SyntheticProtein:
    """A straight chain of six-atom residues, Cα 3.8 Å apart, and what a test adds or takes away."""

    residues: Sequence[str]
    numbers: Sequence[int] | None = None
    unbonded_after: Sequence[int] = ()
    extra: Sequence[tuple[str, int, str, int]] = field(default_factory=tuple)

    def atoms(self) -> list[tuple[str, int, str, int]]:
        """(name, atomic number, residue name, residue number) of every atom; extra atoms come last."""
        numbers = self.numbers or range(1, len(self.residues) + 1)
        chain = [(a, z, r, n) for r, n in zip(self.residues, numbers, strict=True) for a, z in RESIDUE]
        return [*chain, *self.extra]

    def bonds(self) -> np.ndarray:
        """Bonds within residues, and peptide bonds except after the rows named in ``unbonded_after``."""
        size = len(RESIDUE)
        inner = [(size * r + i, size * r + j) for r in range(len(self.residues)) for i, j in BONDS]
        peptide = [(size * r + 4, size * r + 6) for r in range(len(self.residues) - 1) if r not in self.unbonded_after]
        return np.array(inner + peptide)

    def frames(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Positions that shake, and forces made of opposite pairs along bonds plus some of each atom's own."""
        size = len(self.atoms())
        start = np.concatenate([OFFSETS + np.array([3.8 * r, 0, 0]) for r in range(len(self.residues))])
        start = (
            np.concatenate([start, [[0.0, 9.0 + 3 * k, 0.0] for k in range(len(self.extra))]]) if self.extra else start
        )
        R = start + random.normal(0, 1.0, (count, 1, 3)) + random.normal(0, 0.03, (count, size, 3))
        F = random.normal(0, 3.0, (count, size, 3))
        for i, j in self.bonds():
            pull = random.normal(0, 20.0, (count, 3))
            F[:, i] += pull
            F[:, j] -= pull
        return R.astype(np.float32), F.astype(np.float32)


def write_mdcath(
    path: Path, protein: SyntheticProtein, frames: Mapping[str, int], *, domain: str = "synth", seed: int = 0
) -> Path:
    """Write an mdCATH file with so many frames for each ``temperature/replica``."""
    random = np.random.default_rng(seed)
    atoms = protein.atoms()
    with h5py.File(path, "w") as file:
        file.attrs["layout"] = "mdcath-only-protein-v1.0"
        group = file.create_group(domain)
        text = h5py.string_dtype()
        group.create_dataset("chain", data=["0"] * len(atoms), dtype=text)
        group.create_dataset("resname", data=[a[2] for a in atoms], dtype=text)
        group.create_dataset("resid", data=[a[3] for a in atoms])
        group.create_dataset("z", data=[a[1] for a in atoms])
        group.create_dataset(
            "pdb", data="ATOM      1  CA  WAT W   1      the solvated system: not to be read", dtype=text
        )
        group.create_dataset("pdbProteinAtoms", data=_pdb(atoms), dtype=text)
        group.create_dataset("psf", data=_psf(atoms, protein.bonds()), dtype=text)
        for name, count in frames.items():
            R, F = protein.frames(count, random)
            replica = group.create_group(name)
            replica.attrs["numFrames"] = count
            for key, values, unit in (("coords", R, "Angstrom"), ("forces", F, "kcal/mol/Angstrom")):
                replica.create_dataset(key, data=values).attrs["unit"] = unit
    return path


def _pdb(atoms: Sequence[tuple[str, int, str, int]]) -> str:
    rows = [
        f"ATOM  {i:5d}  {name:<3} {residue:<4}0{number:4d}       0.000   0.000   0.000  1.00  0.00"
        for i, (name, _, residue, number) in enumerate(atoms, 1)
    ]
    return "\n".join(["MODEL        1", *rows, "ENDMDL", "END"])


def _psf(atoms: Sequence[tuple[str, int, str, int]], bonds: np.ndarray) -> str:
    rows = [
        f"{i:8d} P0   {number:<4d} {residue:<4} {name:<4} X 0.0 1.0 0"
        for i, (name, _, residue, number) in enumerate(atoms, 1)
    ]
    pairs = ["".join(f"{i + 1:8d}{j + 1:8d}" for i, j in bonds[k : k + 4]) for k in range(0, len(bonds), 4)]
    title = ["PSF", "", "       1 !NTITLE", " REMARKS synthetic", ""]
    return "\n".join([*title, f"{len(atoms):8d} !NATOM", *rows, "", f"{len(bonds):8d} !NBOND: bonds", *pairs, "", ""])
