"""Bonds that are cis in some frames: a second minimum of their own, and everything else as without them."""

import copy
import json
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prior_toys import TYPES, energies, topology, walk

from cgpipe.data.topology import Topology
from cgpipe.physics.prior import Prior, Weights
from cgpipe.physics.prior.bond_fit import by_kind, cis_shares
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import BOND_EDGES, Observed
from cgpipe.units import thermal_energy

T = 300.0
KT = thermal_energy(T)
STIFF, CIS_STIFF = 177.0, 140.0
"""Of trans and of cis bonds [kcal/mol/Å²]."""
PRO = (0, 2)
"""The pair of species that is cis in some frames."""


def _bonds(number, length, k, seed):
    return np.random.default_rng(seed).normal(length, np.sqrt(KT / k), number)


@cache
def _observed(cis: int) -> Observed:
    """Chains of three species, whose bonds have 20,000 trans samples by pair, and one pair so many cis ones."""
    R = np.stack([walk(8, seed) for seed in range(50)])
    fields = topology(8)
    found = Observed(len(TYPES), 12.0).add(
        R, Topology(*(np.broadcast_to(f, (50, 8)) for f in fields)), np.full(50, T, np.float32)
    )
    for pair in np.ndindex(3, 3):
        found.bond[pair] = np.histogram(_bonds(20_000, 3.80, STIFF, 3 * pair[0] + pair[1]), BOND_EDGES)[0]
    found.bond[PRO] += np.histogram(_bonds(cis, 2.95, CIS_STIFF, 99), BOND_EDGES)[0]
    return found


@cache
def _fit(cis: int, form: str = "parametric") -> Prior:
    return fit_prior(_observed(cis), TYPES, 12.0, Weights(), FitOptions(form=form))


def _curve(prior: Prior, r, pair) -> np.ndarray:
    first, second = (np.full(len(r), species) for species in pair)
    return np.asarray(prior.bond_at(jnp.asarray(r, jnp.float32), (first, second)), np.float64)


def _minimum(prior: Prior, low: float, high: float, pair=PRO) -> tuple[float, float]:
    """Length [Å] and stiffness [kcal/mol/Å²] of the minimum between two lengths."""
    with jax.enable_x64(True):
        energy = lambda r: prior.bond_at(r[None], tuple(np.array([s]) for s in pair))[0]  # noqa: E731 - differentiated
        grid = jnp.linspace(low, high, 4001)
        place = grid[int(jnp.argmin(jax.vmap(energy)(grid)))]
        return float(place), float(jax.grad(jax.grad(energy))(place))


@pytest.mark.parametrize("form", ["parametric", "spline"])
@pytest.mark.parametrize("cis", [1, 1_000])
def test_trans_bonds_are_those_of_data_without_cis_bonds(form, cis):
    """Detects a trans minimum that cis frames move or soften (k from 177 to 9 kcal/mol/Å² at 5 %), of any pair."""
    without, found = _fit(0, form), _fit(cis, form)
    r = np.linspace(3.6, 4.1, 60)
    for pair in np.ndindex(3, 3):
        np.testing.assert_array_equal(_curve(found, r, pair), _curve(without, r, pair))
    assert _minimum(_fit(cis), 3.5, 4.1)[1] == pytest.approx(STIFF, rel=0.02)


def test_cis_bonds_have_their_own_minimum():
    """Detects cis frames that are thrown out: length, stiffness and share of the second minimum are those of the data,
    and the way between is a barrier."""
    prior = _fit(1_000)
    place, stiffness = _minimum(prior, 2.6, 3.2)
    assert place == pytest.approx(2.95, abs=0.005)
    assert stiffness == pytest.approx(CIS_STIFF, rel=0.1)
    r = np.linspace(2.4, 4.4, 4001)
    energy = _curve(prior, r, PRO)
    weight = r**2 * np.exp(-energy / KT)
    assert weight[r < 3.3].sum() / weight.sum() == pytest.approx(1_000 / 21_000, rel=0.01)
    assert energy[(r > 3.2) & (r < 3.5)].max() > 10.0


def test_a_pair_that_is_always_cis_is_fitted_to_its_samples():
    """Detects a pair without trans frames that takes the trans minimum of all others for its own."""
    observed = copy.deepcopy(_observed(1_000))
    observed.bond[PRO] = np.histogram(_bonds(1_000, 2.95, CIS_STIFF, 99), BOND_EDGES)[0]
    prior = fit_prior(observed, TYPES, 12.0, Weights(), FitOptions())
    r = np.linspace(2.4, 4.4, 2001)
    energy = _curve(prior, r, PRO)
    assert np.isfinite(energy).all() and r[np.argmin(energy)] == pytest.approx(2.95, abs=0.01)


def test_one_cis_sample_makes_a_minimum_of_usual_width():
    """Detects a rare cis bond that is dropped, or whose stiffness is infinite because a single sample has no width."""
    place, stiffness = _minimum(_fit(1), 2.6, 3.2)
    assert place == pytest.approx(2.95, abs=0.2)
    assert stiffness == pytest.approx(STIFF, rel=0.05)


def test_pairs_never_seen_cis_have_one_minimum():
    """Detects a double well of all bonds, where only one pair of species showed it."""
    without, found = _fit(0), _fit(1_000)
    r = np.linspace(2.0, 6.0, 200)
    for pair in set(np.ndindex(3, 3)) - {PRO}:
        np.testing.assert_array_equal(_curve(found, r, pair), _curve(without, r, pair))
    assert without.cis is None and without.support.gap is None


def _line(length: float, first: int) -> tuple[jnp.ndarray, Topology]:
    """Four beads along a line, 3.8 Å apart but the first two."""
    at = np.cumsum([0.0, length, 3.8, 3.8])
    chain = topology(4)._replace(species=jnp.asarray([first, 2, 1, 1], jnp.int32))
    return jnp.asarray(at[:, None] * [1.0, 0.0, 0.0], jnp.float32), chain


@pytest.mark.parametrize(
    ("length", "first", "present"),
    [(2.95, 0, True), (3.80, 0, True), (3.35, 0, False), (2.95, 1, False), (3.80, 1, True), (2.4, 0, False)],
)
def test_support_has_two_ranges_for_bonds_seen_cis(length, first, present):
    """Detects a network that acts where no frames are: between cis and trans, or on a cis bond of another pair."""
    presence = np.asarray(_fit(1_000).support.presence(*_line(length, first)))
    assert (presence[:2] == present).all() and (presence[2:] == 1).all()


def test_presence_in_the_gap_is_twice_differentiable():
    """Detects a kink of value, slope or curvature at either end of the gap."""
    support = _fit(1_000).support
    with jax.enable_x64(True):
        chain, h = _line(3.0, 0)[1], 1e-7

        def along(length):
            at = jnp.cumsum(jnp.stack([0.0 * length, length, 0.0 * length + 3.8, 0.0 * length + 3.8]))
            return support.presence(at[:, None] * jnp.asarray([1.0, 0.0, 0.0]), chain)[0]

        ends = jnp.asarray([support.gap.lower, support.gap.upper])
        for derivative in (along, jax.grad(along), jax.grad(jax.grad(along))):
            value = jax.jit(jax.vmap(derivative))
            assert np.abs(value(ends + h) - value(ends - h)).max() < 0.1


@pytest.mark.parametrize("form", ["parametric", "spline"])
def test_second_minimum_travels(form):
    """Detects a file that loses it, or limits that JSON makes unusable in a compiled function."""
    prior = _fit(1_000, form)
    again = Prior.from_json(json.loads(json.dumps(prior.to_json())))
    assert again.support == prior.support and hash(again.support) == hash(prior.support)
    R, chain = _line(2.9, 0)
    np.testing.assert_array_equal(energies(prior, R, chain), energies(again, R, chain))
    older = {key: value for key, value in _fit(0).to_json().items() if key != "cis"}
    assert Prior.from_json(older).cis is None


def test_what_no_force_tells_is_not_trained():
    """Detects an offset between the minima that training moves at random."""
    may = _fit(1_000).trainable()
    assert may.cis.r0 and may.cis.k and not may.cis.offset


def test_shares_are_named_by_both_residues():
    """Detects a share of the wrong pair or of all bonds."""
    trans, cis = by_kind(_observed(1_000).bond)
    assert cis_shares(trans, cis, TYPES) == {"A-C": pytest.approx(1_000 / 21_000)}
