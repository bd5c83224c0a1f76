"""All-atom molecular dynamics with OpenMM: a peptide from its sequence or a PDB, in implicit solvent."""

import warnings

from cgpipe.errors import UserError

with warnings.catch_warnings():
    # its extension types announce a deprecation while they load; where warnings are errors, that ends the interpreter
    warnings.simplefilter("ignore")
    try:
        import openmm  # noqa: F401  loaded here so that the other modules need not care
    except ImportError as error:
        raise UserError(
            f"source 'openmm' needs the package openmm ({error}); install it with: pip install 'openmm>=8.3,<8.4'"
        ) from None
