"""The prior as a function of temperature: linear in T, between one at the lowest and one at the highest temperature.

Energies, not parameters, are linear in temperature, U − T S: that of a bond in k and k r₀, that of a dihedral in
k cos γ and k sin γ, all others in their coefficients. These are fitted at each temperature and put on a straight line
in T, every temperature weighing as many as it has frames. Where the data end (the limits of the angles, σ of all pairs,
the support) and the second minimum of cis bonds are the same at all temperatures, read from all frames together. At one
temperature an ordinary prior remains.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree
from numpy import ndarray

from cgpipe.artefact import read_json
from cgpipe.data.one_temperature import only_one
from cgpipe.errors import UserError
from cgpipe.physics.prior.prior import Prior
from cgpipe.physics.support import Support

COMMON = ("angle_lower", "angle_upper", "repulsion_sigma", "excluded_sigma")
"""Tables that do not depend on temperature; those of the lowest one count."""


class ThermalPrior(eqx.Module):
    """Priors at two temperatures [K], which differ in their numbers only."""

    lowest: Prior
    highest: Prior
    temperatures: tuple[float, float] = eqx.field(static=True)

    def at(self, temperature: Float[Array, ""] | float) -> Prior:
        """The prior at one temperature [K]."""
        low, high = self.temperatures
        share = (temperature - low) / (high - low)
        mixed = jax.tree.map(lambda a, b: a + share * (b - a), _linear(self.lowest), _linear(self.highest))
        common = {name: getattr(self.lowest, name) for name in (*COMMON, "cis")}
        return replace(_parameters(mixed), **common)

    @property
    def types(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.lowest.types

    @property
    def support(self) -> Support | None:
        """Where the data end."""
        return self.lowest.support

    def trainable(self) -> PyTree[bool]:
        """As that of a prior; what is common to all temperatures is there once."""
        fixed = len(_common(self.highest))
        highest = eqx.tree_at(_common, self.highest.trainable(), [False] * fixed)
        return ThermalPrior(self.lowest.trainable(), highest, self.temperatures)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON-serialisable numbers."""
        return {
            "temperatures": list(self.temperatures),
            "lowest": self.lowest.to_json(),
            "highest": self.highest.to_json(),
        }


def straight_line(fits: Mapping[float, Prior], frames: Mapping[float, int]) -> ThermalPrior:
    """Priors at several temperatures → the line through them.

    Args:
        fits: temperature [K] → prior, equal in `COMMON` and in all that is not a number.
        frames: how many each one was fitted to.

    Raises:
        UserError: there is one temperature only.
    """
    temperatures = np.array(sorted(fits))
    if len(temperatures) < 2:
        raise UserError(only_one(float(temperatures[0]), "training frames"))
    weights = np.array([frames[one] for one in temperatures], float)
    mean = np.average(temperatures, weights=weights)
    off = temperatures - mean
    slopes = weights * off / np.sum(weights * off**2)
    low, high = float(temperatures[0]), float(temperatures[-1])

    def at(temperature: float) -> Prior:
        shares = weights / weights.sum() + slopes * (temperature - mean)
        return _parameters(jax.tree.map(lambda *values: _summed(shares, values), *map(_linear, ordered)))

    ordered = [fits[one] for one in temperatures]
    return ThermalPrior(at(low), at(high), (low, high))


def prior_at(prior: Prior | ThermalPrior, temperature: float) -> Prior:
    """The prior at one temperature [K]; one that does not depend on temperature is returned as it is."""
    return prior.at(temperature) if isinstance(prior, ThermalPrior) else prior


def prior_from_json(content: Mapping[str, Any]) -> Prior | ThermalPrior:
    """The prior that ``to_json`` described."""
    if "temperatures" not in content:
        return Prior.from_json(dict(content))
    low, high = content["temperatures"]
    return ThermalPrior(Prior.from_json(content["lowest"]), Prior.from_json(content["highest"]), (low, high))


def read_prior(path: Path) -> Prior | ThermalPrior:
    """The prior in a ``prior.json``.

    Raises:
        UserError: missing, damaged or another kind of file.
    """
    return prior_from_json(read_json(path, "prior")["prior"])


def _common(prior: PyTree) -> list[Any]:
    """The tables that do not depend on temperature, or what stands for them."""
    return [*(getattr(prior, name) for name in COMMON), *jax.tree.leaves(prior.cis)]


def _summed(shares: Float[ndarray, " fits"], values: tuple[Array, ...]) -> Array:
    stacked = np.stack([np.asarray(value, np.float64) for value in values])
    return jnp.asarray(np.tensordot(shares, stacked, axes=1), jnp.float32)


def _linear(prior: Prior) -> Prior:
    """The same tables with k r₀ for r₀, and k cos γ, k sin γ for k, γ."""
    k, phase = prior.dihedral_k, prior.dihedral_phase
    return replace(
        prior, bond_r0=prior.bond_k * prior.bond_r0, dihedral_k=k * jnp.cos(phase), dihedral_phase=k * jnp.sin(phase)
    )


def _parameters(tables: Prior) -> Prior:
    """The prior whose `_linear` these are."""
    x, y = tables.dihedral_k, tables.dihedral_phase
    none = (x == 0) & (y == 0)  # no phase, and no derivative
    x = jnp.where(none, 1.0, x)
    k = jnp.where(none, 0.0, jnp.sqrt(x**2 + y**2))
    return replace(tables, bond_r0=tables.bond_r0 / tables.bond_k, dihedral_k=k, dihedral_phase=jnp.arctan2(y, x))
