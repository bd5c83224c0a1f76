"""Arrays through the spool: order and content, in memory and on disk."""

import numpy as np
import pytest

from cgpipe.physics import spool


@pytest.mark.parametrize("bound", [0, 300, 10**9])
def test_arrays_come_back_in_order(bound, monkeypatch):
    # detects lost, mixed up or truncated arrays where memory ends and the file begins
    monkeypatch.setattr(spool, "IN_MEMORY", bound)
    arrays = [np.random.default_rng(k).normal(size=(3, 5 + 4 * k)) for k in range(6)]
    with spool.open_spool() as one:
        for array in arrays:
            one.put(array)
        found = list(one.arrays())
    assert [f.shape for f in found] == [a.shape for a in arrays]
    assert all(np.array_equal(f, a.astype(np.float32)) for f, a in zip(found, arrays, strict=True))
