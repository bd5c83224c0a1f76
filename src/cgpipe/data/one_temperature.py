"""One model, one temperature: the free energy of beads, which a model stands for, depends on temperature.

Only a model that has temperature as an input (``cgpipe.model.temperature``) may have frames at several, and needs them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cgpipe.errors import UserError

TOLERANCE = 0.01
"""Temperatures closer than this are the same [K]."""


def same_temperature(a: float | Float[np.ndarray, "*n"], b: float) -> Bool[np.ndarray, "*n"]:
    """Whether temperatures [K] are the same: frames have them in single precision, settings in double."""
    return np.asarray(np.abs(np.subtract(a, b, dtype=np.float64)) <= TOLERANCE)


class Several(NamedTuple):
    """More than one temperature: a protein that has to change, and what is wrong in words, with the remedy."""

    protein: str
    complaint: str


def several_temperatures(found: Mapping[str, Sequence[float]]) -> Several | None:
    """Whether frames of several temperatures would be trained as one function; None where all are at one.

    Args:
        found: temperatures [K] that each protein has frames at.
    """
    of_protein = {name: np.unique(np.asarray(values, np.float32)).tolist() for name, values in found.items()}
    proteins = Counter(temperature for values in of_protein.values() for temperature in values)
    if len(proteins) < 2:
        return None
    # the one that most proteins have, the lowest of equals
    chosen = min(proteins, key=lambda temperature: (-proteins[temperature], temperature))
    first = next(name for name, values in of_protein.items() if values != [chosen])
    told = "; ".join(f"{name} at {' and '.join(f'{t:g}' for t in values)} K" for name, values in of_protein.items())
    if proteins[chosen] == len(of_protein):
        remedy = f"choose one for each protein, e.g. temperatures: [{chosen:g}]"
    else:
        remedy = "no temperature is common to all of them: make a run of its own for the proteins of each"
    remedy += ", or one model for all by model.temperature: input"
    return Several(first, f"frames at several temperatures, but a model holds at one ({told}); {remedy}")


def unfit_temperatures(found: Mapping[str, Sequence[float]], as_input: bool) -> Several | None:
    """What is wrong with the temperatures [K] of each protein's frames; None where nothing is.

    Args:
        found: temperatures [K] that each protein has frames at.
        as_input: whether the model has temperature as an input (``model.temperature``).
    """
    if not as_input:
        return several_temperatures(found)
    everywhere = np.unique(np.concatenate([np.asarray(values, np.float32) for values in found.values()]))
    return Several(next(iter(found)), only_one(float(everywhere[0]), "frames")) if len(everywhere) == 1 else None


def only_one(temperature: float, frames: str) -> str:
    """That all of these frames are at one temperature [K], in words, where the model has it as an input."""
    return (
        f"all {frames} are at {temperature:g} K, but model.temperature is input: give frames at several temperatures, "
        "or set model.temperature: single"
    )


def refuse_outside(temperature: float, lowest: float, highest: float, what: str = "") -> None:
    """Refuse a temperature outside of those that a model with temperature as an input is trained at.

    Args:
        temperature: the one that it is asked for [K].
        lowest, highest: of the frames [K].
        what: whose temperature it is, for the message; nothing where that is clear.

    Raises:
        UserError: it does not lie between them.
    """
    if not lowest - TOLERANCE <= temperature <= highest + TOLERANCE:
        where = f"{what}: " if what else ""
        raise UserError(
            f"{where}{temperature:g} K is outside of the {lowest:g} to {highest:g} K of the frames: a model does not "
            "know its entropy there; choose a temperature within, or train on frames at such temperatures too"
        )
