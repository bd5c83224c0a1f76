"""Force matching of the prior on forces that a known prior gave. Whether real data determine it is not tested."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_toys import CUTOFF, toy_prior
from training_toys import same_bits, toy_frames

from cgpipe.data.store import Frames
from cgpipe.model.potential import Potential
from cgpipe.training import pretrain as module
from cgpipe.training.pretrain import pretrain

TRUE = Potential(toy_prior(), None, CUTOFF, 8)
START = eqx.tree_at(lambda p: p.prior.bond_k, TRUE, replace_fn=lambda k: 0.5 * k)


def frames_of(frames: Frames) -> Frames:
    forces = jax.jit(jax.vmap(TRUE.evaluate))(jnp.asarray(frames.R), frames.topology).forces
    return frames._replace(F=np.asarray(forces))


@pytest.fixture(scope="module")
def data():
    return [frames_of(toy_frames(40, 3))], [frames_of(toy_frames(10, 3, seed=1))]


@pytest.fixture(scope="module")
def fitted(data):
    return pretrain(START, *data, frames=64, steps=60, tolerance=1e-6)


def test_parameters_of_the_bonds_are_recovered(fitted):
    """From wrong force constants back to those that made the forces, to 1 %; limits of the data stay, types without
    data too."""
    assert fitted.mse_after < 1e-2 * fitted.mse_before
    assert fitted.heldout_mse_after < 1e-2 * fitted.heldout_mse_before
    assert 0 < fitted.steps <= 60
    for pair in ((0, 1), (1, 2)):
        np.testing.assert_allclose(fitted.prior.bond_k[pair], TRUE.prior.bond_k[pair], rtol=0.01)
    assert fitted.prior.bond_k[3, 3] == START.prior.bond_k[3, 3]
    assert same_bits(fitted.prior.angle_upper, TRUE.prior.angle_upper)


def test_bounds_of_the_fit(data, fitted):
    """Fewer frames are other frames; catches a limit of steps or a tolerance that is ignored."""
    few = pretrain(START, *data, frames=8, steps=2, tolerance=1e-6)
    assert few.steps == 2 < fitted.steps
    assert few.mse_before != fitted.mse_before
    assert pretrain(START, *data, frames=64, steps=60, tolerance=0.9).steps < fitted.steps


@pytest.mark.parametrize(("most", "chosen"), [(100, range(16)), (16, range(16)), (4, (0, 4, 8, 12)), (1, (0,))])
def test_frames_are_bounded_and_spread(most, chosen):
    """Catches all frames in memory, and a bound that takes the first protein only; a frame's force is its number."""
    buckets = [toy_frames(10, 3), toy_frames(6, 4, protein=1)]
    for number, frames in enumerate(buckets):
        frames.F[:] = (10 * number + np.arange(len(frames.F)))[:, None, None]
    chunks = module.chunked(buckets, most)
    np.testing.assert_array_equal(chunks.F[..., 0, 0][chunks.weight > 0], list(chosen))
    assert chunks.R.shape[1:] == (module.CHUNK, 4 if most > 1 else 3, 3)
