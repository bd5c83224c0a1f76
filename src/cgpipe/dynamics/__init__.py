"""Running replicas: many at once in JAX, or one by one in LAMMPS under an exported program."""
