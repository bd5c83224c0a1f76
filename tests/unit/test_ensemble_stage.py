"""The spread of forces that the ensemble stage tells. The rest of the stage runs in the workflow's tests."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic_program import chain_projection, chain_topology, tiny_potential, write_dataset

from cgpipe.data.store import open_dataset
from cgpipe.data.topology import Topology
from cgpipe.ensemble import force_spread
from cgpipe.model.ensemble import Ensemble


def test_spread_is_that_of_the_members(tmp_path):
    """A member and its threefold are one force away from their mean; catches wrong frames and a missing protein."""
    write_dataset(tmp_path / "dataset.h5", [chain_projection(9, name="long"), chain_projection(6, name="short")])
    one = tiny_potential(8)
    threefold = eqx.tree_at(lambda p: p.network.type_scale, one, replace_fn=lambda scale: 3.0 * scale)
    with open_dataset(tmp_path / "dataset.h5") as dataset:
        same = force_spread(Ensemble.of([one, one]), dataset)
        apart = force_spread(Ensemble.of([one, threefold]), dataset)
        R = dataset.load_protein("short", "test").R
    assert set(same) == set(apart) == {"long", "short"}
    assert max(same.values()) < 1e-5
    frames = np.linspace(0, len(R) - 1, 32).astype(int)
    topology = Topology(*map(jnp.asarray, chain_topology(6)))
    forces = jax.jit(jax.vmap(lambda x: one.evaluate(x, topology).forces))(jnp.asarray(R[frames]))
    assert apart["short"] == pytest.approx(float(jnp.sqrt(jnp.mean(forces**2))), rel=1e-4)
