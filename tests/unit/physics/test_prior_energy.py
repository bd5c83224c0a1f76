"""The prior as one energy of a structure: symmetries, gradients, padding, topology, files."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prior_toys import energies, forces, terms_of, topology, toy_prior, walk

from cgpipe.artefact import header, write_json
from cgpipe.data.topology import Topology
from cgpipe.errors import UserError
from cgpipe.physics.prior import Prior, Weights, read_prior

BEADS = 14


def _compact(seed):
    """A chain squeezed so that every term acts, contacts included."""
    return 0.75 * walk(BEADS, seed)


def test_rotation_and_translation():
    """Detects a term that depends on the frame of reference."""
    with jax.enable_x64(True):
        prior, R, chain = toy_prior(), _compact(3), topology(BEADS)
        q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
        q *= np.sign(np.linalg.det(q))
        moved = R @ q.T + np.array([10.0, -20.0, 5.0])
        before, after = (energies(prior, jnp.asarray(x), chain) for x in (R, moved))
        np.testing.assert_allclose(before, after, rtol=1e-9)
        turned = forces(prior, jnp.asarray(R), chain) @ q.T
        np.testing.assert_allclose(turned, forces(prior, jnp.asarray(moved), chain), rtol=1e-7, atol=1e-7)


def test_order_of_chains_and_mirror_image():
    """Detects energies that depend on which chain comes first, or a dihedral term blind to handedness."""
    with jax.enable_x64(True):
        prior = toy_prior()
        R = jnp.asarray(np.concatenate([_compact(4)[:6], _compact(5)[:8] + 2.0]))
        chain = topology(BEADS, [0] * 6 + [1] * 8, [*range(6), *range(8)])
        order = np.r_[6:14, 0:6]
        swapped = energies(prior, R[order], Topology(*(field[order] for field in chain)))
        np.testing.assert_allclose(energies(prior, R, chain)[order], swapped, rtol=1e-9)
        mirrored = energies(prior, R * jnp.asarray([1.0, 1.0, -1.0]), chain)
        assert abs(float(mirrored.sum() - swapped.sum())) > 1e-3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_forces_are_numeric_gradients(seed):
    """Detects a wrong gradient anywhere in the sum, to 1e-6 relative in double precision."""
    with jax.enable_x64(True):
        prior, chain = toy_prior(), topology(BEADS)
        R = jnp.asarray(_compact(seed))
        total = jax.jit(lambda R: energies(prior, R, chain).sum())
        h = 1e-5
        numeric = np.zeros((BEADS, 3))
        for index in np.ndindex(BEADS, 3):
            numeric[index] = -(total(R.at[index].add(h)) - total(R.at[index].add(-h))) / (2 * h)
        analytic = np.asarray(forces(prior, R, chain))
        assert np.abs(analytic - numeric).max() < 1e-6 * np.abs(analytic).max()


def test_every_term_acts_and_weights_scale():
    """Detects a term that is silently zero, a weight that is ignored, or terms that do not add up."""
    prior, chain = toy_prior(), topology(BEADS)
    R = jnp.asarray(_compact(3), jnp.float32)
    terms = terms_of(prior, R, chain)
    assert all(float(jnp.abs(energy).sum()) > 1e-3 for energy in terms.values())
    np.testing.assert_allclose(sum(terms.values()), energies(prior, R, chain), rtol=1e-5)
    even = Prior.from_json({**prior.to_json(), "weights": Weights()._asdict()})
    for name, energy in terms_of(even, R, chain).items():
        np.testing.assert_allclose(terms[name], getattr(prior.weights, name) * energy, rtol=1e-5)
    assert len(set(prior.weights)) == len(Weights._fields)


def test_owners():
    """Detects energy given to another bead than the documented owner."""
    prior, R = toy_prior(), jnp.asarray(walk(4, 6), jnp.float32)
    chain = topology(4)
    terms = terms_of(prior, R, chain)
    assert np.nonzero(np.asarray(terms["bond"]))[0].tolist() == [0, 1, 2]
    assert np.nonzero(np.asarray(terms["angle"]))[0].tolist() == [1, 2]
    assert np.nonzero(np.asarray(terms["dihedral"]))[0].tolist() == [1]


@pytest.mark.parametrize("garbage", ["far", "on top", "coincident", "nan", "inf"])
def test_padding_changes_nothing(garbage):
    """Detects any influence of padded rows on energies or forces of real beads, and energy or force on padding."""
    prior, R = toy_prior(), np.asarray(_compact(3), np.float32)
    fill = {"far": 1e6, "on top": R[2], "coincident": 0.0, "nan": np.nan, "inf": np.inf}[garbage]
    padded = np.concatenate([R, np.broadcast_to(np.float32(fill), (5, 3))])
    mask = np.arange(BEADS + 5) < BEADS
    chain = topology(BEADS + 5, mask=mask)
    chain = chain._replace(species=jnp.where(chain.mask, chain.species, 99))
    alone = energies(prior, jnp.asarray(R), topology(BEADS))
    within = energies(prior, jnp.asarray(padded), chain)
    np.testing.assert_allclose(within[:BEADS], alone, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(within[BEADS:], 0)
    both = forces(prior, jnp.asarray(padded), chain)
    np.testing.assert_allclose(both[:BEADS], forces(prior, jnp.asarray(R), topology(BEADS)), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(both[BEADS:], 0)


@pytest.mark.parametrize("beads", [1, 2, 3])
def test_nothing_but_padding_and_short_chains(beads):
    """Detects crashes and NaN where no term exists."""
    prior, R = toy_prior(), jnp.full((beads, 3), jnp.nan, jnp.float32)
    chain = topology(beads, mask=[False] * beads)
    np.testing.assert_array_equal(energies(prior, R, chain), 0)
    np.testing.assert_array_equal(forces(prior, R, chain), 0)
    assert bool(jnp.isfinite(energies(prior, jnp.asarray(walk(beads, 0), jnp.float32), topology(beads))).all())


@pytest.mark.parametrize("case", ["collinear", "folded back", "all coincident", "two coincident"])
def test_forces_are_finite_in_singular_geometry(case):
    """Detects NaN and overflow in single precision; not whether the finite forces are useful."""
    R = np.arange(BEADS)[:, None] * np.array([3.8, 0.0, 0.0])
    if case == "folded back":
        R[5:] = R[4] - (R[5:] - R[4])
    if case == "all coincident":
        R[:] = 0.0
    if case == "two coincident":
        R = walk(BEADS, 1)
        R[9] = R[2]
    R = jnp.asarray(R, jnp.float32)
    force = forces(toy_prior(), R, topology(BEADS))
    assert bool(jnp.isfinite(force).all()) and float(jnp.abs(force).max()) < 1e5


def test_a_gap_breaks_bonded_terms_and_counts_as_distance():
    """Detects bonds, angles or dihedrals across missing residues, and separations counted in rows."""
    prior, R = toy_prior(), jnp.asarray(walk(8, 2), jnp.float32)
    chain = topology(8, residue=[0, 1, 2, 3, 14, 15, 16, 17])
    terms = terms_of(prior, R, chain)
    assert np.nonzero(np.asarray(terms["bond"]))[0].tolist() == [0, 1, 2, 4, 5, 6]
    assert np.nonzero(np.asarray(terms["angle"]))[0].tolist() == [1, 2, 5, 6]
    assert np.nonzero(np.asarray(terms["dihedral"]))[0].tolist() == [1, 5]
    together, apart = topology(2, residue=[0, 4]), topology(2, residue=[0, 14])
    close = jnp.asarray([[0.0, 0, 0], [3.0, 0, 0]], jnp.float32)
    for chain, acts, rests in ((together, "excluded", "repulsion"), (apart, "repulsion", "excluded")):
        terms = terms_of(prior, close, chain)
        assert float(terms[acts].sum()) > 1 and float(terms[rests].sum()) == 0
    other = topology(2, [0, 1], [0, 1])
    terms = terms_of(prior, close, other)
    assert float(terms["repulsion"].sum()) > 1 and float(terms["bond"].sum()) == 0


def test_json_gives_the_same_bits(tmp_path):
    """Detects any loss in the file, and a wrong kind of file being accepted."""
    prior = toy_prior()
    path = tmp_path / "prior.json"
    write_json(path, header("prior", {}, {}), {"prior": prior.to_json()})
    again = read_prior(path)
    assert eqx.tree_equal(prior, again)
    assert json.dumps(again.to_json()) == json.dumps(prior.to_json())
    write_json(path, header("model", {}, {}), {"prior": prior.to_json()})
    with pytest.raises(UserError, match="expected a 'prior' file"):
        read_prior(path)


def test_limits_of_the_data_are_not_trainable():
    """Detects a filter that would let an optimiser move the walls."""
    frozen = eqx.filter(toy_prior().trainable(), lambda leaf: leaf is False)
    assert len(jax.tree.leaves(frozen)) == 3
