"""Where the data end the network is absent: no weights whatever can bring beads together or tear bonds.

The adversary's networks have random weights a hundred times too large. What it cannot find is no proof; the argument
is in ``docs/model.md``.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from adversary import descend, extremes, starts
from model_toys import SIZES

from cgpipe.data.topology import Topology
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.physics.prior import Weights
from cgpipe.physics.support import MARGIN, Support
from cgpipe.training.ceiling import with_ceiling

WILD = 100.0
"""Factor on the random network's energies."""
NO_WEIGHTS = Weights(0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module", autouse=True)
def well_compiled():
    """The adversary's thousands of steps take longer than compiling them well does."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


class _Raised(Allegro):
    """A network whose energies are 100 kcal/mol higher wherever beads are present: no force on the data tells."""

    shift = 100.0

    def bead_energies(self, R, topology, neighbours, presence, lean=None):
        return super().bead_energies(R, topology, neighbours, presence, lean) + self.shift * presence


def _wild(prior, seed, kind=Allegro):
    settings = AllegroSettings(SIZES, 1, 3, len(prior.types), prior.cutoff, mean_neighbours=6.0, energy_scale=20.0)
    network = eqx.filter_jit(kind)(settings, jax.random.key(seed))
    larger = jax.tree.map(lambda w: w * WILD**0.5 if eqx.is_inexact_array(w) else w, network.readout)
    return Potential(prior, eqx.tree_at(lambda n: n.readout, network, larger), prior.cutoff, 64)


class _Everywhere(Support):
    """No limits: every bead is present."""

    def presence(self, R, topology):
        return jnp.ones(len(R), R.dtype)


def _unlimited(potential):
    support = _Everywhere(*potential.prior.support)
    return dataclasses.replace(potential, prior=dataclasses.replace(potential.prior, support=support))


def _chain(frames):
    return Topology(*(jnp.asarray(field[0]) for field in frames.topology))


def _broken(potential, frames, number, seed):
    """Which of so many starts end with beads together or with a torn bond."""
    support = potential.prior.support
    R = descend(potential, jnp.asarray(starts(frames.R, number, seed)), _chain(frames), 2, 120)
    closest, longest = extremes(np.asarray(R))
    return (closest <= 0.5 * min(support.shortest)) | (longest >= 1.5 * support.longest_bond)


@pytest.mark.parametrize("seed", [1, 5])
def test_no_minimum_is_broken(demo_chains, demo_prior, seed):
    """Detects a network that can make beads overlap or tear bonds: 1,000 random and compressed starts, two networks.

    The same networks without the envelope break nearly all chains: the adversary is strong enough.
    """
    prior, _ = demo_prior
    frames, network = demo_chains["cln025"], _wild(prior, seed)
    assert not _broken(network, frames, 500, seed).any()
    assert _broken(_unlimited(network), frames, 40, seed).mean() > 0.5


def test_leaving_the_data_costs_whatever_the_networks_constant(demo_chains, demo_prior):
    """Detects a network whose free constant pays a chain for leaving the data: with the ceiling no bead on data has
    more energy than an absent one.

    Cannot detect what a network that has never seen a structure does between data and the end of the margin.
    """
    prior, _ = demo_prior
    frames, chain = demo_chains["cln025"], _chain(demo_chains["cln025"])
    raised = _wild(prior, 3, _Raised)
    held = with_ceiling(raised, [frames])
    out = frames.R[0].copy()
    out[9] = out[8] + (out[9] - out[8]) * 1.2 * prior.support.longest_bond / np.linalg.norm(out[9] - out[8])
    R = jnp.asarray(np.concatenate([frames.R[::200], out[None]]))

    @eqx.filter_jit
    def network_energies(potential):
        alone = dataclasses.replace(potential, prior=dataclasses.replace(prior, weights=NO_WEIGHTS))
        return jax.vmap(lambda x: alone.bead_energies(x, chain)[0])(R)

    before, after = (np.asarray(network_energies(model)) for model in (raised, held))
    assert before[:-1].min() > 0.0 == before[-1, 9]
    assert after[:-1].max() <= 1e-3 and after[-1, 9] == 0.0
    ceiling = np.broadcast_to(held.ceiling[chain.species], after[:-1].shape)
    np.testing.assert_allclose((before - after)[:-1], ceiling, rtol=1e-4)


def test_presence_is_one_on_all_data(demo_chains, demo_prior):
    """Detects an envelope that changes anything where there are data."""
    prior, _ = demo_prior
    for frames in demo_chains.values():
        presence = jax.jit(jax.vmap(prior.support.presence))(jnp.asarray(frames.R), frames.topology)
        assert bool((presence == 1).all())


@pytest.mark.parametrize("how", ["bond too long", "bond too short"])
def test_a_bead_outside_the_data_is_absent(demo_chains, demo_prior, how):
    """Detects a network that still acts on such a bead, or through it on others; and one that is absent everywhere.

    Cannot detect the force that an absent bead feels from the fading of a third one that is inside its margin.
    """
    prior, _ = demo_prior
    frames, chain = demo_chains["cln025"], _chain(demo_chains["cln025"])
    R = frames.R[0].copy()
    length = 1.01 * (1 + MARGIN) * prior.support.longest_bond if "long" in how else 0.95 * (1 - MARGIN) * 3.6
    R[9] = R[8] + (R[9] - R[8]) * length / np.linalg.norm(R[9] - R[8])
    full = _wild(prior, 3)
    evaluate = eqx.filter_jit(lambda potential, R: potential.evaluate(R, chain).forces)
    network = np.asarray(evaluate(full, R) - evaluate(eqx.tree_at(lambda p: p.network, full, None), R))
    absent = np.asarray(prior.support.presence(jnp.asarray(R), chain)) == 0
    assert absent[9] and not absent.all()
    assert np.abs(network[absent]).max() < 1e-3 * np.abs(network[~absent]).max()


def test_presence_is_twice_differentiable(demo_chains, demo_prior):
    """Detects a kink of value, slope or curvature where a contact or a bond crosses either end of the margin."""
    prior, _ = demo_prior
    with jax.enable_x64(True):
        R, chain = jnp.asarray(demo_chains["cln025"].R[0], jnp.float64), _chain(demo_chains["cln025"])

        def along(r):
            return prior.support.presence(R.at[9].set(R[8] + (R[9] - R[8]) * r / jnp.linalg.norm(R[9] - R[8])), chain)[
                9
            ]

        longest, h = prior.support.longest_bond, 1e-8
        for derivative in (along, jax.grad(along), jax.grad(jax.grad(along))):
            value = jax.jit(derivative)
            for end in (longest, (1 + MARGIN) * longest):
                assert abs(float(value(end + h) - value(end - h))) < 1e-2
        assert float(along(longest)) == 1.0 and float(along((1 + MARGIN) * longest)) == 0.0


def test_limits_are_static_and_travel(demo_prior):
    """Detects limits that training could move, or that a file loses."""
    prior, _ = demo_prior
    assert type(prior).from_json(prior.to_json()).support == prior.support
    without = dataclasses.replace(prior, support=None)
    assert len(jax.tree.leaves(prior)) == len(jax.tree.leaves(without))
