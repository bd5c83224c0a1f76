"""Order and completeness of the batches. Whether the order is random enough is not tested."""

import numpy as np
import pytest
from training_toys import toy_frames

from cgpipe.training.feed import Feed, Place, gather, protein_weights

BUCKETS = [toy_frames(11, 4), toy_frames(6, 6, seed=1)]


def seen(feed: Feed, epoch: int) -> list[tuple[int, int]]:
    return [(place.bucket, int(row)) for place in places(feed, epoch) for row in place.rows]


def places(feed: Feed, epoch: int) -> list[Place]:
    return [feed.place(step) for step in range(epoch * feed.steps_per_epoch, (epoch + 1) * feed.steps_per_epoch)]


def test_every_frame_once_per_epoch():
    """Catches dropped last batches and repeated frames."""
    feed = Feed(BUCKETS, 4, seed=0)
    everything = [(0, i) for i in range(11)] + [(1, i) for i in range(6)]
    assert feed.steps_per_epoch == 3 + 2
    for epoch in range(3):
        assert sorted(seen(feed, epoch)) == everything


def test_order_is_a_function_of_seed_and_step():
    """Catches hidden state: any step, asked for in any order by another feed, is the same; epochs and seeds differ."""
    first, second = Feed(BUCKETS, 4, seed=5), Feed(BUCKETS, 4, seed=5)
    forward = [first.at(step)[0] for step in range(10)]
    for step in (9, 2, 7, 0):
        np.testing.assert_array_equal(second.at(step)[0].R, forward[step].R)
    assert seen(first, 0) != seen(first, 1)
    assert seen(first, 0) != seen(Feed(BUCKETS, 4, seed=6), 0)


def test_any_process_gives_its_part_of_the_same_batch():
    """Parts of a batch put together are the batch, weights included: catches processes that see different frames."""
    whole, frames = Feed(BUCKETS, 4, seed=0).at(2)
    parts = [Feed(BUCKETS, 4, seed=0).at(2, slice(start, start + 2)) for start in (0, 2)]
    assert [number for _, number in parts] == [frames, frames]
    for field in ("R", "F", "weight"):
        together = np.concatenate([getattr(part, field) for part, _ in parts])
        np.testing.assert_array_equal(together, getattr(whole, field))


def test_balanced_proteins_weigh_the_same():
    """With balance by proteins, the frames of each weigh as much in all as those of any other, times its own weight."""
    buckets = [toy_frames(6, 4, protein=0), toy_frames(3, 6, protein=1)]
    weights = protein_weights((1.0, 2.0, 1.0), buckets, "proteins")
    assert 6 * weights[0] == pytest.approx(3 * weights[1] / 2)
    assert protein_weights((1.0, 2.0, 1.0), buckets, "frames") == (1.0, 2.0, 1.0)


def test_lengths_alternate_within_an_epoch():
    """Catches all short chains first, all long ones last."""
    orders = [[place.bucket for place in places(Feed(BUCKETS, 1, seed=s), 0)] for s in range(3)]
    assert all(order != sorted(order) for order in orders)


def test_filling_rows_have_no_weight():
    """Catches repeated frames that count."""
    batch = gather(BUCKETS[1], np.array([4, 5]), 4)
    np.testing.assert_array_equal(batch.weight, [1, 1, 0, 0])
    np.testing.assert_array_equal(batch.R[:2], BUCKETS[1].R[4:])


def test_weights_of_proteins_reach_the_batches():
    """Catches weights of another protein, a mean that is not 1, and weights on rows that only fill up."""
    buckets = [toy_frames(6, 4, protein=0), toy_frames(3, 6, protein=1)]
    feed = Feed(buckets, 4, seed=0, weights=(1.0, 4.0))
    batches = [(place.bucket, feed.at(step)[0]) for step, place in enumerate(places(feed, 0))]
    assert sum(batch.weight.sum() for _, batch in batches) == pytest.approx(9)
    for bucket, batch in batches:
        used = batch.weight[batch.weight > 0]
        np.testing.assert_allclose(used, 4 / 2 if bucket else 1 / 2)


def test_frames_that_outweigh_a_batch_are_drawn_more_often():
    """Catches draws that change what a frame weighs in an epoch, a step ruled by one frame, and draws without need."""
    weight = np.array([1.0] * 40 + [3.0, 90.0, 400.0], np.float32)
    bucket = toy_frames(len(weight), 4)._replace(weight=weight, averaged=weight > 1)
    feed = Feed([bucket], 4, seed=0)
    rows, drawn = [], []
    for step, place in enumerate(places(feed, 0)):
        batch = feed.at(step)[0]
        rows += place.rows.tolist()
        drawn += batch.weight[: len(place.rows)].tolist()
        np.testing.assert_array_equal(batch.single[: len(place.rows)], weight[place.rows] == 1)
    whole_batch = 4 * weight.mean()
    assert np.bincount(rows).tolist() == [1] * 41 + [np.ceil(90 / whole_batch), np.ceil(400 / whole_batch)]
    in_all = np.bincount(rows, drawn)
    np.testing.assert_allclose(in_all / in_all[0], weight, rtol=1e-5)
    assert np.mean(drawn) == pytest.approx(1.0) and max(drawn) <= 4 * len(rows) / len(weight)


def test_mean_forces_count_when_proteins_are_balanced():
    """Catches a protein that outweighs the others because its frames are worth more."""
    heavy = toy_frames(6, 4, protein=0)._replace(weight=np.array([1, 1, 1, 1, 1, 45], np.float32))
    weights = protein_weights((1.0, 1.0), [heavy, toy_frames(5, 6, protein=1)], "proteins")
    assert 50 * weights[0] == pytest.approx(5 * weights[1])
