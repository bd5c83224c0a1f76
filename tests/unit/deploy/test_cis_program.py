"""An exported program has the second minimum of cis bonds, as the model that it was made from."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic_program import bonded_potential, chain_positions, chain_topology, export_to

from cgpipe.deploy.program import load_program
from cgpipe.model.potential import Potential
from cgpipe.physics.prior.prior import Cis
from cgpipe.physics.support import Gap

BEADS = 6


def test_program_knows_cis_bonds(tmp_path):
    """Detects an export that drops the second minimum or the gap, or limits that are no constants of a module."""
    plain, topology = bonded_potential(BEADS - 1), chain_topology(BEADS)
    pair = (int(topology.species[2]), int(topology.species[3]))
    tables = (jnp.full((21, 21), value) for value in (2.95, 140.0, 1.2))
    support = plain.prior.support._replace(
        shortest=(2.8, *plain.prior.support.shortest[1:]), gap=Gap(3.1, 3.5, (pair,))
    )
    prior = dataclasses.replace(plain.prior, support=support, cis=Cis(*tables))
    model = dataclasses.replace(plain, prior=prior, network=None)
    R = chain_positions(BEADS)
    R[3:] += (R[3] - R[2]) * (2.95 / np.linalg.norm(R[3] - R[2]) - 1)
    program = load_program(export_to(tmp_path, model, [BEADS])).bind(topology)
    expected = eqx.filter_jit(Potential.evaluate)(model, jnp.asarray(R, jnp.float32), topology)
    found = program(R)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=1e-4, atol=1e-3)
    assert found.energy == pytest.approx(float(expected.bead_energies.sum()), rel=1e-4)
