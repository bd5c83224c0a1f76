"""The compiled dynamics of many replicas: what they sample, and that none minds the others. Forces in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic_program import chain_positions, chain_topology, tiny_potential
from toys import BEADS, MASSES, SLOTS, STIFFNESS, field, harmonic, plan, two_wells, unbonded

from cgpipe.dynamics import field as field_module
from cgpipe.dynamics.batch import Dynamics
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.guard import death_of
from cgpipe.model.potential import Evaluation
from cgpipe.units import FORCE_TO_ACCELERATION, KB, thermal_energy


def kinetic(now, timestep: float, half_step: bool) -> np.ndarray:
    """Kinetic energies [kcal/mol]: of the velocities of the middle of a step, or of its end."""
    V = now.motion.V + half_step * 0.5 * timestep * FORCE_TO_ACCELERATION * now.motion.F / MASSES[:, None]
    return 0.5 * (MASSES[:, None] * V**2).sum((1, 2)) / FORCE_TO_ACCELERATION


def frames(dynamics: Dynamics, replicas: int, count: int, every: int, R: np.ndarray | None = None):
    """Replicas at step 0 and then every so many steps."""
    now = dynamics.start(np.zeros((replicas, BEADS, 3)) if R is None else R)
    yield now
    for number in range(count):
        now = dynamics.advance(now, number * every, every)
        yield now


def test_harmonic_chain_and_temperature_ladder():
    """⟨x xᵀ⟩ = kT K⁻¹, ½ m v² = kT/2 per degree of freedom, each replica at its own temperature.

    Detects wrong units, masses, noise, one noise for several replicas, temperatures mixed up, and velocities of another
    time than the one reported; not errors below 4 %.
    """
    temperatures = np.repeat([250.0, 300.0, 400.0, 500.0], 32)
    plans = [plan(n, temperature=t, timestep=8.0) for n, t in enumerate(temperatures)]
    dynamics = Dynamics(field(harmonic), SLOTS, plans, MASSES, unbonded())
    kept = list(frames(dynamics, len(plans), 220, 25))[20:]
    R = np.array([now.motion.R for now in kept])
    K = np.array([kinetic(now, 8.0, half_step=True) for now in kept])
    for temperature in np.unique(temperatures):
        mine = temperatures == temperature
        rows = np.moveaxis(R[:, mine], 2, -1).reshape(-1, BEADS)
        expected = thermal_energy(temperature) * np.linalg.inv(STIFFNESS)
        scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
        assert np.abs(rows.T @ rows / len(rows) - expected).max() < 0.04 * scale.max()
        np.testing.assert_allclose(np.diag(rows.T @ rows / len(rows)), np.diag(expected), rtol=0.04)
        assert K[:, mine].mean() / (1.5 * BEADS * KB) == pytest.approx(temperature, rel=0.02)
    assert abs(np.corrcoef(R[:, 0].ravel(), R[:, 1].ravel())[0, 1]) < 0.05


def test_without_friction_energy_is_conserved_to_second_order():
    """Detects late forces and single precision in the state: half the step must give a quarter of the error."""
    errors = []
    for timestep in (8.0, 4.0, 2.0):
        plans = [plan(n, temperature=600.0, timestep=timestep, damping=np.inf) for n in range(4)]
        dynamics = Dynamics(field(two_wells), SLOTS, plans, MASSES, unbonded())
        start = np.random.default_rng(0).normal(size=(4, BEADS, 3))
        kept = list(frames(dynamics, 4, 400, round(40 / timestep), start))
        total = np.array([now.energy + kinetic(now, timestep, half_step=False) for now in kept])
        errors.append(total.std(axis=0).max())
    assert errors[2] < 0.02
    np.testing.assert_allclose([errors[0] / errors[1], errors[1] / errors[2]], 4.0, rtol=0.25)


def test_a_replica_does_not_depend_on_those_beside_it(monkeypatch):
    """Alone and as one of six, two in each call of the network: equal to float noise. Detects shared noise or edges."""
    monkeypatch.setattr(field_module, "SLOTS_PER_CALL", 120)
    topology, potential = chain_topology(8), tiny_potential(7)
    R = np.stack([chain_positions(8, seed) for seed in range(6)])
    masses, last = np.full(8, 110.0), {}
    for chosen in ([0, 1, 2, 3, 4, 5], [3]):
        plans = [plan(n) for n in chosen]
        dynamics = Dynamics(force_field(potential, topology), 7, plans, masses, unbonded(8))
        now = dynamics.advance(dynamics.start(R[chosen]), 0, 60)
        last[len(chosen)] = now.motion.R[chosen.index(3)]
    assert np.abs(last[6] - chain_positions(8, 3)).max() > 0.1
    np.testing.assert_allclose(last[1], last[6], atol=1e-4)


def poisoned(R: jax.Array) -> Evaluation:
    """Harmonic, but no number as soon as the first bead is at x > 0.35 Å; more neighbours than slots at x < −0.35."""
    found = field(harmonic)(R)
    x = R[:, 0, 0]
    forces = jnp.where((x > 0.35)[:, None, None], jnp.nan, found.forces)
    return Evaluation(found.bead_energies, forces, jnp.where(x < -0.35, 9, 0).astype(jnp.int32))


def test_the_dead_stay_dead_and_the_others_go_on():
    """Detects deaths that spread, that are seen late or are taken back, and frozen replicas that move."""
    plans = [plan(n) for n in range(12)]
    healthy = list(frames(Dynamics(field(harmonic), SLOTS, plans, MASSES, unbonded()), 12, 200, 1))
    last = list(frames(Dynamics(poisoned, SLOTS, plans, MASSES, unbonded()), 12, 200, 1))[-1]
    reasons = set()
    for replica in range(12):
        x = np.array([now.motion.R[replica, 0, 0] for now in healthy])
        fatal = np.flatnonzero(np.abs(x) > 0.35)
        death = death_of(last.fate, replica, unbonded(), SLOTS)
        if not len(fatal):
            assert death is None
            np.testing.assert_array_equal(last.motion.R[replica], healthy[-1].motion.R[replica])
            continue
        assert death is not None and death.step == fatal[0]
        np.testing.assert_array_equal(last.motion.R[replica], healthy[fatal[0] - 1].motion.R[replica])
        assert ("not finite" if x[fatal[0]] > 0 else "9 neighbour slots per bead are needed but the model has 3") in (
            death.reason
        )
        reasons.add(death.reason)
    assert len(reasons) == 2 and any(death_of(last.fate, n, unbonded(), SLOTS) is None for n in range(12))


def test_too_few_slots_are_noticed_in_a_real_network():
    """Detects a capacity that is compared with the wrong number; the same chain with room for it lives."""
    R, topology = chain_positions(30)[None], chain_topology(30)
    for slots, lives in ((8, False), (28, True)):
        potential = tiny_potential(slots)
        dynamics = Dynamics(force_field(potential, topology), slots, [plan()], np.full(30, 110.0), unbonded(30))
        death = death_of(dynamics.start(R).fate, 0, unbonded(30), slots)
        assert (death is None) == lives
        if death is not None:
            assert death.step == 0 and "the model has 8; raise dataset.capacity_margin" in death.reason


def test_a_broken_bond_is_told_as_in_lammps():
    """Detects bonds that are not watched, wrong beads in the message, and a largest deviation that is not recorded."""
    means = np.array([1.0, 1.2])
    bonds = BondWatch(np.array([True, False, False, True]), means, 1.5)
    start = np.zeros((1, BEADS, 3))
    dynamics = Dynamics(field(two_wells), SLOTS, [plan(temperature=3000.0)], MASSES, bonds)
    last = None
    for now in frames(dynamics, 1, 400, 1, start):
        lengths = np.linalg.norm(now.motion.R[0, [1, 4]] - now.motion.R[0, [0, 3]], axis=-1)
        if not now.fate.alive[0]:
            break
        last = now
        assert np.abs(lengths - means).max() <= 1.5
        assert now.fate.largest[0] >= np.abs(lengths - means).max()
    death = death_of(now.fate, 0, bonds, SLOTS)
    assert death is not None and last is not None and now.fate.largest[0] > 1.5
    assert death.reason.startswith(("the bond of beads 0 and 1 is", "the bond of beads 3 and 4 is"))
    assert "off its mean of 1." in death.reason and "(tolerance 1.5 Å)" in death.reason


def test_minimisation_comes_first():
    """Detects a strained start, an ascent, and a minimiser that spreads what is no number."""
    dynamics = Dynamics(field(harmonic), SLOTS, [plan(), plan(1)], MASSES, unbonded())
    start = np.ones((2, BEADS, 3))
    start[1] = np.nan
    now = dynamics.start(start)
    assert 0.0 <= now.energy[0] < 1e-3 < 1.5 * STIFFNESS.sum()
    assert now.fate.alive.tolist() == [True, False]
