"""Heavy atoms of protein chains: an extended chain from a sequence, and caps on the ends of any chain.

An atom is placed from three others by its bond length, angle and dihedral (Parsons et al., J. Comput. Chem. 26, 1063,
2005). Caps are acetyl (ACE) before the first and N-methyl amide (NME) after the last residue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from cgpipe.sampling import residues as ideal
from cgpipe.sampling.residues import SIDE_CHAINS, THREE_LETTERS

Point = Float64[np.ndarray, "3"]

CAPS = ("ACE", "NME")
TERMINAL_HYDROGENS = ("H", "H1", "H2", "H3", "HXT")
PHI_TRIALS = np.arange(-150.0, 180.0, 30.0)


@dataclass(frozen=True)
class Residue:
    """A residue of a chain: its name, its number in its source, and its atoms' positions [Å].

    ``variant`` is Amber's name of its state of hydrogens (``HID``) where that is given.
    """

    name: str
    number: int
    atoms: Mapping[str, Point]
    variant: str = ""


def place(bonded: Point, second: Point, third: Point, length: float, angle: float, dihedral: float) -> Point:
    """Position of an atom [Å].

    Args:
        bonded, second, third: positions of the atoms that follow it in its dihedral [Å].
        length: distance to ``bonded`` [Å].
        angle: at ``bonded``, towards ``second`` [°].
        dihedral: about ``bonded``-``second`` [°].
    """
    theta, phi = np.deg2rad([angle, dihedral])
    axis = (bonded - second) / np.linalg.norm(bonded - second)
    normal = np.cross(second - third, axis)
    normal /= np.linalg.norm(normal)
    across = np.cross(normal, axis)
    direction = np.array([-np.cos(theta), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)])
    return bonded + length * (direction @ np.stack([axis, across, normal]))


def dihedral(first: Point, second: Point, third: Point, fourth: Point) -> float:
    """Dihedral angle of four points [°], in (-180, 180]."""
    axis = (third - second) / np.linalg.norm(third - second)
    u = (first - second) - ((first - second) @ axis) * axis
    v = (fourth - third) - ((fourth - third) @ axis) * axis
    return float(np.rad2deg(np.arctan2(np.cross(axis, u) @ v, u @ v)))


def extended_chain(sequence: str) -> list[Residue]:
    """Heavy atoms of an extended chain of L-amino acids, with the second oxygen at its end.

    Args:
        sequence: one-letter codes.
    """
    names = [THREE_LETTERS[letter] for letter in sequence]
    chain: list[Residue] = []
    before: Mapping[str, Point] | None = None
    for number, name in enumerate(names, 1):
        atoms = _backbone(before, ideal.PHI.get(name, ideal.EXTENDED_PHI))
        for atom, bonded, second, third, *geometry in SIDE_CHAINS[name]:
            atoms[atom] = place(atoms[bonded], atoms[second], atoms[third], *geometry)
        if number == len(names):
            atoms["OXT"] = _on_carbonyl(atoms, ideal.C_OXT, ideal.CA_C_OXT)
        before = atoms
        chain.append(Residue(name, number, atoms))
    return chain


def _backbone(before: Mapping[str, Point] | None, phi: float) -> dict[str, Point]:
    """N, CA, C and O of a residue after ``before``, or of the first one at the origin."""
    if before is None:
        n, ca = np.zeros(3), np.array([ideal.N_CA, 0.0, 0.0])
        c = place(ca, n, np.array([0.0, 1.0, 0.0]), ideal.CA_C, ideal.N_CA_C, phi)
    else:
        psi = ideal.EXTENDED_PSI
        n = place(before["C"], before["CA"], before["N"], ideal.C_N, ideal.CA_C_N, psi)
        ca = place(n, before["C"], before["CA"], ideal.N_CA, ideal.C_N_CA, 180.0)
        c = place(ca, n, before["C"], ideal.CA_C, ideal.N_CA_C, phi)
    o = place(c, ca, n, ideal.C_O, ideal.CA_C_O, ideal.EXTENDED_PSI + 180.0)
    return {"N": n, "CA": ca, "C": c, "O": o}


def _on_carbonyl(atoms: Mapping[str, Point], length: float, angle: float) -> Point:
    """Position of what is bonded to C opposite to O."""
    psi = dihedral(atoms["N"], atoms["CA"], atoms["C"], atoms["O"]) + 180.0
    return place(atoms["C"], atoms["CA"], atoms["N"], length, angle, psi)


def with_caps(chain: Sequence[Residue]) -> list[Residue]:
    """The chain with ACE and NME where it has none; what they replace (charged ends) is taken away.

    Args:
        chain: its end residues must have N, CA, C and O.
    """
    capped = list(chain)
    if capped[0].name != "ACE":
        first = _without(capped[0], TERMINAL_HYDROGENS)
        capped[:1] = [_acetyl(first, capped[1:]), first]
    if capped[-1].name != "NME":
        last = _without(capped[-1], ("OXT", "HXT"))
        capped[-1:] = [last, _methyl_amide(last)]
    return capped


def _without(residue: Residue, names: Sequence[str]) -> Residue:
    kept = {name: position for name, position in residue.atoms.items() if name not in names}
    return replace(residue, atoms=kept)


def _acetyl(first: Residue, others: Sequence[Residue]) -> Residue:
    """ACE before ``first``, turned to where it is farthest from all else."""
    atoms = first.atoms
    n, ca, c = atoms["N"], atoms["CA"], atoms["C"]
    away = np.stack([*(p for name, p in atoms.items() if name not in ("N", "CA")), *_points(others)])

    def trial(phi: float) -> dict[str, Point]:
        carbon = place(n, ca, c, ideal.C_N, ideal.C_N_CA, phi)
        methyl = place(carbon, n, ca, ideal.ACE_CH3_C, ideal.ACE_N_C_CH3, 180.0)
        return {"CH3": methyl, "C": carbon, "O": place(carbon, n, ca, ideal.C_O, ideal.ACE_N_C_O, 0.0)}

    def distance(cap: Mapping[str, Point]) -> float:
        return float(np.linalg.norm(away[:, None] - np.stack(list(cap.values())), axis=-1).min())

    usual = trial(ideal.PHI.get(first.name, ideal.EXTENDED_PHI))
    best = usual if distance(usual) > 2.5 else max((trial(phi) for phi in PHI_TRIALS), key=distance)
    return Residue("ACE", first.number - 1, best)


def _methyl_amide(last: Residue) -> Residue:
    """NME after ``last``, opposite to its oxygen."""
    atoms = last.atoms
    n = _on_carbonyl(atoms, ideal.C_N, ideal.CA_C_N)
    return Residue(
        "NME", last.number + 1, {"N": n, "C": place(n, atoms["C"], atoms["CA"], ideal.N_CA, ideal.C_N_CA, 180.0)}
    )


def _points(chain: Sequence[Residue]) -> list[Point]:
    return [position for residue in chain for position in residue.atoms.values()]
