"""Analytic force fields with the signature of a bound program."""

import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Evaluated
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.plans import Plan


class Springs:
    """Bead i hangs on its own site by a spring of its own stiffness, so rows in another order get other forces.

    Every call's positions are kept in ``seen``.
    """

    def __init__(self, sites: np.ndarray, stiffness: np.ndarray | None = None):
        self.sites = sites
        self.stiffness = np.linspace(5.0, 15.0, len(sites)) if stiffness is None else stiffness
        self.seen: list[np.ndarray] = []

    def __call__(self, R: np.ndarray) -> Evaluated:
        self.seen.append(R.copy())
        return self.at(R)

    def at(self, R: np.ndarray) -> Evaluated:
        """Energy and forces, without keeping R."""
        shift = R - self.sites
        energies = 0.5 * self.stiffness * (shift**2).sum(axis=1)
        return Evaluated(float(energies.sum()), -self.stiffness[:, None] * shift, energies)


class FailsAt(Springs):
    """Raises something at its n-th call."""

    def __init__(self, sites: np.ndarray, call: int, failure: BaseException):
        super().__init__(sites)
        self.call = call
        self.failure = failure

    def __call__(self, R: np.ndarray) -> Evaluated:
        result = super().__call__(R)
        if len(self.seen) == self.call:
            raise self.failure
        return result


def unbonded(topology: Topology) -> BondWatch:
    """A watch over no bonds at all."""
    return BondWatch(np.zeros(len(topology.species) - 1, bool), np.zeros(0), 1.0)


def plan(steps: int, save_every: int = 10, **changes: float) -> Plan:
    """A short run at 300 K."""
    settings = {"temperature": 300.0, "timestep": 2.0, "damping": 0.1, "velocity_seed": 11, "noise_seed": 12}
    return Plan(title="test", steps=steps, save_every=save_every, **{**settings, **changes})
