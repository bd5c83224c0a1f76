"""Molecules made whole again after a periodic boundary has cut them.

A bond is shorter than half the box, so along every bond the nearest image is the right one: atoms are moved by lattice
vectors, summed along a tree of bonds. Molecules that are not bonded to each other are then moved, as wholes, to where
they come closest to those already placed, which keeps a complex of several chains together.
"""

from itertools import permutations

import numpy as np
import scipy.sparse
from jaxtyping import Float, Float32, Float64, Int
from scipy.sparse.csgraph import breadth_first_order, connected_components

from cgpipe.errors import UserError

NARROWEST = 6.0
"""No box that holds a protein is narrower [Å]; along a longer bond the nearest image would not be safe."""


def check_box(box: Float[np.ndarray, "frames 3 3"], where: str) -> None:
    """Raise UserError for a periodic box that is flat or too narrow for a protein.

    Args:
        box: the three box vectors of each frame, as rows [Å].
        where: file and frames, for the message.
    """
    volume = np.abs(np.linalg.det(box))
    faces = np.stack([np.linalg.norm(np.cross(box[:, i - 2], box[:, i - 1]), axis=-1) for i in range(3)])
    width = (volume / np.maximum(faces, 1e-9)).min()
    if not width >= NARROWEST:
        raise UserError(
            f"{where}: the periodic box is {width:.2f} Å wide, too narrow for a protein; is the box in the "
            "trajectory right?"
        )


class Whole:
    """Makes frames whole.

    Args:
        bonds: pairs of atoms, within molecules.
        landmarks: atoms by which the distance of molecules is judged, e.g. one of each residue.
        atoms: number of atoms.
    """

    def __init__(self, bonds: Int[np.ndarray, "bonds 2"], landmarks: Int[np.ndarray, " landmarks"], atoms: int) -> None:
        ones = np.ones(len(bonds))
        graph = scipy.sparse.coo_array((ones, (bonds[:, 0], bonds[:, 1])), shape=(atoms, atoms)).tocsr()
        molecules, self._molecule = connected_components(graph, directed=False)
        self._parent = np.arange(atoms)
        for root in np.unique(self._molecule, return_index=True)[1].tolist():
            members, before = breadth_first_order(graph, root, directed=False)
            self._parent[members[1:]] = before[members[1:]]
        of_landmark = self._molecule[landmarks]
        found = [landmarks[of_landmark == molecule] for molecule in range(molecules)]
        self._landmarks = [
            own if len(own) else np.flatnonzero(self._molecule == molecule)[:1] for molecule, own in enumerate(found)
        ]

    def __call__(
        self, R: Float32[np.ndarray, "frames atoms 3"], box: Float[np.ndarray, "frames 3 3"], where: str
    ) -> Float32[np.ndarray, "frames atoms 3"]:
        """Frames with every molecule whole and all molecules together.

        Args:
            R: positions [Å].
            box: the three box vectors of each frame, as rows [Å].
            where: file and frames, for error messages.

        Raises:
            UserError: a box that is flat or too narrow for a protein.
        """
        check_box(box, where)
        inverse = np.linalg.inv(box.astype(np.float64))
        with np.errstate(invalid="ignore"):  # numbers that are not finite are judged later, with all else
            fractional = R.astype(np.float64) @ inverse
        shift = np.round(fractional - fractional[:, self._parent])
        parent = self._parent
        while (parent != parent[parent]).any():
            shift = shift + shift[:, parent]
            parent = parent[parent]
        if len(self._landmarks) > 1:
            shift += self._together(fractional - shift, box)[:, self._molecule]
        return np.where(shift.any(axis=-1, keepdims=True), R - shift @ box, R).astype(np.float32)

    def _together(
        self, fractional: Float64[np.ndarray, "frames atoms 3"], box: Float[np.ndarray, "frames 3 3"]
    ) -> Float64[np.ndarray, "frames molecules 3"]:
        """Lattice shift of every molecule, nearest neighbours first."""
        count = len(self._landmarks)
        shift = np.zeros((len(fractional), count, 3))
        for frame, places in enumerate(fractional):
            images = {(a, b): self._closest(places, box[frame], a, b) for a, b in permutations(range(count), 2)}
            placed = {0}
            while len(placed) < count:
                _, near, new = min((images[a, b][0], a, b) for a in placed for b in range(count) if b not in placed)
                shift[frame, new] = shift[frame, near] + images[near, new][1]
                placed.add(new)
        return shift

    def _closest(
        self, places: Float64[np.ndarray, "atoms 3"], box: Float[np.ndarray, "3 3"], first: int, second: int
    ) -> tuple[float, Float64[np.ndarray, "3"]]:
        """Smallest distance between two molecules [Å], and the lattice shift of the second that gives it."""
        apart = places[self._landmarks[second]][None] - places[self._landmarks[first]][:, None]
        nearest = np.round(apart)
        distance = np.linalg.norm((apart - nearest) @ box, axis=-1)
        index = np.unravel_index(np.argmin(distance), distance.shape)
        return float(distance[index]), nearest[index]
