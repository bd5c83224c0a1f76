"""Neighbour search against a plain loop. Cannot detect slowness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.physics.neighbours import find_neighbours


def _topology(mask: np.ndarray) -> Topology:
    beads = len(mask)
    return Topology(
        jnp.zeros(beads, jnp.int32), jnp.zeros(beads, jnp.int32), jnp.arange(beads, dtype=jnp.int32), jnp.asarray(mask)
    )


def _by_loop(R: np.ndarray, mask: np.ndarray, cutoff: float) -> list[set[int]]:
    return [
        {j for j in range(len(R)) if i != j and mask[i] and mask[j] and np.linalg.norm(R[i] - R[j]) < cutoff}
        for i in range(len(R))
    ]


@pytest.mark.parametrize("slots", [10, 13])
def test_same_sets_as_a_loop(slots):
    """Detects a wrong set, a padded neighbour or a wrong count, in both layouts (sorted and static)."""
    rng = np.random.default_rng(0)
    mask = np.arange(14) < 11
    for _ in range(5):
        R = rng.normal(size=(14, 3)).astype(np.float32) * 4
        R[11:] = R[0]
        expected = _by_loop(R, mask, 6.0)
        found = jax.jit(find_neighbours, static_argnums=(2, 3))(jnp.asarray(R), _topology(mask), 6.0, slots)
        rows = zip(np.asarray(found.index), np.asarray(found.mask), strict=True)
        assert [set(map(int, index[valid])) for index, valid in rows] == expected
        assert int(found.needed) == max(map(len, expected))
        assert not np.any(np.asarray(found.index) == np.arange(14)[:, None])


def test_overflow_is_reported():
    """Detects a list that is cut silently."""
    R = jnp.asarray(np.random.default_rng(1).normal(size=(9, 3)), jnp.float32)
    found = find_neighbours(R, _topology(np.ones(9, bool)), 50.0, 3)
    assert int(found.needed) == 8 and bool(found.mask.all())


def test_all_padding_nan_positions_and_one_bead():
    """Detects neighbours among padding and crashes on empty structures."""
    found = find_neighbours(jnp.full((5, 3), jnp.nan), _topology(np.zeros(5, bool)), 12.0, 2)
    assert int(found.needed) == 0 and not bool(found.mask.any())
    assert int(find_neighbours(jnp.zeros((1, 3)), _topology(np.ones(1, bool)), 12.0, 0).needed) == 0


def test_more_slots_than_beads_is_refused():
    """Detects a capacity that cannot be meant."""
    with pytest.raises(ValueError, match="at most 4"):
        find_neighbours(jnp.zeros((5, 3)), _topology(np.ones(5, bool)), 12.0, 5)


def test_batches_by_vmap_and_no_gradient():
    """Detects a search that cannot be batched, and a gradient leaking through the distances."""
    R = jnp.asarray(np.random.default_rng(2).normal(size=(4, 8, 3)) * 4, jnp.float32)
    topology = _topology(np.ones(8, bool))
    batch = jax.vmap(lambda r: find_neighbours(r, topology, 6.0, 5))(R)
    single = [find_neighbours(r, topology, 6.0, 5) for r in R]
    np.testing.assert_array_equal(batch.index, np.stack([one.index for one in single]))
    gradient = jax.grad(lambda r: find_neighbours(r, topology, 6.0, 7).mask.astype(r.dtype).sum())(R[0])
    np.testing.assert_array_equal(gradient, 0.0)
