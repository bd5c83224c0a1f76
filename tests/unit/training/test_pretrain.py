"""Force matching of the prior on forces that a known prior gave. Whether real data determine it is not tested."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from model_toys import CUTOFF, toy_prior
from training_toys import same_bits, toy_frames

from cgpipe.data.store import Frames
from cgpipe.model.potential import Potential
from cgpipe.training.pretrain import pretrain


def test_parameters_of_the_bonds_are_recovered():
    """From wrong force constants back to those that made the forces, to 1 %; limits of the data stay, types without
    data too."""
    true = Potential(toy_prior(), None, CUTOFF, 8)

    def frames_of(frames: Frames) -> Frames:
        forces = jax.jit(jax.vmap(true.evaluate))(jnp.asarray(frames.R), frames.topology).forces
        return frames._replace(F=np.asarray(forces))

    training, heldout = frames_of(toy_frames(40, 3)), frames_of(toy_frames(10, 3, seed=1))
    start = eqx.tree_at(lambda p: p.prior.bond_k, true, replace_fn=lambda k: 0.5 * k)
    fitted = pretrain(start, [training], [heldout], steps=60, tolerance=1e-6)
    assert fitted.mse_after < 1e-2 * fitted.mse_before
    assert fitted.heldout_mse_after < 1e-2 * fitted.heldout_mse_before
    assert 0 < fitted.steps <= 60
    for pair in ((0, 1), (1, 2)):
        np.testing.assert_allclose(fitted.prior.bond_k[pair], true.prior.bond_k[pair], rtol=0.01)
    assert fitted.prior.bond_k[3, 3] == start.prior.bond_k[3, 3]
    assert same_bits(fitted.prior.angle_upper, true.prior.angle_upper)
