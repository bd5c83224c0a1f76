"""Neighbour search against a plain loop. Cannot detect slowness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.data.statistics import ROW
from cgpipe.data.topology import Topology
from cgpipe.physics.neighbours import Neighbours, find_neighbours

BEADS, REAL = 24, 21
MASK = np.arange(BEADS) < REAL
FIND = jax.jit(find_neighbours, static_argnums=(2, 3))


def _topology(mask: np.ndarray) -> Topology:
    beads = len(mask)
    return Topology(
        jnp.zeros(beads, jnp.int32), jnp.zeros(beads, jnp.int32), jnp.arange(beads, dtype=jnp.int32), jnp.asarray(mask)
    )


def _positions(seed: int) -> np.ndarray:
    """Some beads with one row of neighbours, some with two or three; padded ones coincide with bead 0."""
    R = np.random.default_rng(seed).normal(size=(BEADS, 3)).astype(np.float32) * 4
    R[0] += 30.0
    R[REAL:] = R[0]
    return R


def _by_loop(R: np.ndarray, mask: np.ndarray, cutoff: float) -> list[list[int]]:
    return [
        [j for j in range(len(R)) if i != j and mask[i] and mask[j] and np.linalg.norm(R[i] - R[j]) < cutoff]
        for i in range(len(R))
    ]


def _by_bead(found: Neighbours) -> list[list[int]]:
    lists: list[list[int]] = [[] for _ in range(found.beads)]
    for centre, index, mask in zip(*map(np.asarray, (found.centre, found.index, found.mask)), strict=True):
        lists[centre] += index[mask].tolist()
    return lists


@pytest.mark.parametrize("slots", [18, BEADS - 1])
@pytest.mark.parametrize("cutoff", [2.0, 7.0, 9.0])
def test_same_lists_as_a_loop(slots, cutoff):
    """Detects a wrong list, a padded neighbour or a wrong count, in both layouts (rows and all pairs)."""
    for seed in range(4):
        R = _positions(seed)
        expected = _by_loop(R, MASK, cutoff)
        found = FIND(jnp.asarray(R), _topology(MASK), cutoff, slots)
        assert found.all_pairs == (slots == BEADS - 1)
        assert _by_bead(found) == expected
        counts = list(map(len, expected))
        rows = sum(-(-count // ROW) for count in counts)
        assert int(found.needed) == (max(counts) if found.all_pairs else -(-ROW * rows // BEADS))
        assert np.all(np.diff(found.centre) >= 0)
        assert not np.any(np.asarray(found.index) == np.asarray(found.centre)[:, None], where=np.asarray(found.mask))


@pytest.mark.parametrize("slots", [18, BEADS - 1])
def test_sums_and_spreading_over_rows(slots):
    """Detects a row that is added to another bead, or gets another bead's value."""
    R = jnp.asarray(_positions(0))
    found = FIND(R, _topology(MASK), 9.0, slots)
    np.testing.assert_array_equal(found.to_rows(R), R[found.centre])
    neighbours = jnp.where(found.mask, found.index, 0).sum(1).astype(jnp.float32)
    np.testing.assert_array_equal(found.to_beads(neighbours), list(map(sum, _by_loop(np.asarray(R), MASK, 9.0))))
    vectors = found.vectors(R, empty=50.0)
    np.testing.assert_array_equal(vectors[~found.mask], 50.0)
    np.testing.assert_array_equal(vectors[found.mask], (R[found.index] - R[found.centre][:, None])[found.mask])


def test_room_is_reported_to_the_row():
    """Detects an overflow that passes: with exactly the slots it asks for the list is complete, with one less not."""
    R, topology = jnp.asarray(_positions(2)), _topology(MASK)
    needed = int(FIND(R, topology, 9.0, 18).needed)
    assert needed < 18
    complete, short = (FIND(R, topology, 9.0, slots) for slots in (needed, needed - 1))
    assert int(complete.needed) == int(short.needed) == needed
    assert _by_bead(complete) == _by_loop(np.asarray(R), MASK, 9.0)
    assert int(short.mask.sum()) < int(complete.mask.sum())


def test_all_padding_nan_positions_and_one_bead():
    """Detects neighbours among padding and crashes on empty structures."""
    for slots in (2, 4):
        found = find_neighbours(jnp.full((5, 3), jnp.nan), _topology(np.zeros(5, bool)), 12.0, slots)
        assert int(found.needed) == 0 and not bool(found.mask.any())
    assert int(find_neighbours(jnp.zeros((1, 3)), _topology(np.ones(1, bool)), 12.0, 0).needed) == 0


def test_batches_by_vmap_and_no_gradient():
    """Detects a search that cannot be batched, and a gradient leaking through the distances."""
    R = jnp.asarray(np.stack([_positions(seed) for seed in range(4)]))
    topology = _topology(MASK)
    batch = jax.vmap(lambda r: find_neighbours(r, topology, 7.0, 18))(R)
    single = [FIND(r, topology, 7.0, 18) for r in R]
    np.testing.assert_array_equal(batch.index, np.stack([one.index for one in single]))
    np.testing.assert_array_equal(batch.mask, np.stack([one.mask for one in single]))
    gradient = jax.grad(lambda r: find_neighbours(r, topology, 7.0, 18).mask.astype(r.dtype).sum())(R[0])
    np.testing.assert_array_equal(gradient, 0.0)
