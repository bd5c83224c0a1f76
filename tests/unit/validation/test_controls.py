"""Controls and comparisons of ensembles where the answer is known."""

import numpy as np
import pytest
from made_up_ensembles import switching
from synthetic_program import chain_positions, chain_topology

from cgpipe.physics.ensembles import quantities
from cgpipe.physics.observables import dihedral_angles, radius_of_gyration, rmsf
from cgpipe.reporting.lights import Light, judge_fold, judge_free_energy, prior_told_apart
from cgpipe.validation.controls import control_divergences, flagged, mirrored, shuffled
from cgpipe.validation.ensembles import fluctuations, handedness, slow_coordinates
from cgpipe.validation.free_energies import free_energies

BEADS = 10
TOPOLOGY = chain_topology(BEADS)


def helix(frames: int, seed: int, scale: float = 0.3) -> np.ndarray:
    return chain_positions(BEADS) + np.random.default_rng(seed).normal(scale=scale, size=(frames, BEADS, 3))


def bending(frames: int, seed: int) -> np.ndarray:
    """A helix whose beads move together, as bonds make them."""
    steps = np.random.default_rng(seed).normal(scale=0.2, size=(frames, BEADS, 3))
    return chain_positions(BEADS) + np.cumsum(steps, axis=1)


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
    runs, simulated = [bending(300, 2), bending(300, 3)], [bending(200, 4), bending(200, 6)]
    compared = quantities(TOPOLOGY, runs[0][0], 8.0, 3)
    numbers = control_divergences(compared, runs, simulated, [bending(400, 5)], 40, np.random.default_rng(0))
    numbers |= {f"js_{name}": numbers[f"js_{name}_prior"] for name in ("bond", "angle", "dihedral")}
    assert numbers["js_dihedral_mirrored"] > 0.5 and numbers["js_angle_mirrored"] < 0.05
    assert flagged(numbers, "mirrored") is True and flagged(numbers, "shuffled") is True
    assert flagged(numbers, "prior") is False
    assert flagged({}, "mirrored") is None


def test_handedness_is_that_of_the_ensemble():
    """Detects a sign, and an interval over frames instead of runs."""
    runs = [helix(100, seed, 0.9) for seed in range(4)]
    flat = handedness(runs, [mirrored(run) for run in runs], TOPOLOGY)
    assert flat["right_handed_reference"] > 0.9 and flat["right_handed"] < 0.1
    low, high = flat["right_handed_reference_interval"]
    assert 0 <= low <= flat["right_handed_reference"] <= high <= 1
    assert handedness(runs, [], TOPOLOGY)["right_handed"] is None
    flat = handedness(runs[:1], [run[:5] for run in runs[:3]], TOPOLOGY)
    assert "3 independent parts of 3 runs" in flat["right_handed_interval_missing"]


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
    flat, slow = slow_coordinates(runs, [], 348.0, np.random.default_rng(0))
    assert flat["js_tica"] is None and flat["js_tica_split_half"] is not None and slow is not None


def test_equal_ensembles_cover_each_other():
    """Detects coverage and free energies of other bins than the reference's."""
    runs, simulated = [helix(600, seed) for seed in range(4)], [helix(600, seed) for seed in range(9, 13)]
    flat, _ = slow_coordinates(runs, simulated, 348.0, np.random.default_rng(0))
    assert abs(flat["js_tica"]) < 0.02 and abs(flat["js_tica_split_half"]) < 0.02 and flat["js_tica_interval"][0] == 0
    assert flat["coverage"] > 0.9 and flat["coverage_of_simulation"] > 0.9
    assert flat["tica_mae"] < 0.6


def test_few_frames_of_the_reference_do_not_diverge_from_it():
    """50 independent frames of the reference have no divergence in slow coordinates, as a shifted ensemble has.

    Detects states so many that a sample diverges from its own ensemble, and states that see nothing.
    """
    runs = [helix(600, seed) for seed in range(4)]
    picked = np.concatenate(runs)[np.random.default_rng(0).permutation(2400)[:50]]
    few, _ = slow_coordinates(runs, list(np.split(picked, 5)), 348.0, np.random.default_rng(0))
    assert abs(few["js_tica"]) < 0.06 and few["js_tica_interval"][0] == 0
    bent = [run + 0.6 * np.arange(BEADS)[:, None] ** 2 / BEADS for run in np.split(picked, 5)]
    off, _ = slow_coordinates(runs, bent, 348.0, np.random.default_rng(0))
    assert off["js_tica_interval"][0] > 0.2


def test_the_prior_alone_is_told_from_two_states():
    """A reference that folds and unfolds, a model that does the same, and a prior alone that never folds.

    Detects free energies that do not see a state the prior has lost, a model that is called off with it, and a control
    that has no light.
    """
    random = np.random.default_rng(7)
    native = chain_positions(BEADS)
    stretched = native * np.array([1.0, 1.0, 1.6])

    def two_states(share: float) -> list[np.ndarray]:
        folded = switching(random, 8, 150, 3.0, share)
        noise = random.normal(scale=0.1, size=(8, 150, BEADS, 3))
        return list(np.where(folded[:, :, None, None], native, stretched) + noise)

    compared = [one for one in quantities(TOPOLOGY, native, 8.0, 3) if one.name in ("rg", "rmsd", "native_contacts")]
    flat = free_energies(compared, two_states(0.5), two_states(0.5), two_states(0.0), random)
    assert judge_fold(flat, "_prior") is Light.FAIR or judge_fold(flat, "_prior") is Light.BAD
    assert flat["fold_free_energy_prior"] is None and flat["folded_prior"] == 0.0
    assert prior_told_apart(flat) and flat["free_energy_native_contacts_prior_unvisited"] > 0
    assert judge_fold(flat) is not Light.BAD and flat["fold_free_energy_difference"] == pytest.approx(0.0, abs=0.5)
    for quantity in ("rg", "rmsd", "native_contacts"):
        assert judge_free_energy(flat, quantity, "_prior") is Light.BAD
        assert judge_free_energy(flat, quantity) in (Light.GOOD, Light.UNKNOWN)


def test_a_control_that_is_as_good_is_not_told_apart():
    """Detects a control that is flagged by rounding, by the bias from few frames, or within the simulation's error."""
    ours = {f"js_{name}": -0.001 for name in ("bond", "angle", "dihedral")}
    control = {f"js_{name}_mirrored": -0.001 + 1e-9 for name in ("bond", "angle", "dihedral")}
    assert flagged(ours | control, "mirrored") is False
    uncertain = ours | {"js_dihedral_interval": [0.0, 0.3]}
    assert flagged(uncertain | control | {"js_dihedral_mirrored": 0.2}, "mirrored") is False
    assert flagged(uncertain | control | {"js_dihedral_mirrored": 0.4}, "mirrored") is True
