"""StableHLO programs, their parity check, and LAMMPS."""
