"""All-atom molecular dynamics with OpenMM: a peptide from its sequence or a PDB, in implicit solvent."""

from cgpipe.errors import UserError

try:
    import openmm  # noqa: F401  so that all modules here can count on it
except ImportError as error:
    raise UserError(
        f"source 'openmm' needs the package openmm ({error}); install it with: pip install 'openmm>=8.3,<8.4'"
    ) from None
