"""Systems as MD programs leave them, made from the demo's trajectories: topology and trajectory files with forces."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import h5py
import MDAnalysis as mda
import numpy as np

KJ = 4.184
WATER = (("OW", "O"), ("HW1", "H"), ("HW2", "H"))


@dataclass
class System:
    """Atoms in topology order, positions [Å] and forces [kcal/mol/Å] of every frame."""

    name: list[str]
    element: list[str]
    residue_name: list[str]
    residue: list[int]
    segment: list[str]
    R: np.ndarray
    F: np.ndarray

    def copies(self, second: str, offset: np.ndarray) -> "System":
        """The system and a second molecule of the same kind beside it, as another segment."""
        return System(
            *([*values, *values] for values in (self.name, self.element, self.residue_name, self.residue)),
            [*self.segment, *[second] * len(self.name)],
            np.concatenate([self.R, self.R + offset], axis=1),
            np.concatenate([self.F, self.F], axis=1),
        )

    def solvated(self, waters: int) -> "System":
        """With water in front and behind, so that the protein's atoms are not the first ones."""
        size, frames = 3 * waters, len(self.R)
        R = np.random.default_rng(3).uniform(0, 40, (1, waters, 1, 3)) + np.array(
            [[0, 0, 0], [0.96, 0, 0], [0, 0.96, 0]]
        )
        R = np.broadcast_to(R.reshape(1, size, 3), (frames, size, 3))
        numbers = [1000 + i // 3 for i in range(size)]

        def around(own: list, other: list) -> list:
            return [*other[: size // 2 // 3 * 3], *own, *other[size // 2 // 3 * 3 :]]

        cut = size // 2 // 3 * 3
        return System(
            around(self.name, [name for name, _ in WATER] * waters),
            around(self.element, [element for _, element in WATER] * waters),
            around(self.residue_name, ["SOL"] * size),
            around(self.residue, numbers),
            around(self.segment, ["W"] * size),
            np.concatenate([R[:, :cut], self.R, R[:, cut:]], axis=1),
            np.concatenate([np.ones((frames, cut, 3)), self.F, np.ones((frames, size - cut, 3))], axis=1),
        )

    def wrapped(self, box: np.ndarray) -> "System":
        """Every atom on its own moved into the box (three vectors as rows [Å])."""
        places = self.R.astype(np.float64) @ np.linalg.inv(box)
        return System(**{**self.__dict__, "R": (places - np.floor(places)) @ box})

    def universe(self, dimensions: np.ndarray | None = None) -> mda.Universe:
        """As an MDAnalysis universe; forces in kJ/mol/Å, as it has them."""
        keys = list(zip(self.segment, self.residue, self.residue_name, strict=True))
        starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
        of_atom = np.searchsorted(starts, np.arange(len(keys)), side="right") - 1
        segments = sorted(set(self.segment), key=self.segment.index)
        made = mda.Universe.empty(
            len(keys),
            n_residues=len(starts),
            n_segments=len(segments),
            atom_resindex=of_atom,
            residue_segindex=[segments.index(self.segment[i]) for i in starts],
            trajectory=False,
        )
        made.add_TopologyAttr("names", self.name)
        made.add_TopologyAttr("elements", self.element)
        made.add_TopologyAttr("types", self.element)
        made.add_TopologyAttr("resnames", [self.residue_name[i] for i in starts])
        made.add_TopologyAttr("resids", [self.residue[i] for i in starts])
        made.add_TopologyAttr("segids", segments)
        made.add_TopologyAttr("chainIDs", [segment[0] for segment in self.segment])
        sizes = None if dimensions is None else np.tile(dimensions, (len(self.R), 1)).astype(np.float32)
        made.load_new(self.R.astype(np.float32), order="fac", forces=(self.F * KJ).astype(np.float32), dimensions=sizes)
        return made

    def write(self, *paths: Path, dimensions: np.ndarray | None = None, no_forces: tuple[int, ...] = ()) -> None:
        """Write topologies (.pdb, .gro: the first frame) and trajectories (.trr, .nc, .h5md: all frames).

        Args:
            no_forces: frames to write without forces (TRR only).
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is missing here is missing on purpose
            made = self.universe(dimensions)
            for path in paths:
                if path.suffix in (".pdb", ".gro"):
                    made.atoms.write(str(path), reindex=True)
                    continue
                with mda.Writer(str(path), len(made.atoms), **_options(path)) as writer:
                    for step in made.trajectory:
                        step.has_forces = step.frame not in no_forces
                        writer.write(made.atoms)


def _options(path: Path) -> dict[str, object]:
    if path.suffix == ".h5md":
        return {"lengthunit": "nm", "forceunit": "kJ/(mol*nm)", "timeunit": "ps"}
    return {"forces": True} if path.suffix == ".nc" else {}


def demo_system(file: Path, name: str, frames: int) -> System:
    """The first frames of the first trajectory at 348 K of a demo protein."""
    with h5py.File(file) as raw:
        group = raw[name]
        rows = group["pdbProteinAtoms"].asstr()[()].splitlines()
        names = [row[12:16].strip() for row in rows if row.startswith(("ATOM", "HETATM"))]
        return System(
            names,
            list(group["element"].asstr()[()]),
            list(group["resname"].asstr()[()]),
            group["resid"][()].tolist(),
            ["P"] * len(names),
            group["348/0/coords"][:frames],
            group["348/0/forces"][:frames],
        )
