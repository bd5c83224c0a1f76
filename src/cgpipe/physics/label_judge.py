"""Judges the forces of a projection, whatever their source: can they be mean forces at their temperature, in our units?

Three things are looked at: the size of the forces, the bonds' identity (`cgpipe.physics.bond_identity`), at every
temperature and in every trajectory of its own, and the Yvon–Born–Green identity of pairs. The first two refuse. The
bonds refuse only where the ratio is both off beyond doubt (`SIGMAS` errors) and beyond `LOWEST`…`HIGHEST`: on the
demo's proteins, folded and unfolding, it is 0.9…1.1 with every map, biased ones too, and 0.75…1.25 for 30 frames. Pairs
are told but never refuse: they are off wherever the frames are no equilibrium of folds.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cgpipe.data.projection import Projection
from cgpipe.errors import UserError
from cgpipe.physics.bond_identity import BondRatio, BondWork, bond_work
from cgpipe.physics.yvon_born_green import check_identity

WEAKEST, USUAL, STRONGEST = 3.0, 18.0, 80.0
"""RMS per component of the forces on Cα beads of proteins, at least, usually and at most [kcal/mol/Å]."""
SIGMAS = 5.0
LOWEST, HIGHEST = 0.5, 2.0
NOTED = 0.1
"""A ratio that is off by more than this is told."""
FEWEST = 30
"""Fewer frames are not judged by their bonds."""
NEAR = 1.6
"""A likely cause explains a ratio within this factor."""

CAUSES = {
    1.0: "",
    4.184: "in kJ/mol/Å",
    10.0: "in kcal/mol/nm",
    41.84: "in kJ/mol/nm",
    418.4: "in kJ/mol/nm and multiplied by 10 instead of divided",
    1 / 4.184: "in kcal/mol/Å and divided by 4.184 once too often",
    0.1: "in kcal/mol/Å and divided by 10 once too often",
    1 / 41.84: "in kcal/mol/Å and divided by 41.84 once too often (converted twice)",
    1 / 23.06: "in eV/Å",
    1 / 1185.8: "in Hartree/Bohr",
}
"""How many times too large the forces are, and what they likely are then."""


def judged(projection: Projection, where: str) -> Projection:
    """The projection with both identities among its figures, and notes of what is odd.

    Args:
        projection: of any source.
        where: protein and files, for messages.

    Raises:
        UserError: forces in another unit, of the other sign, or of other frames.
    """
    found = projection
    arguments = (found.R, found.F, found.chain, found.residue, found.temperature, found.trajectory)
    quality = dict(found.quality)
    pairs = quality["yvon_born_green"] if "yvon_born_green" in quality else check_identity(*arguments)
    work = bond_work(*arguments)
    notes, by_temperature = _judge_bonds(found, work, where)
    _refuse_size(found, where)
    for separation, pair in pairs.items():
        if abs(pair["difference"]) > SIGMAS * pair["error"]:
            notes.append(
                f"the Yvon–Born–Green identity is off by {pair['difference']:.3f} ± {pair['error']:.3f} kcal/mol/Å for "
                f"beads {separation} apart: the frames are no equilibrium, or the force map is biased"
            )
    quality |= {"yvon_born_green": pairs, "bond_identity": by_temperature, "notes": [*quality["notes"], *notes]}
    return replace(found, quality=quality)


def _judge_bonds(
    projection: Projection, work: BondWork | None, where: str
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Notes, and the bonds' ratio at each temperature."""
    if work is None:
        return ["no bond between beads vibrates: the forces' unit and sign are not judged"], {}
    notes, by_temperature = [], {}
    for name, chosen in _groups(projection):
        ratio = work.ratio(chosen) if chosen.sum() >= FEWEST else None
        if ratio is not None:
            _refuse_ratio(ratio, where, name)
    for temperature in np.unique(projection.temperature):
        ratio = work.ratio(projection.temperature == temperature)
        known = ratio is not None and ratio.frames >= FEWEST
        if ratio is None or not known or SIGMAS * ratio.error > 1:
            notes.append(
                f"{int((projection.temperature == temperature).sum())} frames at {temperature:g} K are too few to tell "
                "the unit and the sign of the forces by"
            )
        elif abs(ratio.ratio - 1) > max(NOTED, SIGMAS * ratio.error):
            notes.append(
                f"at {temperature:g} K the forces along bonds are {ratio.ratio:.2f} ± {ratio.error:.2f} times those of "
                "thermal motion: is the temperature right, is the force map biased?"
            )
        if ratio is not None:
            by_temperature[f"{temperature:g}"] = asdict(ratio)
    return notes, by_temperature


def _groups(projection: Projection) -> Iterator[tuple[str, np.ndarray]]:
    """Frames that are judged together, and what they are called: those of a temperature, and of a trajectory."""
    for temperature in np.unique(projection.temperature):
        yield f"{temperature:g} K", projection.temperature == temperature
    for index, name in enumerate(projection.trajectories):
        yield f"trajectory {name}", projection.trajectory == index


def _refuse_ratio(ratio: BondRatio, where: str, name: str) -> None:
    if LOWEST <= ratio.ratio <= HIGHEST or abs(ratio.ratio - 1) <= SIGMAS * ratio.error:
        return
    unrelated = abs(ratio.ratio) < SIGMAS * ratio.error
    likely = "they do not belong to these positions (other frames, other beads?)" if unrelated else _cause(ratio.ratio)
    raise UserError(
        f"{where}: the forces are not those of these positions in kcal/mol/Å: along bonds, {name}, they are "
        f"{ratio.ratio:.3g} ± {ratio.error:.1g} times those of thermal motion, expected 1; {likely}"
    )


def _refuse_size(projection: Projection, where: str) -> None:
    squares = (np.square(part, dtype=np.float64).sum() for part in np.array_split(projection.F, 100))
    rms = float(np.sqrt(sum(squares) / projection.F.size))
    if not WEAKEST <= rms <= STRONGEST:
        raise UserError(
            f"{where}: the forces on beads are {rms:.3g} kcal/mol/Å (RMS per component), those of proteins "
            f"{WEAKEST:g} to {STRONGEST:g}; {_cause(rms / USUAL)}"
        )


def _cause(ratio: float) -> str:
    """What forces likely are that are so many times too large."""
    size = max(abs(ratio), 1e-12)
    factor = min(CAUSES, key=lambda known: abs(np.log(size / known)))
    if abs(np.log(size / factor)) > np.log(NEAR) or (factor == 1.0 and ratio > 0):
        return "check their unit and sign, and the temperature"
    sign = "of the wrong sign (gradients of the energy)" if ratio < 0 else ""
    return "they are likely " + " and ".join(part for part in (sign, CAUSES[factor]) if part)
