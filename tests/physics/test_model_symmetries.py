"""What a strictly local energy of distances and directions must not depend on. Prior and network together, small sizes.

These tests detect broken symmetries and leaks between structures, of energies and forces; not a wrong energy that has
all the symmetries.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_toys import CUTOFF, chain_positions, chain_topology, evaluate, toy_potential
from scipy.spatial.transform import Rotation

from cgpipe.data.topology import Topology

BEADS = 9
R = chain_positions(BEADS)
TOPOLOGY = chain_topology(BEADS)
ROTATION = jnp.asarray(Rotation.from_rotvec([1.0, -2.0, 0.4]).as_matrix(), jnp.float32)


def close(found, expected, scale=1.0):
    np.testing.assert_allclose(found, expected, atol=2e-4 * scale)


def joined(first: Topology, second: Topology, chain: int) -> Topology:
    """Two topologies one after the other, the second as another chain."""
    second = second._replace(chain=jnp.full_like(second.chain, chain))
    return Topology(*(jnp.concatenate(pair) for pair in zip(first, second, strict=True)))


@pytest.mark.parametrize("l_max", [1, 2])
def test_rotation_and_translation(l_max):
    """Energies stay, forces turn: catches any coefficient, harmonic or vector that does not transform."""
    potential = toy_potential(l_max, prior=l_max == 1)
    before, after = (evaluate(potential, x, TOPOLOGY) for x in (R, R @ ROTATION.T + 3.0))
    close(after.bead_energies, before.bead_energies)
    close(after.forces, before.forces @ ROTATION.T, scale=10.0)
    assert np.abs(before.forces).max() > 0.1


def test_network_does_not_see_handedness():
    """Energies of a structure and its mirror image agree without the prior's dihedrals: o3 symmetry of the network."""
    potential = toy_potential(prior=False)
    before, after = (evaluate(potential, x, TOPOLOGY) for x in (R, -R))
    close(after.bead_energies, before.bead_energies)
    close(after.forces, -before.forces, scale=10.0)


def test_forces_do_no_work_on_the_whole():
    """Net force and torque vanish: catches forces that are no gradient of an invariant energy."""
    forces = evaluate(toy_potential(), R, TOPOLOGY).forces
    close(forces.sum(0), 0.0, scale=10.0)
    close(jnp.cross(R, forces).sum(0), 0.0, scale=100.0)


def test_order_of_chains_does_not_matter():
    """Two interacting chains in either order have the same energies: catches array positions used as identity."""
    shifted = chain_positions(BEADS, seed=1) + jnp.asarray([6.0, 0.0, 0.0])
    forward = evaluate(toy_potential(), jnp.concatenate([R, shifted]), joined(TOPOLOGY, TOPOLOGY, 1))
    backward = evaluate(toy_potential(), jnp.concatenate([shifted, R]), joined(TOPOLOGY, TOPOLOGY, 1))
    alone = evaluate(toy_potential(), R, TOPOLOGY)
    close(forward.bead_energies[:BEADS], backward.bead_energies[BEADS:])
    close(forward.forces[BEADS:], backward.forces[:BEADS], scale=10.0)
    assert np.abs(forward.bead_energies[:BEADS] - alone.bead_energies).max() > 0.01


def test_far_apart_structures_add():
    """Beyond the cutoff nothing is felt: catches any non-local term."""
    far = chain_positions(BEADS, seed=1) + 200.0
    both = evaluate(toy_potential(), jnp.concatenate([R, far]), joined(TOPOLOGY, TOPOLOGY, 1))
    for rows, x in ((slice(0, BEADS), R), (slice(BEADS, None), far)):
        alone = evaluate(toy_potential(), x, TOPOLOGY)
        close(both.bead_energies[rows], alone.bead_energies)
        close(both.forces[rows], alone.forces, scale=10.0)


def test_isolated_bead_has_the_shift_of_its_type():
    """A bead with no neighbour has no energy but its type's shift, and no force."""
    potential = toy_potential()
    positions = R.at[-1].set(500.0)
    topology = TOPOLOGY._replace(residue=TOPOLOGY.residue.at[-1].set(77))
    found = evaluate(potential, positions, topology)
    assert found.bead_energies[-1] == potential.network.type_shift[TOPOLOGY.species[-1]]
    assert not np.any(found.forces[-1])


@pytest.mark.parametrize("filler", [0.0, np.nan, 1e6])
def test_padding_has_no_effect(filler):
    """Whatever padded rows hold, real beads are the same within rounding, and padded ones zero."""
    padded = chain_topology(BEADS, padding=3)
    alone = evaluate(toy_potential(), R, TOPOLOGY)
    found = evaluate(toy_potential(), jnp.concatenate([R, jnp.full((3, 3), filler)]), padded)
    close(found.bead_energies[:BEADS], alone.bead_energies)
    close(found.forces[:BEADS], alone.forces, scale=10.0)
    assert not np.any(found.bead_energies[BEADS:])
    assert not np.any(found.forces[BEADS:])
    assert found.needed == alone.needed


def test_only_padding():
    """A structure without a real bead has no energy, and nothing is NaN."""
    nothing = TOPOLOGY._replace(mask=jnp.zeros(BEADS, bool))
    found = evaluate(toy_potential(), jnp.full((BEADS, 3), jnp.nan), nothing)
    assert not np.any(found.bead_energies)
    assert not np.any(found.forces)
    assert found.needed == 0


def test_layout_of_edges_has_no_effect_until_there_is_too_little_room():
    """All pairs, rows, and rows with room to spare agree; too few are reported. Catches empty slots that contribute."""
    beads = 24
    positions, topology = chain_positions(beads, seed=2), chain_topology(beads, padding=2)
    positions = jnp.concatenate([positions, positions[:2]])
    pairs = evaluate(toy_potential(slots=64), positions, topology)
    roomy = evaluate(toy_potential(slots=22), positions, topology)
    needed = int(roomy.needed)
    assert needed < 22, "the test needs beads that do not all see each other"
    for rows in (roomy, evaluate(toy_potential(slots=needed), positions, topology)):
        close(rows.bead_energies, pairs.bead_energies)
        close(rows.forces, pairs.forces, scale=10.0)
    assert evaluate(toy_potential(slots=needed - 2), positions, topology).needed == needed


def test_single_bead():
    """The smallest structure there is."""
    found = evaluate(toy_potential(), jnp.ones((1, 3)), chain_topology(1))
    assert found.bead_energies.shape == (1,)
    assert not np.any(found.forces)


@pytest.mark.parametrize("squeeze", [0.0, 1e-4, 0.05, 1.5])
def test_extreme_geometries_are_finite(squeeze):
    """Coinciding, collapsed and stretched chains: catches 0/0 in value or gradient, not unphysical energies."""
    found = evaluate(toy_potential(), squeeze * R, TOPOLOGY)
    assert np.all(np.isfinite(found.bead_energies))
    assert np.all(np.isfinite(found.forces))
    line = jnp.arange(BEADS)[:, None] * jnp.asarray([3.8, 0.0, 0.0])
    assert np.all(np.isfinite(evaluate(toy_potential(), line, TOPOLOGY).forces))


def test_distance_beyond_the_cutoff_is_needed_for_the_tests_above():
    """The toy chain is longer than the cutoff: otherwise locality would not be tested."""
    assert np.linalg.norm(R[:, None] - R[None], axis=-1).max() > CUTOFF


def test_batch_is_its_structures():
    """Many structures at once give what each gives alone: catches anything that mixes along the batch."""
    potential = toy_potential()
    several = jnp.stack([R, 0.9 * R, R[::-1]])
    topologies = Topology(*(jnp.stack([field] * 3) for field in TOPOLOGY))
    batched = eqx.filter_jit(lambda p, many: p.evaluate_many(many, topologies))(potential, several)
    for row, x in enumerate(several):
        alone = evaluate(potential, x, TOPOLOGY)
        close(batched.bead_energies[row], alone.bead_energies, scale=10.0)
        close(batched.forces[row], alone.forces, scale=100.0)
        assert batched.needed[row] == alone.needed


def test_frames_of_a_batch_do_not_feel_each_other():
    """The gradient of one frame's forces with respect to another frame's positions is exactly zero."""
    potential = toy_potential()
    several = jnp.stack([R, 0.9 * R, R + 1.0])

    topologies = Topology(*(jnp.stack([field] * 3) for field in TOPOLOGY))

    def force_on_the_first(many):
        return jnp.sum(potential.evaluate_many(many, topologies).forces[0] ** 2)

    gradient = jax.jit(jax.grad(force_on_the_first))(several)
    assert np.any(gradient[0])
    assert not np.any(gradient[1:])


def test_repeats_are_bit_equal():
    """The same call gives the same bits; of a compiled program on one machine, not between machines."""
    potential = toy_potential(slots=5)
    first, second = (evaluate(potential, R, TOPOLOGY) for _ in range(2))
    np.testing.assert_array_equal(first.bead_energies, second.bead_energies)
    np.testing.assert_array_equal(first.forces, second.forces)


def test_ten_thousand_padded_structures_with_coincident_beads_are_finite():
    """0…6 real beads, two of which may coincide, padded rows on top of real ones: no NaN, and zero for pads."""
    beads, structures = 6, 10_000
    rng = np.random.default_rng(0)
    positions = rng.normal(scale=rng.choice([0.01, 1.0, 5.0], (structures, 1, 1)), size=(structures, beads, 3))
    positions[:, 1] = np.where(rng.random((structures, 1)) < 0.5, positions[:, 0], positions[:, 1])
    masks = np.arange(beads) < rng.integers(0, beads + 1, (structures, 1))
    positions = np.where(masks[..., None], positions, positions[:, :1])
    potential = toy_potential(slots=4)

    @eqx.filter_jit(compiler_options={"xla_backend_optimization_level": 0})
    def evaluate_all(potential, positions, masks):
        one = chain_topology(beads)
        found = jax.lax.map(
            lambda x: potential.evaluate(x[0], one._replace(mask=x[1])), (positions, masks), batch_size=500
        )
        return found.bead_energies, found.forces

    for values in evaluate_all(potential, jnp.asarray(positions, jnp.float32), jnp.asarray(masks)):
        assert np.all(np.isfinite(values))
        assert not np.any(np.asarray(values)[~masks])
