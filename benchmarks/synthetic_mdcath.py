"""Synthetic mdCATH files: made-up chains and frames, with the layout of the real ones and nothing else of them.

For tests and benchmarks only: atoms tremble around a straight chain, and feel the springs that make them tremble so,
noise, and random pulls along bonds. As a program it writes a file of any size, a bounded amount at a time::

    python benchmarks/synthetic_mdcath.py big.h5 --residues 150 --atoms 2300 --frames 11000
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse

RESIDUE = (("N", 7), ("HN", 1), ("CA", 6), ("HA", 1), ("C", 6), ("O", 8))
BONDS = ((0, 1), (0, 2), (2, 3), (2, 4), (4, 5))
OFFSETS = np.array(
    [[-1.2, 0.5, 0.0], [-1.2, 1.5, 0.0], [0.0, 0.0, 0.0], [0.0, -0.6, 0.9], [1.2, 0.5, 0.0], [1.2, 1.7, 0.0]]
)
NAMES = ("ALA", "GLY", "SER", "LEU", "VAL", "GLU", "LYS", "THR", "ASP", "ILE")
SHAKEN = 0.03
"""Standard deviation of every coordinate [Å]."""
SPRING = 0.0019872 / SHAKEN**2
"""k/σ², Boltzmann's constant over the variance: with such springs the frames are an equilibrium [kcal/mol/Å²/K]."""
ROWS = 500
"""Frames that are made and written at a time."""


@dataclass
class SyntheticProtein:
    """A straight chain of residues, Cα 3.8 Å apart, and what a test adds or takes away.

    A residue has the six atoms of its backbone; ``side_atoms`` more are shared out among all residues as side chains
    of alternating carbon and hydrogen, every carbon bonded to the carbon before.
    """

    residues: Sequence[str]
    numbers: Sequence[int] | None = None
    unbonded_after: Sequence[int] = ()
    extra: Sequence[tuple[str, int, str, int]] = field(default_factory=tuple)
    side_atoms: int = 0

    def atoms(self) -> list[tuple[str, int, str, int]]:
        """(name, atomic number, residue name, residue number) of every atom; extra atoms come last."""
        numbers = self.numbers or range(1, len(self.residues) + 1)
        chain = [
            (a, z, r, n)
            for r, n, side in zip(self.residues, numbers, self._sides(), strict=True)
            for a, z in (*RESIDUE, *((f"H{k}", 1) if k % 2 else (f"C{k}", 6) for k in range(side)))
        ]
        return [*chain, *self.extra]

    def bonds(self) -> np.ndarray:
        """Bonds within residues, and peptide bonds except after the rows named in ``unbonded_after``."""
        first = self._first_atoms()
        pairs = [(start + i, start + j) for start in first for i, j in BONDS]
        for start, side in zip(first, self._sides(), strict=True):
            heavy = [start + 2, *(start + 6 + k for k in range(0, side, 2))]
            pairs += list(pairwise(heavy))
            pairs += [(start + 6 + k - 1, start + 6 + k) for k in range(1, side, 2)]
        pairs += [(first[r] + 4, first[r + 1]) for r in range(len(first) - 1) if r not in self.unbonded_after]
        return np.array(pairs)

    def frames(
        self, count: int, random: np.random.Generator, temperature: float = 300.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions that shake, and forces: of springs, in opposite pairs along bonds, and some of each atom's own."""
        size = len(self.atoms())
        sides = [
            np.array([[0.0, -0.8 - 0.7 * k, -0.8 if k % 2 else 0.0] for k in range(side)]) for side in self._sides()
        ]
        along = np.array([3.8, 0.0, 0.0])
        rows = [np.concatenate([OFFSETS, side.reshape(-1, 3)]) + r * along for r, side in enumerate(sides)]
        extra = np.array([[0.0, 9.0 + 3 * k, 0.0] for k in range(len(self.extra))]).reshape(-1, 3)
        start = np.concatenate([*rows, extra]).astype(np.float32)
        normal = random.standard_normal
        shaken = np.float32(SHAKEN) * normal((count, size, 3), np.float32)
        R = start + normal((count, 1, 3), np.float32) + shaken
        bonds = self.bonds()
        pull = 20.0 * normal((len(bonds), 3 * count), np.float32)
        ones, order = np.ones(len(bonds), np.float32), np.arange(len(bonds))
        ends = scipy.sparse.coo_array(
            (np.concatenate([ones, -ones]), (bonds.T.reshape(-1), np.tile(order, 2))), shape=(size, len(bonds))
        )
        F = (ends.tocsr() @ pull).reshape(size, count, 3).transpose(1, 0, 2)
        F = F + 3.0 * normal((count, size, 3), np.float32) - np.float32(SPRING * temperature) * shaken
        return R.astype(np.float32), F.astype(np.float32)

    def _sides(self) -> list[int]:
        """Side-chain atoms of every residue."""
        count = len(self.residues)
        return [self.side_atoms // count + (r < self.side_atoms % count) for r in range(count)]

    def _first_atoms(self) -> list[int]:
        return [6 * r + sum(self._sides()[:r]) for r in range(len(self.residues))]


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
            replica = group.create_group(name)
            replica.attrs["numFrames"] = count
            for key, unit in (("coords", "Angstrom"), ("forces", "kcal/mol/Angstrom")):
                replica.create_dataset(key, (count, len(atoms), 3), np.float32).attrs["unit"] = unit
            for start in range(0, count, ROWS):
                part = slice(start, min(start + ROWS, count))
                replica["coords"][part], replica["forces"][part] = protein.frames(
                    part.stop - start, random, float(name.split("/")[0])
                )
    return path


def large_protein(residues: int, atoms: int) -> SyntheticProtein:
    """A chain with so many residues and atoms in all.

    Raises:
        ValueError: fewer atoms than backbones have.
    """
    side = atoms - len(RESIDUE) * residues
    if side < 0:
        raise ValueError(f"{residues} residues have at least {len(RESIDUE) * residues} atoms, not {atoms}")
    return SyntheticProtein([NAMES[r % len(NAMES)] for r in range(residues)], side_atoms=side)


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


def main() -> None:
    """Write one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--residues", type=int, default=150)
    parser.add_argument("--atoms", type=int, default=2300)
    parser.add_argument("--frames", type=int, default=11000, help="in all; shared out among the trajectories")
    parser.add_argument("--temperatures", type=int, nargs="+", default=[320, 348, 379, 413, 450])
    parser.add_argument("--replicas", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = [f"{temperature}/{replica}" for temperature in given.temperatures for replica in range(given.replicas)]
    lengths = {name: given.frames // len(names) + (k < given.frames % len(names)) for k, name in enumerate(names)}
    write_mdcath(given.path, large_protein(given.residues, given.atoms), lengths, seed=given.seed)
    print(f"{given.path}: {given.path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
