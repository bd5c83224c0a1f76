"""Names of residues: the 20 amino acids and X with their masses, and what force fields call the same residues.

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
# Amber's names of residues at the N and C terminus, e.g. NALA and CHIE
FORCE_FIELD_NAMES |= {
    f"{end}{name}": FORCE_FIELD_NAMES.get(name, name)
    for end in "NC"
    for name in (*RESIDUE_MASSES, *FORCE_FIELD_NAMES)
    if len(name) == 3
}


def common_name(residue: str) -> str:
    """What the residue that a force field calls so is called here, e.g. ``HIS`` for ``HSD``; unknown names stay."""
    name = residue.strip().upper()
    return FORCE_FIELD_NAMES.get(name, name)
