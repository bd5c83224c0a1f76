"""Which whole runs are left out, on made-up runs that visit known conformations."""

import numpy as np
import pytest

from cgpipe.data.runs import ABOUT_AS_GOOD, choose_runs, imbalance, look_at
from cgpipe.data.splits import SPLITS, split_trajectories

BEADS, FRAMES = 10, 60
BASINS = np.cumsum(np.random.default_rng(7).normal(scale=2.2, size=(7, BEADS, 3)), axis=1)
FOLDED, RARE = 0, 6
FRACTIONS = {"val": 0.1, "test": 0.1}


def visit(basins, frames=FRAMES, seed=0):
    """A run that is in each of these conformations for the same time."""
    random = np.random.default_rng([seed, *basins])
    at = BASINS[np.repeat(basins, -(-frames // len(basins)))[:frames]]
    return at + random.normal(scale=0.3, size=at.shape)


def made(*visited):
    runs = [visit(basins, seed=number) for number, basins in enumerate(visited)]
    return np.concatenate(runs), np.repeat(np.arange(len(runs)), [len(run) for run in runs])


UNFOLDED = [[1, 2], [2, 3], [3, 4], [4, 5], [5, 1], [1, 3], [2, 4], [3, 5], [4, 1], [5, 2], [1, 2]]
VISITED = [*UNFOLDED[:5], [FOLDED], [FOLDED], *UNFOLDED[5:], [FOLDED], [FOLDED]]


def trained_on(sets, visited=VISITED):
    return [basin for run, own in sets.items() if own == "train" for basin in visited[run]]


@pytest.mark.parametrize("seed", range(4))
def test_training_covers_every_conformation_and_the_test_has_its_share(seed):
    """Detects three of four folded runs outside training, all of them in it, and too few runs left out; real
    conformations, which overlap, are not made here."""
    R, trajectory = made(*VISITED)
    sets = choose_runs(R, trajectory, FRACTIONS, np.random.default_rng(seed))
    assert sorted(sets.values()).count("test") == 2 and sorted(sets.values()).count("val") == 2
    assert set(trained_on(sets)) == {0, 1, 2, 3, 4, 5}
    assert trained_on(sets).count(FOLDED) in (2, 3)
    assert sets == choose_runs(R, trajectory, FRACTIONS, np.random.default_rng(seed))


def test_runs_drawn_at_random_would_not():
    """What the tests here ask for is not met by any draw: 3 of 4 folded runs are outside training for some seed."""
    trajectory = made(*VISITED)[1]
    names = [f"p/{number}" for number in range(len(VISITED))]
    folded = [n for n, basins in enumerate(VISITED) if basins == [FOLDED]]
    left = []
    for seed in range(200):
        sets = split_trajectories(trajectory, names, protein="p", fractions=FRACTIONS, seed=seed)[1]
        left.append(sum(sets[names[number]][0].split == "train" for number in folded))
    assert min(left) == 1


@pytest.mark.parametrize("rare", [[RARE], [1, 2, RARE], [FOLDED] * 9 + [RARE]])
def test_a_conformation_that_one_run_visits_stays_in_training(rare):
    """Detects a rare conformation that is lost, down to a tenth of one run; rarer ones may be."""
    visited = [*VISITED[:-1], rare]
    R, trajectory = made(*visited)
    for seed in range(2):
        sets = choose_runs(R, trajectory, FRACTIONS, np.random.default_rng(seed))
        assert sets[len(visited) - 1] == "train"


def test_nothing_is_left_out_where_every_run_is_its_own_conformation():
    """Detects a conformation that is given up for a test set; and two runs of which one would be."""
    assert choose_runs(*made([0], [1], [2], [3], [4]), FRACTIONS, np.random.default_rng(0)) is None
    assert choose_runs(*made([0], [0]), FRACTIONS, np.random.default_rng(0)) is None


def test_fewer_runs_are_left_out_where_so_many_cannot_be():
    """Detects a protein of which no run is left out although one for each set could be; 20 % of 10 are wanted."""
    visited = [[0], [0], [1], [1], [2], [3], [4], [5], [6], [6, 5]]
    sets = choose_runs(*made(*visited), {"val": 0.2, "test": 0.2}, np.random.default_rng(0))
    assert list(sets.values()).count("val") >= 1 <= list(sets.values()).count("test")
    assert set(trained_on(sets, visited)) == set(range(7))
    only_val = choose_runs(*made(*visited), {"val": 0.1, "test": 0.0}, np.random.default_rng(0))
    assert sorted(set(only_val.values())) == ["train", "val"]


def test_the_best_of_all_choices_is_taken():
    """Detects a cost that prefers sets which do not resemble the whole, judged by shares of conformations."""
    visited = [[0], [0], [0], [1], [1], [1], [1], [1], [1], [0]]
    runs = look_at(*made(*visited))
    choices = np.zeros((3, 10), np.int8)
    choices[0, [0, 1]], choices[1, [0, 3]], choices[2, [0, 1, 2]] = SPLITS["test"], SPLITS["test"], SPLITS["test"]
    same, mixed, more = imbalance(runs, choices)
    assert mixed * ABOUT_AS_GOOD < same < more


def test_a_run_of_a_few_frames_is_no_test():
    """Detects the shortest run taken for the test, which costs the least training frames and says the least."""
    runs = [visit([0, 1], frames=length, seed=length) for length in (60, 61, 62, 63, 8)]
    trajectory = np.repeat(np.arange(5), [len(run) for run in runs])
    for seed in range(3):
        assert choose_runs(np.concatenate(runs), trajectory, FRACTIONS, np.random.default_rng(seed))[4] == "train"


@pytest.mark.parametrize("seed", range(3))
def test_training_keeps_a_run_of_every_temperature(seed):
    """Detects a temperature whose only run is left out, or all of whose runs are, though others visit the same."""
    R, trajectory = made([0], [0], [0], [0], [0], [0])
    for temperature in (np.array([320.0] + [348.0] * 5), np.array([320.0] * 2 + [348.0] * 4)):
        random, at = np.random.default_rng(seed), temperature[trajectory]
        sets = choose_runs(R, trajectory, {"val": 0.34, "test": 0.34}, random, at)
        trained = [run for run, own in sets.items() if own == "train"]
        assert set(temperature[trained]) == {320.0, 348.0} and len(trained) == 2
    each = np.arange(320.0, 326.0)[trajectory]
    assert choose_runs(R, trajectory, FRACTIONS, np.random.default_rng(seed), each) is None
