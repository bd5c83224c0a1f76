"""The one table of units and constants.

Everything inside cgpipe is in LAMMPS ``real`` units: Å, kcal/mol, fs, K, g/mol. Values: CODATA 2018 (exact SI).
"""

UNITS = {
    "length": "angstrom",
    "energy": "kcal/mol",
    "force": "kcal/mol/angstrom",
    "time": "fs",
    "temperature": "K",
    "mass": "g/mol",
}

KB = 8.314462618 / 4184.0
"""Boltzmann's constant [kcal/mol/K]."""

KJ_PER_KCAL = 4.184
"""Thermochemical calorie [kJ/kcal]; MDAnalysis gives forces in kJ/mol/Å."""

FS_PER_PS = 1000.0

FORCE_TO_ACCELERATION = 4.184e-4
"""Acceleration [Å/fs²] of 1 g/mol under 1 kcal/mol/Å."""


def thermal_energy(temperature: float) -> float:
    """kT [kcal/mol] at a temperature [K]."""
    return KB * temperature
