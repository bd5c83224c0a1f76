"""What a force field takes, on molecules in closed form whose limits are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import BEADS, MASSES, SLOTS, STIFFNESS, field, harmonic, unbonded

from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.stability import (
    conservation,
    equilibrated,
    free_runs,
    ladder,
    living_frames,
    longest_stable,
    rung_numbers,
    survival,
    survival_numbers,
)
from cgpipe.dynamics.trials import Condition, Trials
from cgpipe.units import FORCE_TO_ACCELERATION

REPLICAS = 16
FREQUENCY = np.sqrt(np.linalg.eigvals(FORCE_TO_ACCELERATION * STIFFNESS / MASSES[:, None]).real.max())
LIMIT = 2.0 / FREQUENCY
"""Time step [fs] at which the fastest mode of the harmonic chain becomes unstable."""


@pytest.fixture(scope="module")
def chain() -> Trials:
    """The harmonic chain; a bead 20 Å off counts as a broken bond."""
    bonds = BondWatch(np.ones(BEADS - 1, bool), np.zeros(BEADS - 1), 20.0)
    return Trials(field(harmonic), SLOTS, MASSES, bonds, REPLICAS)


@pytest.fixture(scope="module")
def warm(chain: Trials):
    """Replicas at 300 K."""
    return equilibrated(chain, np.zeros((REPLICAS, BEADS, 3)), 300.0, 0.05 * LIMIT)


def test_the_longest_stable_time_step_is_that_of_the_fastest_mode(chain: Trials, warm):
    """The limit of a harmonic chain is 2/ω; detects deaths that are not seen and temperatures of the wrong velocities.

    Both temperatures must be right to 3 % far below the limit. Half of it must still be called stable, since BAOAB's
    positions are exact there; whole-step velocities would be 25 % too cold.
    """
    timesteps = [0.1 * LIMIT, 0.5 * LIMIT, 1.05 * LIMIT]
    rungs = ladder(chain, warm, timesteps, 1.0, 20.0)
    assert [rung["survived"] for rung in rungs] == [REPLICAS, REPLICAS, 0]
    assert [rung["equipartition"] for rung in rungs] == [True, True, None]
    assert longest_stable(rungs, REPLICAS) == timesteps[1]
    assert longest_stable(rungs, REPLICAS + 1) is None
    for rung in rungs[:2]:
        assert rung["kinetic"] == pytest.approx(300.0, rel=0.03)
        assert rung["configurational"] == pytest.approx(300.0, rel=0.03)
        np.testing.assert_allclose(rung["beads"], 300.0, rtol=0.1)
    assert all("off its mean" in death["reason"] for death in rungs[2]["deaths"])


def test_a_temperature_that_is_off_is_no_equipartition(chain: Trials, warm):
    """States at 300 K judged against 330 K, or with velocities too fast: detects a comparison that always passes."""
    trial = chain.run(warm.now, Condition("x", 300.0, 0.1 * LIMIT, 0.1), 20.0, 100.0, probed=True)
    assert rung_numbers(trial)["equipartition"] is True
    values = vars(trial)
    hot = type(trial)(**{**values, "condition": trial.condition._replace(temperature=330.0)})
    fast = type(trial)(**{**values, "kinetic": 1.15 * trial.kinetic})
    stiff = type(trial)(**{**values, "laplacian": 1.15 * trial.laplacian})
    assert [rung_numbers(one)["equipartition"] for one in (hot, fast, stiff)] == [False, False, False]


def test_energy_is_conserved_to_second_order(chain: Trials, warm):
    """Detects velocities of another time than the energies, and a thermostat that is still on."""
    timesteps = [0.05 * LIMIT, 0.1 * LIMIT, 0.2 * LIMIT]
    free, order = free_runs(chain, warm, timesteps, 10.0)
    assert order == pytest.approx(2.0, abs=0.15)
    assert all(abs(one["drift"]) < 0.05 for one in free)
    assert free[0]["fluctuation"] < 0.05
    bath = chain.run(warm.now, Condition("x", 300.0, timesteps[0], 1.0), 10.0, 100.0)
    assert conservation(bath)["fluctuation"] > 0.5


def cliff(R: jax.Array) -> jax.Array:
    """A well of depth 3 kcal/mol for each bead that ends at 3 Å: cold beads stay, hot ones leave [kcal/mol]."""
    squared = jnp.sum(R**2, axis=1)
    return jnp.where(squared < 9.0, squared / 3.0, 3.0)


def test_heat_kills_and_cold_does_not():
    """Detects a temperature that is not used, deaths without reason, and frames of the dead among the living."""
    bonds = BondWatch(np.ones(BEADS - 1, bool), np.zeros(BEADS - 1), 8.0)
    trials = Trials(field(cliff), SLOTS, MASSES, bonds, REPLICAS)
    start = np.zeros((REPLICAS, BEADS, 3))
    cold, hot = (survival(trials, start, Condition(f"{t}", t, 8.0, 0.5), 10.0) for t in (50.0, 900.0))
    numbers = survival_numbers(cold)
    assert numbers["survived"] == REPLICAS and numbers["deaths"] == []
    assert numbers["curve"] == {"time": [0.0, cold.time[-1]], "alive": [1.0, 1.0]}
    assert cold.time[-1] == pytest.approx(10.0, rel=0.01)
    assert numbers["death_rate_bound"] == pytest.approx(-np.log(0.05) / (cold.time[-1] * REPLICAS))
    assert len(living_frames(cold)) == 20 * REPLICAS
    numbers = survival_numbers(hot)
    assert numbers["survived"] < REPLICAS / 2 and len(numbers["deaths"]) == REPLICAS - numbers["survived"]
    assert numbers["simulated_ps"] == pytest.approx(hot.ends.sum()) and numbers["simulated_ps"] < 10.0 * REPLICAS
    for death in numbers["deaths"]:
        assert 0 < death["picoseconds"] < 10.0 and "off its mean" in death["reason"]
    lengths = np.linalg.norm(np.diff(living_frames(hot), axis=1), axis=-1)
    assert lengths.max() <= 8.0 and len(living_frames(hot)) < 20 * REPLICAS


def test_who_comes_dead_stays_dead():
    """Detects replicas that died before and are counted as survivors, or with a time after the beginning."""
    trials = Trials(field(harmonic), SLOTS, MASSES, unbonded(), 2)
    start = np.zeros((2, BEADS, 3))
    start[1] = np.nan
    trial = survival(trials, start, Condition("x", 300.0, 4.0, 0.5), 1.0)
    assert trial.survived.tolist() == [True, False] and trial.ends.tolist() == [trial.time[-1], 0.0]
    assert rung_numbers(trial)["kinetic"] is None
