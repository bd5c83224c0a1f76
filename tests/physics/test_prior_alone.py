"""A prior fitted to CLN025 and Trp-cage, acting alone: chains stay whole, and local geometry is that of the data.

Positions only; the forces are checked by the stage's own figures. Cannot detect a wrong tertiary structure: a prior
has none.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.data.species import vocabulary
from cgpipe.physics.prior.quality import check


@pytest.mark.parametrize("protein", ["cln025", "trpcage"])
def test_histograms_under_the_prior_alone(demo_chains, demo_prior, protein):
    """Detects terms that disturb each other, wrong units of the fit, and chains that break; broken bonds end it."""
    prior, data = demo_prior
    masses = np.asarray(vocabulary("residues").masses)
    numbers = check(prior, demo_chains[protein], data[protein], masses, seed=1).numbers
    assert numbers["max_bond_deviation"] < 0.5
    assert numbers["js_bond"] < 0.02
    assert numbers["js_angle"] < 0.05
    assert numbers["js_dihedral"] < 0.05


def test_the_bond_constant_is_that_of_the_forces(demo_prior):
    """Detects a wrong kT or Jacobian: on CLN025 a fit to forces gives 189 kcal/mol/Å² and 3.869 Å independently."""
    prior, _ = demo_prior
    assert float(jnp.mean(prior.bond_k)) == pytest.approx(189.4, rel=0.05)
    assert float(jnp.mean(prior.bond_r0)) == pytest.approx(3.869, abs=0.005)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(prior))
