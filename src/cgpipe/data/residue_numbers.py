"""Residue numbers as programs write them: ``52A``, ``-4``, and others beyond 9999.

Four columns hold no larger number, so VMD goes on in hexadecimal (9999, 2710, 2711, …), others in hybrid-36 (9999,
A000, A001, …; Grosse-Kunstleve, Adams 2007), others again from 0.
"""

import re
from collections.abc import Iterator, Sequence

PLAIN = re.compile(r"(-?\d+)([A-Za-z]?)")

LARGEST_STEP = 1000
"""Within a chain numbers do not jump by more."""


def read_numbers(texts: Sequence[str], chains: Sequence[str]) -> list[tuple[int, str]]:
    """Residue number and insertion code of every atom.

    Args:
        texts: number with insertion code, as the file has it.
        chains: of the atoms; numbers go on beyond 9999 within one.
    """
    found: list[tuple[int, str]] = []
    for index, (text, chain) in enumerate(zip(texts, chains, strict=True)):
        previous = found[-1][0] if index and chains[index - 1] == chain else None
        found.append(_number(text, previous))
    return found


def _number(text: str, previous: int | None) -> tuple[int, str]:
    """One number, where the same text can be decimal or not, in the light of that of the atom before."""
    plain = PLAIN.fullmatch(text)
    if previous is not None and not (plain and 0 <= int(plain[1]) - previous < LARGEST_STEP):
        for value in _beyond(text):
            if 0 <= value - previous < LARGEST_STEP:
                return value, ""
    if plain:
        return int(plain[1]), plain[2]
    return next(_beyond(text), previous or 0), ""


def _beyond(text: str) -> Iterator[int]:
    """The numbers beyond 9999 that a text may stand for."""
    if re.fullmatch("[A-Z][0-9A-Z]{3}|[a-z][0-9a-z]{3}", text):
        yield int(text, 36) + 10000 + (16 if text[0].islower() else -10) * 36**3
    if re.fullmatch("[0-9a-fA-F]{4}", text) and int(text, 16) > 9999:
        yield int(text, 16)
    if text.isdecimal():
        yield int(text) + 10000
