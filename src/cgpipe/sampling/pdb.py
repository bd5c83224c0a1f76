"""The protein's rows of a PDB, found by residue names before anything else in the file is understood.

What is left out (water, ions, ligands) may be numbered in any way: in hexadecimal, in base 36, or in five columns.
"""

from pathlib import Path
from typing import NamedTuple

from cgpipe.errors import UserError
from cgpipe.files import require_content
from cgpipe.residues import FORCE_FIELD_NAMES, RESIDUE_MASSES
from cgpipe.sampling.chain import CAPS

WATER = {"HOH", "WAT", "H2O", "DOD", "TIP", "TIP3", "TIP4", "TIP5", "TP3", "TP4", "SPC", "SPCE", "SOL"}
VARIANT = {
    **dict.fromkeys(("HID", "HSD", "HISA", "HISD"), "HID"),
    **dict.fromkeys(("HIE", "HSE", "HISB", "HISE"), "HIE"),
    **dict.fromkeys(("HIP", "HSP", "HISH"), "HIP"),
    **dict.fromkeys(("ASH", "ASPP", "ASPH"), "ASH"),
    **dict.fromkeys(("GLH", "GLUP", "GLUH"), "GLH"),
    **dict.fromkeys(("LYN", "LSN"), "LYN"),
    **dict.fromkeys(("CYX", "CYS2"), "CYX"),
}
"""Names that say where hydrogens are → Amber's name of that state."""

CANNOT_BE_MADE = {"CYM", "CYS1", "TYM", "ARGN", "ARN"}
"""Charge states that the placement of hydrogens does not know."""

STANDARD = {name: FORCE_FIELD_NAMES.get(name, name) for name in (*RESIDUE_MASSES, *FORCE_FIELD_NAMES, *CAPS)}
KNOWN = {name for name in STANDARD if not {name, name[1:]} & {"X", *CANNOT_BE_MADE}}
BACKBONE = {"N", "CA", "C"}

PARENT = {
    **dict.fromkeys(("MSE", "SME", "MHO", "OMT", "FME", "NLE"), "MET"),
    **dict.fromkeys(("CSO", "CSD", "CSS", "CSX", "CME", "CAS", "OCS", "SCY", "SEC", "CCS", "CMT", "YCM"), "CYS"),
    **dict.fromkeys(("SEP", "SAC"), "SER"),
    **dict.fromkeys(("TPO", "BMT"), "THR"),
    **dict.fromkeys(("PTR", "TYS", "TPQ", "NIY", "IYR"), "TYR"),
    **dict.fromkeys(("MLY", "MLZ", "M3L", "ALY", "KCX", "LLP", "PYL"), "LYS"),
    **dict.fromkeys(("HYP", "HY3"), "PRO"),
    **dict.fromkeys(("HIC", "NEP", "MHS", "DDE"), "HIS"),
    **dict.fromkeys(("CGU", "PCA"), "GLU"),
    **dict.fromkeys(("AGM", "DA2", "CIR"), "ARG"),
    **dict.fromkeys(("AIB", "ABA"), "ALA"),
    **dict.fromkeys(("IAS", "SNN"), "ASN"),
    **dict.fromkeys(("TRQ", "HTR"), "TRP"),
    "MEN": "ASN",
    "PHD": "ASP",
}
"""Modified amino acids → what they are made from."""


class ProteinRows(NamedTuple):
    """The protein of a PDB.

    Attributes:
        text: its rows, as a PDB with the standard names of residues.
        variants: chain, number and insertion code of residues as they are written → `VARIANT`, where a name says it.
        left_out: names of the residues that are left out, without water.
    """

    text: str
    variants: dict[tuple[str, str], str]
    left_out: tuple[str, ...]


def protein_rows(path: Path) -> ProteinRows:
    """The protein of a PDB's first model.

    Raises:
        UserError: no PDB, or a residue of a chain that ff14SB does not know.
    """
    require_content(path)
    text = path.read_text(errors="replace")
    if path.suffix.lower() in (".cif", ".mmcif") or text.startswith("data_"):
        raise UserError(f"{path}: mmCIF, expected a PDB; convert it, e.g. with pdbfixer or gemmi convert")
    residues = _residues(text)
    kept: list[str] = []
    variants: dict[tuple[str, str], str] = {}
    left_out: list[str] = []
    for place, (key, rows) in enumerate(residues):
        name = key[0]
        if not name:
            kept += rows
        elif name in KNOWN:
            kept += [f"{row[:17]}{STANDARD[name]:<4}{row[21:]}" for row in rows]
            variant = VARIANT.get(name) or VARIANT.get(name[1:])
            if variant:
                variants[key[1], key[2].strip()] = variant
        elif {row[12:16].strip() for row in rows} >= BACKBONE or _within_a_chain(residues, place):
            parent = PARENT.get(name) or STANDARD.get(name, "the amino acid it is made from")
            raise UserError(
                f"{path}: residue {name} {key[2].strip()}: no amino acid of ff14SB; replace it by {parent}, e.g. with "
                "pdbfixer (without it the chain would have a gap)"
            )
        elif name not in WATER and name not in left_out:
            left_out.append(name)
    return ProteinRows("\n".join([*kept, "END", ""]), variants, tuple(left_out))


def _residues(text: str) -> list[tuple[tuple[str, str, str], list[str]]]:
    """Rows of the first model by residue (name, chain, number as it is written), and each TER by itself."""
    found: list[tuple[tuple[str, str, str], list[str]]] = []
    for row in text.splitlines():
        if row.startswith("ENDMDL"):
            break
        if not row.startswith(("ATOM", "HETATM", "TER")):
            continue
        key = ("", "", "") if row.startswith("TER") else (row[17:21].strip().upper(), row[21:22], row[22:27])
        if key[0] and found and found[-1][0] == key:
            found[-1][1].append(row)
        else:
            found.append((key, [row]))
    return found


def _within_a_chain(residues: list[tuple[tuple[str, str, str], list[str]]], place: int) -> bool:
    """Whether the nearest residues before and after, other than water, are amino acids of the same chain."""
    chain = residues[place][0][1]
    near = []
    for side in (reversed(residues[:place]), iter(residues[place + 1 :])):
        near.append(next((key for key, _ in side if key[0] not in WATER), ("", "", "")))
    return all(name in KNOWN and other == chain for name, other, _ in near)
