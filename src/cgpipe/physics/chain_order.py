"""The order of beads: residues follow each other along peptide bonds, pieces of a chain by their place or number.

A chain with a gap falls into pieces. Where the Cα of pieces do not mix they keep the order of the atoms; where they
do (atoms sorted by some other rule) numbers and names of chains decide. A piece whose numbers start again behind
another piece of an equally named chain begins a new chain.
"""

from collections.abc import Callable, Sequence
from itertools import chain as joined
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Int32

from cgpipe.data.atoms import Atoms
from cgpipe.errors import UserError

Piece = list[int]
"""Cα atoms of residues that are bonded one to the next, from N to C terminus."""


class OrderedBeads(NamedTuple):
    """Cα atoms in chain order; chain ids from 0; residue numbers that are consecutive exactly along bonds."""

    atom: Int[np.ndarray, " beads"]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]
    notes: tuple[str, ...]


def order_beads(atoms: Atoms, backbone: Sequence[tuple[int, int, int]], where: str) -> OrderedBeads:
    """Put amino acids into chain order.

    Args:
        atoms: the protein's atoms.
        backbone: N, Cα and C of every amino acid.
        where: protein, for error messages.

    Raises:
        UserError: a ring of residues, or a residue that two others follow or precede.
    """
    chains: dict[str, list[Piece]] = {}
    for piece in _pieces(atoms, backbone, where):
        chains.setdefault(atoms.chain[piece[0]], []).append(piece)
    named = _by_place(list(chains.items()), lambda chain: [*joined(*chain[1])], lambda chain: chain[0])
    alpha: list[int] = []
    chain: list[int] = []
    residue: list[int] = []
    restarts = 0
    for number, (_, pieces) in enumerate(named):
        last = None
        for piece in _by_place(pieces, lambda piece: piece, lambda piece: _place(atoms, piece[0])):
            begins = int(atoms.residue[piece[0]])
            if last is not None and _place(atoms, piece[0]) <= _place(atoms, last):
                restarts += 1
            elif last is not None:
                begins = max(begins, residue[-1] + 2)
            alpha += piece
            chain += [number + restarts] * len(piece)
            residue += range(begins, begins + len(piece))
            last = piece[-1]
    notes: tuple[str, ...] = ()
    if restarts:
        one = "one" if len(named) == 1 else str(len(named))
        notes = (f"{chain[-1] + 1} chains told apart by residue numbers that start again: the topology names {one}",)
    return OrderedBeads(np.array(alpha), np.array(chain, np.int32), np.array(residue, np.int32), notes)


def _pieces(atoms: Atoms, backbone: Sequence[tuple[int, int, int]], where: str) -> list[Piece]:
    """Runs of residues along bonds from the C of one to the N of the next, in the order of their first atoms."""
    alpha = {end: ca for n, ca, c in backbone for end in (n, c)}
    first, last = {n for n, _, _ in backbone}, {c for _, _, c in backbone}
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for c, n in np.vstack([atoms.bonds, atoms.bonds[:, ::-1]]).tolist():
        if c not in last or n not in first:
            continue
        one, other = alpha[c], alpha[n]
        if after.get(one, other) != other or before.get(other, one) != one:
            raise UserError(
                f"{where}: {atoms.describe(c)} is bonded to {atoms.describe(n)}, but one of them is bonded to another "
                "residue as well; a chain cannot fork: are the topology's bonds right?"
            )
        after[one], before[other] = other, one
    pieces = []
    for _, ca, _ in backbone:
        if ca not in before:
            piece = [ca]
            while piece[-1] in after:
                piece.append(after[piece[-1]])
            pieces.append(piece)
    if sum(map(len, pieces)) < len(backbone):
        inside = {ca for piece in pieces for ca in piece}
        ca = next(ca for _, ca, _ in backbone if ca not in inside)
        raise UserError(f"{where}: {atoms.describe_residue(ca)} is part of a ring of residues; rings cannot be mapped")
    return sorted(pieces, key=min)


def _by_place(pieces: list[Any], members: Callable[[Any], Piece], label: Callable[[Any], Any]) -> list[Any]:
    """Pieces in the order of their atoms, or of their labels where these atoms mix."""
    in_order = sorted(pieces, key=lambda piece: min(members(piece)))
    ends = [max(members(piece)) for piece in in_order]
    mixed = any(end > min(members(piece)) for end, piece in zip(ends[:-1], in_order[1:], strict=True))
    return sorted(in_order, key=label) if mixed else in_order


def _place(atoms: Atoms, atom: int) -> tuple[int, str]:
    """Number and insertion code of an atom's residue."""
    return int(atoms.residue[atom]), atoms.insertion[atom] if atoms.insertion else ""
