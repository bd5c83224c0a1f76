"""Our own compiled functions at row counts on both sides of 16,384 and 32,768, where compilers change their ways.

Rows are the same few structures again and again, and none depends on another: so every result must be that of the few.
Their number is a prime, so that a result taken from another row is another number.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from model_toys import TYPES, chain_positions, double, toy_prior

from cgpipe.data.topology import Topology
from cgpipe.dynamics.batch import Dynamics
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.plans import Plan
from cgpipe.dynamics.trials import Condition, Trials
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Evaluation, Potential
from cgpipe.model.presets import PRESETS
from cgpipe.physics import geometry, observables
from cgpipe.physics.prior.splines import Splines
from cgpipe.physics.support import Support
from cgpipe.training.feed import Batch
from cgpipe.training.loss import frame_errors

FEW = 61
QUICKLY = {"xla_backend_optimization_level": 0}
"""The machine code is left as it is; operations are fused and handed to libraries as always, which is what is tried."""
BEADS, SLOTS, CUTOFF = 10, 8, 9.0
"""Of every structure; neighbour slots per bead; [Å]."""
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}
"""Of the largest value: single precision adds up forces of some hundred kcal/mol/Å."""


def structures(dtype: str) -> np.ndarray:
    """The few, all different [Å]."""
    return np.stack([chain_positions(BEADS, seed) for seed in range(FEW)]).astype(dtype)


def topologies(count: int) -> Topology:
    row = np.arange(BEADS, dtype=np.int32)
    fields = (row % TYPES, np.zeros_like(row), row, np.ones(BEADS, bool))
    return Topology(*(np.resize(field, (count, BEADS)) for field in fields))


def again(few: Any, count: int) -> Any:
    """The same rows again and again, so many in all."""
    return jax.tree.map(lambda x: np.resize(x, (count, *x.shape[1:])), few)


def require_same_rows(found: Any, few: Any, count: int, dtype: str) -> None:
    for values, right in zip(jax.tree.leaves(found), jax.tree.leaves(again(few, count)), strict=True):
        np.testing.assert_allclose(values, right, rtol=0, atol=TOLERANCE[dtype] * np.abs(right).max())


def compared(made: Callable[[str], Callable], counts: dict[str, int], uncompiled: bool = False) -> None:
    """Compiled functions of many structures against the few.

    Args:
        made: gives the function for a dtype.
        counts: number of structures by dtype.
        uncompiled: the few are evaluated operation by operation, in double precision; otherwise they are the first of
            the many, which is where such faults have not begun.
    """
    with jax.enable_x64(True):
        right = jax.device_get(made("float64")(jnp.asarray(structures("float64")))) if uncompiled else None
        for dtype, count in counts.items():
            found = jax.device_get(jax.jit(made(dtype), compiler_options=QUICKLY)(again(structures(dtype), count)))
            few = jax.tree.map(lambda x: x[:FEW], found) if right is None else right
            require_same_rows(found, few, count, dtype)


def prior(dtype: str):
    """A prior of every kind of term, with splines and the limits of the data; some structures are beyond them."""
    rng = np.random.default_rng(1)
    shapes = {"bond": (TYPES, TYPES, 9), "angle": (TYPES, 9), "dihedral": (TYPES, TYPES, 9)}
    splines = Splines(**{name: jnp.asarray(rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()})
    made = replace(toy_prior(), splines=splines, support=Support((3.7, 3.6, 3.6, 3.6, 3.6, 3.6), 3.9))
    return made if dtype == "float32" else double(made)


def potential(dtype: str, size: str, l_max: int = 1, channels: int = 4) -> Potential:
    settings = AllegroSettings(PRESETS[size], l_max, channels, TYPES, CUTOFF, mean_neighbours=6.0, energy_scale=20.0)
    network = eqx.filter_jit(Allegro)(settings, jax.random.key(0))
    return Potential(prior(dtype), network if dtype == "float32" else double(network), CUTOFF, SLOTS)


def test_geometry():
    """Lengths, angles and dihedrals of so many frames; no gradients, which are in the forces below."""
    topology = Topology(*(field[0] for field in topologies(1)))
    measures = (geometry.bond_lengths, geometry.angle_cosines, geometry.turns, geometry.angles, geometry.dihedrals)
    function = jax.vmap(lambda R: [measure(R, topology)[:-1] for measure in measures])
    compared(lambda dtype: function, {"float32": 32_769, "float64": 16_385}, uncompiled=True)


def alone(dtype: str) -> Potential:
    return Potential(prior(dtype), None, CUTOFF, SLOTS)


def test_prior_and_forces():
    """Every term, the neighbours and forces at more than 32,768 edges; nothing of the network."""
    edges = BEADS * SLOTS
    counts = {"float32": 40_001 // edges, "float64": 40_001 // edges}
    compared(lambda dtype: lambda R: alone(dtype).evaluate_many(R, topologies(len(R))), counts, uncompiled=True)


def test_errors_of_frames():
    """Sums over each of more than 32,768 frames that a loss is made of."""

    def made(dtype: str) -> Callable:
        def function(R: jax.Array) -> Any:
            ones = np.ones(len(R), dtype)
            return frame_errors(alone(dtype), Batch(R, 0.1 * R, topologies(len(R)), ones, ones > 0, 300 * ones))[:2]

        return function

    compared(made, {"float32": 32_769})


def evaluation(size: str, l_max: int) -> Callable[[str], Callable]:
    """Energies and forces of prior and network, for a dtype."""

    def made(dtype: str) -> Callable:
        model = potential(dtype, size, l_max)
        return lambda R: model.evaluate_many(R, topologies(len(R)))

    return made


def test_small_network():
    """Energies and forces at more than 32,768 edges, in double precision 16,384."""
    edges = BEADS * SLOTS
    compared(evaluation("small", 1), {"float32": 40_001 // edges, "float64": 20_001 // edges})


def test_default_network():
    """Energies and forces at more than 32,768 edges."""
    compared(evaluation("default", 2), {"float32": 40_001 // (BEADS * SLOTS)})


def test_observables():
    """Bonds and angles of chains of 160 beads in plain numpy: 256 frames are measured at once, 40,960 beads."""
    rng = np.random.default_rng(0)
    R = np.cumsum(rng.normal(scale=2.2, size=(300, 160, 3)), axis=1)
    row = np.arange(160, dtype=np.int32)
    topology = Topology(row, np.zeros_like(row), row, np.ones(160, bool))
    bonds = np.diff(R, axis=1)
    lengths = np.linalg.norm(bonds, axis=-1)
    cosines = -np.sum(bonds[:, 1:] * bonds[:, :-1], axis=-1) / lengths[:, 1:] / lengths[:, :-1]
    np.testing.assert_allclose(observables.bond_lengths(R, topology), lengths, atol=1e-3)
    np.testing.assert_allclose(np.cos(np.radians(observables.bond_angles(R, topology))), cosines, atol=1e-3)


STIFFNESS = np.linspace(1.0, 2.0, BEADS)[:, None]
"""Of a spring from the origin to every bead [kcal/mol/Å²]: ∇²U is thrice their sum, everywhere."""
MASSES = np.full(BEADS, 110.0)


def springs(R: jax.Array) -> Evaluation:
    energies = 0.5 * (STIFFNESS * R**2).sum(-1)
    return Evaluation(energies, -STIFFNESS * R, jnp.zeros(len(R), jnp.int32))


def watch() -> BondWatch:
    return BondWatch(np.ones(BEADS - 1, bool), np.full(BEADS - 1, 3.8), 100.0)


def test_dynamics_of_many_replicas():
    """Positions, velocities, energies and fates of 32,770 beads; a replica's noise is a function of its seed alone."""
    plans = [Plan("made", 300.0, 4.0, 4, 4, 0.05, 1 + n, 1001 + n) for n in range(FEW)]
    few = structures("float64")
    count = -(-32_769 // BEADS)
    runs = []
    for replicas in (FEW, count):
        dynamics = Dynamics(springs, SLOTS, [plans[n % FEW] for n in range(replicas)], MASSES, watch(), devices=1)
        runs.append(dynamics.advance(dynamics.start(again(few, replicas)), 0, 4))
    assert runs[0].fate.alive.all()
    require_same_rows(runs[1], runs[0], count, "float64")


def test_trials_of_many_replicas():
    """The Laplacian that a temperature is made of, known in closed form, and energies in plain numpy."""
    condition, count = Condition("made", 300.0, 4.0, 0.05), -(-32_769 // BEADS)
    trials = Trials(springs, SLOTS, MASSES, watch(), count, devices=1)
    trial = trials.run(trials.start(again(structures("float64"), count), condition), condition, 0.004, 4.0, probed=True)
    np.testing.assert_allclose(trial.laplacian, 3.0 * STIFFNESS.sum(), rtol=1e-9)
    F = -STIFFNESS * trial.now.motion.R
    np.testing.assert_allclose(trial.squared_force[-1], np.sum(F**2, axis=(1, 2)), rtol=1e-9)
    np.testing.assert_allclose(trial.now.energy, np.sum(F**2 / STIFFNESS, axis=(1, 2)) / 2, rtol=1e-9)
