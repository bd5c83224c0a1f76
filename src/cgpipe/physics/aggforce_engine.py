"""The optimal force map as the published package aggforce computes it (Krämer et al., J. Phys. Chem. Lett. 14, 3970,
2023), for those who want the reference implementation; the closed form of `cgpipe.physics.forcemap` gives the same
map in a fraction of the time.

It keeps all forces in memory in double precision and solves one quadratic programme per bead.
"""

import importlib.metadata
import importlib.util
import warnings

import numpy as np
from jaxtyping import Float, Float64, Int

from cgpipe.errors import UserError

SOURCE = "git+https://github.com/noegroup/aggforce@9385a3ac55a29bc4969d3cd0540aa97fa8ed56d0"


def require_aggforce() -> str:
    """The version of aggforce.

    Raises:
        UserError: it is not installed.
    """
    if importlib.util.find_spec("aggforce") is None:
        raise UserError(
            "project.engine: aggforce needs the package aggforce, which is not installed; "
            f'install it with: pip install "aggforce @ {SOURCE}", or set project.engine: builtin (the same map)'
        )
    try:
        return f"aggforce {importlib.metadata.version('aggforce')}"
    except importlib.metadata.PackageNotFoundError:
        return "aggforce (a source folder on the path)"


def aggforce_map(
    F: Float[np.ndarray, "frames atoms 3"],
    alpha: Int[np.ndarray, " beads"],
    rigid: Int[np.ndarray, "pairs 2"],
    ridge: float,
    where: str,
) -> Float64[np.ndarray, "beads atoms"]:
    """W of the optimal map.

    Args:
        F: atomic forces [kcal/mol/Å].
        alpha: atom of each bead.
        rigid: bonds that were held rigid.
        ridge: λ [(kcal/mol/Å)²] of λ‖W‖², of the mean over rows; aggforce takes that of the sum.
        where: protein, for the error message.

    Raises:
        UserError: aggforce is not installed, or its solver fails.
    """
    require_aggforce()
    from aggforce import LinearMap, qp_linear_map
    from aggforce.trajectory import ForcesTrajectory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its solver talks about dense matrices
        try:
            found = qp_linear_map(
                ForcesTrajectory(forces=F.astype(np.float64)),
                LinearMap([[int(atom)] for atom in alpha], n_fg_sites=F.shape[1]),
                constraints={frozenset(pair) for pair in rigid.tolist()},
                l2_regularization=ridge * 3 * len(F),
            )
        except TypeError as error:  # its solver returned no solution
            raise UserError(
                f"{where}: aggforce found no map ({error}); use more frames, set project.ridge, or "
                "project.engine: builtin"
            ) from error
    return np.asarray(found.force_map.standard_matrix, dtype=np.float64)
