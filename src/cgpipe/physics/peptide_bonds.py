"""Cis and trans peptide bonds, told apart by the distance of their Cα: about 2.95 and 3.8 Å, with nothing between.

ω turns over a barrier of some 20 kcal/mol, so a simulation shows both, but hardly ever the way from one to the other.
"""

import numpy as np
from jaxtyping import Bool, Float, Num

CIS_BELOW = 3.3
"""[Å]"""
GAP = (3.2, 3.4)
"""Less is seen between these lengths [Å] than on either side, or what is seen are not two kinds of bonds."""


def cis_bonds(
    lengths: Num[np.ndarray, "*bonds"], counts: Num[np.ndarray, "*bonds"] | None = None
) -> Bool[np.ndarray, "*bonds"]:
    """Which bonds are cis; none where the lengths do not fall into two kinds, as of beads that are no Cα.

    Args:
        lengths: of all bonds that are seen together [Å].
        counts: how often each length was seen, once by default.
    """
    weights = np.ones(lengths.shape) if counts is None else counts
    shorter, longer = lengths < GAP[0], lengths >= GAP[1]
    below, above, between = (weights[part].sum() for part in (shorter, longer, ~shorter & ~longer))
    return (lengths < CIS_BELOW) & bool(min(below, above) > between)


def mean_lengths(lengths: Float[np.ndarray, "frames bonds"]) -> Float[np.ndarray, "kinds bonds"]:
    """Mean length of every bond [Å], where there are cis bonds that of its trans and that of its cis frames.

    A bond that is never of a kind has its mean over all frames there.
    """
    cis, everything = cis_bonds(lengths), lengths.mean(axis=0)
    if not cis.any():
        return everything[None]
    kinds = np.stack([~cis, cis])
    number = kinds.sum(axis=1)
    return np.where(number > 0, (lengths * kinds).sum(axis=1) / np.maximum(number, 1), everything)
