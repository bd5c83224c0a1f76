"""Frames read from the file are those that are loaded."""

import numpy as np
import pytest
from training_runs import write_inputs

from cgpipe.data.store import open_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_inputs(folder)
    with open_dataset(folder / "dataset.h5") as opened:
        yield opened


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0, 0, 1], [1]])
def test_rows_in_any_order_and_number(dataset, split, rows):
    """Catches rows of another set or bucket, a wrong order, and repeated rows that get lost."""
    loaded, stored = dataset.load(split), dataset.stored(split)
    assert len(loaded) == len(stored) == 2
    for memory, disk in zip(loaded, stored, strict=True):
        np.testing.assert_array_equal(disk.protein, memory.protein)
        one, other = memory.take(np.array(rows)), disk.take(np.array(rows))
        for a, b in zip((*one[:2], *one.topology), (*other[:2], *other.topology), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_set_without_frames_has_no_buckets(dataset):
    """Catches empty sources, which have no mean and no batch."""
    assert dataset.stored("gap") == []
