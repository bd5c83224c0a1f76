"""Names of residues: the 20 amino acids and X with their masses, their protonation and bonding states, and what force
fields call the same residues.

Masses are average masses of the amino-acid residue (amino acid minus water) [g/mol], from IUPAC 2021 standard atomic
weights.
"""

RESIDUE_MASSES = {
    "ALA": 71.078,
    "ARG": 156.188,
    "ASN": 114.104,
    "ASP": 115.088,
    "CYS": 103.138,
    "GLN": 128.131,
    "GLU": 129.115,
    "GLY": 57.051,
    "HIS": 137.141,
    "ILE": 113.159,
    "LEU": 113.159,
    "LYS": 128.174,
    "MET": 131.192,
    "PHE": 147.176,
    "PRO": 97.117,
    "SER": 87.077,
    "THR": 101.105,
    "TRP": 186.213,
    "TYR": 163.176,
    "VAL": 99.132,
    "X": 110.0,
}

FORCE_FIELD_NAMES = {
    # CHARMM, Amber, GROMOS and OPLS names of the same residues in other protonation or bonding states
    **dict.fromkeys(
        ("HSD", "HSE", "HSP", "HID", "HIE", "HIP", "HISA", "HISB", "HISD", "HISE", "HISH", "HIS1", "HIS2"), "HIS"
    ),
    **dict.fromkeys(("CYX", "CYM", "CYS1", "CYS2", "CYSH"), "CYS"),
    **dict.fromkeys(("ASH", "ASPP", "ASPH"), "ASP"),
    **dict.fromkeys(("GLH", "GLUP", "GLUH"), "GLU"),
    **dict.fromkeys(("LYN", "LSN", "LYSH"), "LYS"),
    **dict.fromkeys(("ARGN", "ARN"), "ARG"),
    **dict.fromkeys(("TYM",), "TYR"),
}
RESIDUE_OF_STATE = {
    "HSP": "HIS",
    "CYX": "CYS",
    "CYM": "CYS",
    "ASH": "ASP",
    "GLH": "GLU",
    "LYN": "LYS",
    "ARN": "ARG",
    "TYM": "TYR",
}
"""State other than the usual one at pH 7 → residue: doubly protonated histidine, cystine (half of a disulphide bond),
and the other charge of the others. Which nitrogen of a neutral histidine has the hydrogen makes no state."""

STATE_NAMES = {
    **dict.fromkeys(("HSP", "HIP", "HISH"), "HSP"),
    **dict.fromkeys(("CYX", "CYS1", "CYS2"), "CYX"),
    **dict.fromkeys(("ASH", "ASPP", "ASPH"), "ASH"),
    **dict.fromkeys(("GLH", "GLUP", "GLUH"), "GLH"),
    **dict.fromkeys(("LYN", "LSN"), "LYN"),
    **dict.fromkeys(("ARGN", "ARN"), "ARN"),
    "CYM": "CYM",
    "TYM": "TYM",
}
"""Names of force fields for these states."""

# Amber's names of residues at the N and C terminus, e.g. NALA and CHIE
FORCE_FIELD_NAMES |= {
    f"{end}{name}": FORCE_FIELD_NAMES.get(name, name)
    for end in "NC"
    for name in (*RESIDUE_MASSES, *FORCE_FIELD_NAMES)
    if len(name) == 3
}
STATE_NAMES |= {f"{end}{name}": state for end in "NC" for name, state in STATE_NAMES.items() if len(name) == 3}


def common_name(residue: str) -> str:
    """What the residue that a force field calls so is called here, e.g. ``HIS`` for ``HSD``; unknown names stay."""
    name = residue.strip().upper()
    return FORCE_FIELD_NAMES.get(name, name)


def named_state(residue: str) -> str:
    """The state that a force field's name stands for, e.g. ``HSP`` for ``HIP``; empty for the usual one."""
    return STATE_NAMES.get(residue.strip().upper(), "")


def without_state(residue: str) -> str:
    """The residue that a bead's name stands for, e.g. ``HIS`` for ``HSP``."""
    return RESIDUE_OF_STATE.get(residue, residue)
