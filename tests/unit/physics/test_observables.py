"""Observables against analytic values and brute force: wrong signs, units, masks and rotations show, speed does not."""

import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.physics import observables
from cgpipe.physics.observables import rmsd, superposed


def chain(beads: int, residue: list[int] | None = None, chains: list[int] | None = None) -> Topology:
    numbers = np.arange(beads) if residue is None else np.array(residue)
    of_chain = np.zeros(beads) if chains is None else np.array(chains)
    return Topology(
        np.zeros(beads, np.int32), of_chain.astype(np.int32), numbers.astype(np.int32), np.ones(beads, bool)
    )


def helix(beads: int, radius: float = 2.3, turn: float = 100.0, rise: float = 1.5) -> np.ndarray:
    angle = np.radians(turn) * np.arange(beads)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), rise * np.arange(beads)], axis=1)[None]


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def test_right_handed_helix_has_the_dihedral_and_angle_of_its_formula():
    """Detects a wrong sign, unit or order of the rows; α-helical Cα traces have +50° and 91°."""
    R = helix(6)
    bond = np.sqrt((2 * 2.3 * np.sin(np.radians(50))) ** 2 + 1.5**2)
    np.testing.assert_allclose(observables.bond_lengths(R, chain(6)), bond, rtol=1e-5)
    steps = np.diff(R[0], axis=0)
    angle = np.degrees(np.arccos(-steps[0] @ steps[1] / bond**2))
    np.testing.assert_allclose(observables.bond_angles(R, chain(6)), angle, rtol=1e-4)
    np.testing.assert_allclose(observables.dihedral_angles(R, chain(6)), 49.6, atol=0.6)
    np.testing.assert_allclose(observables.dihedral_angles(R * [1, 1, -1], chain(6)), -49.6, atol=0.6)


def test_interruptions_of_the_chain_have_no_bond_angle_or_dihedral():
    """Detects terms across a gap in the residue numbers or across chains."""
    R = np.random.default_rng(0).normal(size=(3, 9, 3)) * 5
    gap, two = chain(9, [0, 1, 2, 3, 7, 8, 9, 10, 11]), chain(9, None, [0, 0, 0, 0, 1, 1, 1, 1, 1])
    for topology in (gap, two):
        assert observables.bond_lengths(R, topology).shape == (3, 7)
        assert observables.bond_angles(R, topology).shape == (3, 5)
        assert observables.dihedral_angles(R, topology).shape == (3, 3)
    kept = np.linalg.norm(R[:, 5] - R[:, 4], axis=-1)
    np.testing.assert_allclose(observables.bond_lengths(R, gap)[:, 3], kept, rtol=1e-5)


def test_more_frames_than_one_chunk_are_all_measured():
    """Detects a lost, repeated or shifted chunk."""
    R = np.random.default_rng(1).normal(size=(2 * observables.CHUNK + 7, 3, 3)) * 4
    expected = np.linalg.norm(np.diff(R, axis=1), axis=-1)
    np.testing.assert_allclose(observables.bond_lengths(R, chain(3)), expected, rtol=1e-5)
    closest = np.linalg.norm(R[:, 2] - R[:, 0], axis=-1)
    np.testing.assert_allclose(observables.min_distance(R, chain(3)), closest, rtol=1e-5)


def test_size_of_a_rod():
    """Detects wrong normalisation: a rod of n beads at distance a has Rg² = a²(n²−1)/12."""
    rod = np.zeros((1, 11, 3))
    rod[0, :, 0] = 2.0 * np.arange(11) + 5.0
    np.testing.assert_allclose(observables.radius_of_gyration(rod), 2.0 * np.sqrt((11**2 - 1) / 12))
    np.testing.assert_allclose(observables.end_to_end(rod), 20.0)


def test_rmsd_ignores_rotation_and_translation_only():
    """Detects a missing centring or rotation, and a wrong denominator."""
    generator = np.random.default_rng(2)
    reference = helix(12)[0]
    moved = np.stack([reference @ random_rotation(generator) + generator.normal(size=3) * 9 for _ in range(20)])
    np.testing.assert_allclose(rmsd(moved, reference), 0.0, atol=1e-6)
    stretched = reference - reference.mean(axis=0)
    expected = 0.1 * np.sqrt(np.mean(np.sum(stretched**2, axis=1)))
    np.testing.assert_allclose(rmsd(1.1 * reference[None], reference), expected, rtol=1e-9)


def test_mirror_image_does_not_superpose():
    """Detects an improper rotation; the mirror image of a chiral structure must keep its distance."""
    reference = helix(12)[0]
    mirrored = (reference * [-1, 1, 1])[None]
    assert rmsd(mirrored, reference)[0] > 1.0
    np.testing.assert_allclose(
        rmsd(mirrored, reference),
        np.sqrt(np.mean(np.sum((superposed(mirrored, reference)[0] - reference) ** 2, axis=1)))[None],
    )


def test_rmsd_is_the_minimum_over_rotations():
    """Brute force over rotations; detects a superposition that is not the best one."""
    generator = np.random.default_rng(3)
    reference, other = generator.normal(size=(2, 8, 3))
    best = rmsd(other[None], reference)[0]
    a, b = reference - reference.mean(axis=0), other - other.mean(axis=0)
    tried = [np.sqrt(np.mean(np.sum((b @ random_rotation(generator) - a) ** 2, axis=1))) for _ in range(20000)]
    assert best <= min(tried) <= best + 0.05
    ours = superposed(other[None], reference)[0]
    assert np.sqrt(np.mean(np.sum((ours - reference) ** 2, axis=1))) == pytest.approx(best)


def test_native_contacts_are_all_there_or_gone():
    """Detects contacts counted twice, wrong pairs, a sign of the exponent, and a number where there are no contacts."""
    native = helix(9)[0]
    frames = np.stack([native, 4 * native])
    assert observables.native_contacts(frames, native, chain(9), 8.0, 3) == pytest.approx([1.0, 0.0], abs=2e-2)
    rod = np.arange(9)[:, None] * np.array([[3.8, 0.0, 0.0]])
    assert np.isnan(observables.native_contacts(frames, rod, chain(9), 8.0, 3)).all()


def test_contacts_count_pairs_by_cutoff_and_separation():
    """Detects a wrong cutoff, separation or share of frames, against a loop."""
    generator = np.random.default_rng(4)
    R = generator.normal(size=(5, 9, 3)) * 5
    topology = chain(9, [0, 1, 2, 3, 4, 9, 10, 11, 12], [0] * 5 + [1] * 4)
    expected = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            other_chain = topology.chain[i] != topology.chain[j]
            if i != j and (other_chain or abs(topology.residue[i] - topology.residue[j]) > 3):
                expected[i, j] = np.mean(np.linalg.norm(R[:, i] - R[:, j], axis=1) < 8.0)
    assert expected.max() > 0 and expected.min() == 0
    np.testing.assert_allclose(observables.contact_map(R, topology, 8.0, 3), expected)
