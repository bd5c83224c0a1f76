"""A working directory with a configuration and a protein, and ways of making it wrong, for ``cgpipe check``."""

import os
from pathlib import Path

import h5py
import numpy as np
from simulated_systems import System
from synthetic_mdcath import SyntheticProtein, write_mdcath
from synthetic_run import alpha_pdb

from cgpipe.data.species import ONE_LETTER


def write_proteins(**keys: object) -> None:
    block = {"source": "mdcath", "path": "p.h5", **keys}
    text = "".join(f"    {key}: {value}\n" for key, value in block.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")


def with_strange_residue() -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "MSE", "SER"]), {"300/0": 4})


def without_forces() -> None:
    with h5py.File("p.h5", "a") as file:
        del file["synth/300/1/forces"]


def truncate() -> None:
    os.truncate("p.h5", 3000)


def without_frames() -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "GLY"]), {"300/0": 0})


def with_temperatures(*names: str) -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "GLY", "SER"]), dict.fromkeys(names, 4))


def add_block(block: str) -> None:
    with Path("config/proteins.yaml").open("a") as file:
        file.write(f"{block}\n")


def write_native(sequence: str) -> None:
    names, places = [ONE_LETTER[letter] for letter in sequence], 3.8 * np.arange(len(sequence))
    Path("n.pdb").write_text(alpha_pdb(names, np.outer(places, [1.0, 0.0, 0.0])))


def write_species(value: int) -> None:
    content = dict(np.load("b.npz"))
    np.savez("b.npz", **{**content, "species": np.full_like(content["species"], value)})


def write_source(**block: object) -> None:
    text = "".join(f"    {key}: {value}\n" for key, value in block.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")


def write_simulated(*, forces: bool = True, residue: str = "ALA", **keys: object) -> None:
    """A protein as PDB and TRR."""
    protein = SyntheticProtein([residue, "GLY", "SER"])
    atoms = protein.atoms()
    R, F = protein.frames(4, np.random.default_rng(0))
    system = System(
        [name for name, *_ in atoms],
        [{1: "H", 6: "C", 7: "N", 8: "O"}[z] for _, z, *_ in atoms],
        [name for *_, name, _ in atoms],
        [number for *_, number in atoms],
        ["A"] * len(atoms),
        R,
        F,
    )
    system.write(Path("t.pdb"), Path("t1.trr"), no_forces=() if forces else (0, 1, 2, 3))
    block = {"source": "trajectory", "topology": "t.pdb", "trajectories": "t*.trr", "temperature": 300, **keys}
    write_source(**block)


def write_npz(**keys: object) -> None:
    """Four frames of beads projected elsewhere."""
    shape = (4, 3)
    species, mask = np.zeros(shape, np.int32), np.ones(shape, np.float32)
    np.savez("b.npz", R=np.ones((*shape, 3)), F=np.ones((*shape, 3)), species=species, mask=mask, Z=np.full(3, 6))
    write_source(source="npz", path="b.npz", temperature=300, **keys)


def write_sampled(**keys: object) -> None:
    text = "".join(f"    {key}: {value}\n" for key, value in {"source": "openmm", "temperature": 300, **keys}.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")
