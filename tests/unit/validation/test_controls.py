"""Controls and comparisons of ensembles where the answer is known."""

import numpy as np
from synthetic_program import chain_positions, chain_topology

from cgpipe.physics.ensembles import quantities
from cgpipe.physics.observables import dihedral_angles, radius_of_gyration, rmsf
from cgpipe.validation.controls import control_divergences, flagged, mirrored, shuffled
from cgpipe.validation.ensembles import fluctuations, handedness, slow_coordinates

BEADS = 10
TOPOLOGY = chain_topology(BEADS)


def helix(frames: int, seed: int) -> np.ndarray:
    return chain_positions(BEADS) + np.random.default_rng(seed).normal(scale=0.3, size=(frames, BEADS, 3))


def test_mirror_images_have_other_dihedrals_and_nothing_else():
    """Detects a mirror that is a rotation."""
    R = helix(50, 0)
    np.testing.assert_allclose(dihedral_angles(mirrored(R), TOPOLOGY), -dihedral_angles(R, TOPOLOGY), atol=1e-2)
    np.testing.assert_allclose(radius_of_gyration(mirrored(R)), radius_of_gyration(R))


def test_shuffling_keeps_every_bead_and_breaks_the_bonds():
    """Detects a shuffle of whole frames, which would change nothing."""
    R = helix(400, 1)
    mixed = shuffled(R, np.random.default_rng(0))
    np.testing.assert_allclose(rmsf(mixed), rmsf(R), rtol=0.15)
    ordered = [
        np.sort(x[:, 3, 0] - x[:, 3, 0].mean()) for x in (mixed, mixed[np.random.default_rng(1).permutation(400)])
    ]
    np.testing.assert_allclose(*ordered)
    assert not np.allclose(mixed[:, 0] - mixed[:, 1], mixed[0, 0] - mixed[0, 1])


def test_controls_are_flagged_and_a_good_simulation_is_not():
    """Detects controls that pass: the mirror image in dihedrals, shuffled beads in bonds."""
    runs, simulated = [helix(300, 2), helix(300, 3)], helix(400, 4)
    compared = quantities(TOPOLOGY, runs[0][0], 8.0, 3)
    numbers = control_divergences(compared, runs, simulated, helix(400, 5), 40, np.random.default_rng(0))
    numbers |= {f"js_{name}": numbers[f"js_{name}_prior"] for name in ("bond", "angle", "dihedral")}
    assert numbers["js_dihedral_mirrored"] > 0.5 and numbers["js_angle_mirrored"] < 0.05
    assert flagged(numbers, "mirrored") is True and flagged(numbers, "shuffled") is True
    assert flagged(numbers, "prior") is False
    assert flagged({}, "mirrored") is None


def test_handedness_is_that_of_the_ensemble():
    """Detects a sign, and an interval over frames instead of runs."""
    runs = [helix(100, seed) for seed in range(4)]
    flat = handedness(runs, [mirrored(run) for run in runs], TOPOLOGY, np.random.default_rng(0), 200)
    assert flat["right_handed_reference"] > 0.95 and flat["right_handed"] < 0.05
    low, high = flat["right_handed_reference_interval"]
    assert low <= flat["right_handed_reference"] <= high
    assert handedness(runs, [], TOPOLOGY, np.random.default_rng(0), 9)["right_handed"] is None


def test_rmsf_grows_where_beads_move():
    """Detects fluctuations of the whole molecule counted as those of its beads."""
    R = np.repeat(chain_positions(BEADS)[None], 2000, axis=0)
    R[:, 2] += np.random.default_rng(0).normal(scale=0.5, size=(2000, 3))
    R += np.random.default_rng(1).normal(scale=20.0, size=(2000, 1, 3))
    found = rmsf(R)
    # superposition takes a part of it: at most 0.5 √3
    assert 0.6 < found[2] < 0.87 and np.all(np.delete(found, 2) < 0.25)


def test_what_was_not_simulated_is_none():
    """Detects a crash, or a perfect score, where all replicas died at once."""
    runs = [helix(60, seed) for seed in range(3)]
    flat, curves = fluctuations(runs, [])
    assert flat["rmsf_difference"] is None and flat["rmsf_split_half"] > 0 and curves["simulated"] is None
    flat, slow = slow_coordinates(runs, [], 348.0, np.random.default_rng(0), 50)
    assert flat["js_tica"] is None and flat["js_tica_split_half"] > 0 and slow is not None


def test_equal_ensembles_cover_each_other():
    """Detects coverage and free energies of other bins than the reference's."""
    runs, simulated = [helix(600, seed) for seed in range(4)], [helix(600, seed) for seed in range(9, 13)]
    flat, _ = slow_coordinates(runs, simulated, 348.0, np.random.default_rng(0), 100)
    assert flat["js_tica"] < flat["js_tica_split_half"] + 0.05
    assert flat["coverage"] > 0.9 and flat["coverage_of_simulation"] > 0.9
    assert flat["tica_mae"] < 0.6
