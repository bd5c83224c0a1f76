"""Temperature as an input of a model: E(R; T) = U(R) − T S(R), and the ordinary potential that it is at one T.

The energy that a model of beads stands for is a free energy, and −∂F/∂T is its entropy S. It is written about the
mean temperature T₀ of the training frames, E = E₀(R) − (T − T₀) S(R), so that both parts are determined by what the
data hold: the mean, and how it changes. With the network's second readout E₁ = −T₀ S,

    E = E₀ + (T − T₀)/T₀ E₁,        U = E₀ − E₁,

so E₁ has the size of an energy. It begins at zero: what the data do not show to depend on T does not. The readout is
linear in its last weights, so at one temperature both columns of these become one, and what is left is an ordinary
network. Nothing behind the training knows of temperature as an input.
"""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from cgpipe.data.one_temperature import refuse_outside
from cgpipe.model.allegro import Allegro
from cgpipe.model.potential import Potential
from cgpipe.physics.prior import prior_at


def with_entropy(network: Allegro) -> Allegro:
    """The network with a second readout, which is zero."""
    return _with_last(network, jnp.pad(network.readout.weights[-1], ((0, 0), (0, 1))))


def at_temperature(potential: Potential, temperature: float, what: str = "") -> Potential:
    """The ordinary potential at one temperature [K]; one that does not depend on temperature is returned as it is.

    Weights may have an axis of the members of an ensemble in front.

    Args:
        potential: as trained.
        temperature: between those of the training frames [K].
        what: whose temperature it is, for the message; see `refuse_outside`.

    Raises:
        UserError: the temperature is outside the range of the training frames.
    """
    known = potential.temperatures
    if known is None:
        return potential
    refuse_outside(temperature, known.lowest, known.highest, what)
    lean = known.lean(temperature)
    network, ceiling = potential.network, potential.ceiling
    if network is not None:
        weights = network.readout.weights[-1]
        network = _with_last(network, weights[..., :1] + lean * weights[..., 1:])
    return replace(
        potential,
        prior=None if potential.prior is None else prior_at(potential.prior, temperature),
        network=network,
        ceiling=None if ceiling is None else ceiling[..., 0, :] + lean * ceiling[..., 1, :],
        temperatures=None,
    )


def _with_last(network: Allegro, weights: Float[Array, "*members features readouts"]) -> Allegro:
    """The network with other weights of the readout's last map."""
    return eqx.tree_at(lambda changed: changed.readout.weights[-1], network, weights)
