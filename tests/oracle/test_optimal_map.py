"""Force maps on molecules whose optimum is known: variance, coefficients, bias. Not a word on real force fields."""

import chain
import gaussian
import numpy as np
import pytest
from line import TOPOLOGY, projected

from cgpipe.physics.bond_springs import fit_bond_springs
from cgpipe.physics.forcemap import bead_groups, optimal_coefficients
from cgpipe.physics.projector import Choices, project

FRAMES = 4000


def test_the_molecule_is_what_it_claims():
    """Forces are the gradient of the energy, and bonds and angles have the distributions of the free energy.

    Detects a mistake in the oracle itself: everything below rests on it.
    """
    molecule = chain.sample(5000, 1)
    beads = molecule.R[:3, 1::3]
    forces = chain.chain_forces(beads, 3.8)
    for bead, axis in [(0, 0), (1, 1), (2, 2), (3, 0), (5, 1)]:
        step = np.zeros_like(beads)
        step[:, bead, axis] = 1e-5
        slope = (chain.chain_energy(beads + step, 3.8) - chain.chain_energy(beads - step, 3.8)) / 2e-5
        np.testing.assert_allclose(forces[:, bead, axis], -slope, atol=1e-6)
    springs = fit_bond_springs(molecule.R[:, 1::3], molecule.mean, TOPOLOGY)
    length = np.linalg.norm(np.diff(molecule.R[:, 1::3], axis=1), axis=-1)
    # ⟨r − r₀⟩ = 2 kT/(k r₀) and ⟨(r − r₀)²⟩ = kT/k to leading order, from the Jacobian r²
    assert springs.r0 == pytest.approx(chain.SHORTENED, abs=0.01)
    assert np.mean(length) == pytest.approx(chain.SHORTENED + 2 * chain.KT / chain.BOND_K / chain.SHORTENED, abs=0.003)
    assert np.std(length) == pytest.approx(np.sqrt(chain.KT / chain.BOND_K), rel=0.03)


def test_optimal_map_leaves_the_variance_of_the_optimum():
    """Variance = that of the mean force + 3/2 (kT α)² per satellite, in sample × (1 − p/n), held out / (1 − p/n).

    Detects a map that is not optimal, wrong bookkeeping of held-out variance, and forces of other frames; 2 %.
    """
    projection, mean = projected(FRAMES, 0)
    exact = np.mean(mean**2) + chain.noise_variance()
    share = 2 * chain.BEADS / (3 * FRAMES)
    quality = projection.quality
    assert quality["rms"]["optimal"] ** 2 == pytest.approx(exact * (1 - share), rel=0.02)
    assert quality["rms_heldout"]["optimal"] ** 2 == pytest.approx(exact / (1 - share), rel=0.02)
    noise = projection.F - mean
    assert np.mean(noise**2) == pytest.approx(chain.noise_variance(), rel=0.02)
    assert np.sum(noise * mean) / np.sum(mean**2) == pytest.approx(0.0, abs=0.015)


@pytest.mark.parametrize("force_map", ["optimal", "window", "slice"])
def test_every_map_has_the_same_mean_force(force_map: str):
    """Slope of the labels on the exact mean force is 1 within four errors. Detects a biased map."""
    projection, mean = projected(FRAMES, 0, force_map)
    excess = np.sum((projection.F - mean) * mean, axis=(1, 2)) / np.mean(np.sum(mean**2, axis=(1, 2)))
    error = np.std(excess) / np.sqrt(FRAMES)
    assert abs(np.mean(excess)) < 4 * error < 0.1


def test_gaussian_network_and_its_schur_complement():
    """The fitted coefficients are −K_cf K_ff⁻¹ and what they leave is −S R; the plain force scatters by its variance.

    Detects a wrong normal equation, a wrong Schur complement, and kT in other units.
    """
    net = gaussian.network(beads=5, others=12)
    frames = 6000
    R, on_beads, on_others = net.sample(frames, 0)
    alphas = np.arange(5)
    groups = bead_groups(np.arange(17), alphas, "network")
    F = np.concatenate([on_beads, on_others], axis=1)
    gram = np.einsum("fik,fjk->ij", F, F) / (3 * frames)
    fitted = optimal_coefficients(gram, groups, 0.0, "network")
    mapped = np.einsum("ig,fgk->fik", fitted, F)
    mean = -np.einsum("ij,fjk->fik", net.schur, R)
    assert np.sqrt(np.mean((mapped - mean) ** 2) / np.mean(mean**2)) < 3 * np.sqrt(12 / (3 * frames))
    np.testing.assert_allclose(on_beads + np.einsum("ig,fgk->fik", net.optimal_map, on_others), mean, atol=1e-9)
    scatter = np.mean((on_beads - mean) ** 2, axis=(0, 2))
    np.testing.assert_allclose(scatter, net.noise, rtol=4 * np.sqrt(2 / (3 * frames)))


@pytest.mark.parametrize("share", [0.05, 0.15, 0.29])
def test_labels_are_not_shrunk_by_the_fit(share: float):
    """Slope of the labels on the exact mean force is 1 within errors, however few frames the map was fitted to.

    Detects labels by a map that has seen their frames: those are too small by p/n, here by 5, 15 and 29 %.
    """
    coefficients, repeats = 2 * chain.BEADS, 60
    frames = round(coefficients / (3 * share))
    slopes = []
    for seed in range(repeats):
        molecule = chain.sample(frames, seed)
        projection = project("oracle", molecule, Choices(map="optimal", constraints="none"))
        assert projection.quality["overfit_ratio"] == pytest.approx(share, rel=0.1)
        slopes.append(np.sum(projection.F * molecule.mean) / np.sum(molecule.mean**2))
    error = np.std(slopes) / np.sqrt(repeats)
    assert abs(np.mean(slopes) - 1) < 3 * error < 0.5 * share
