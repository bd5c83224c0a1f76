"""Fits of the prior to histograms: Boltzmann inversion with the right measure.

A coordinate q with Jacobian J(q) (r² for a bond, sin θ for an angle, 1 for a dihedral) and energy U has the density
p(q) ∝ J(q) e^{−U(q)/kT}. For the harmonic bond U follows from the moments of p/r². Angle and dihedral energies are
linear in their coefficients, so p is an exponential family and its likelihood is concave: Newton's method finds the
one maximum, at which the model reproduces the observed means of every basis function. The tails beyond the data are
part of the model, so that whatever the fit does at the edge is held against the empty bins beyond it.

Each species' histogram is blended with that of all: ``shrinkage`` samples of the global distribution are added to
its own (a Dirichlet prior), so a species never seen gets the global fit. A pair of species around a dihedral is blended
with the first species, which is blended with all.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy import ndarray

from cgpipe.errors import UserError
from cgpipe.physics.prior.bond_fit import by_kind, fit_bonds, with_cis
from cgpipe.physics.prior.inversion import blend, blend_pairs, by_distinct_row, centres, most_likely
from cgpipe.physics.prior.observed import ANGLE_EDGES, BOND_EDGES, DIHEDRAL_EDGES, Observed, merged
from cgpipe.physics.prior.prior import Prior, Weights
from cgpipe.physics.prior.spline_fit import with_splines
from cgpipe.physics.prior.terms import angle_energy
from cgpipe.physics.prior.thermal import ThermalPrior, straight_line
from cgpipe.physics.support import Gap, Support
from cgpipe.units import thermal_energy

EDGE_SHARE = 0.002
"""Share of the angles beyond each end of the Fourier series' range."""
ANGLE_LIMITS = np.radians([20.0, 170.0])
"""The range never goes beyond these, whatever the data say."""
WALL_WIDTH = 0.1
"""The wall costs kT/2 at so much of cos θ beyond the range."""
SIGMA_LIMITS = (0.8, 1.1)
"""A pair's σ stays within these multiples of the global one: a pair that merely never met is not large."""
REPULSION_RANGE = 2.0
"""The repulsion vanishes at this multiple of σ."""
EXCLUDED_RANGE = 1.3
"""The excluded volume vanishes at this multiple of σ."""
SHAPED = 2
"""|i−j| = 2 and 3: the angle and dihedral terms already give these distances their distribution, so the excluded
volume begins at the contact distance instead of reaching σ there. It would count their repulsion twice."""


class FitOptions(NamedTuple):
    """What a user may choose about the fits; the meaning of each is in the configuration's key table."""

    form: str = "parametric"
    angle_terms: int = 10
    dihedral_terms: int = 3
    pseudo_count: float = 1.0
    shrinkage: float = 500.0
    contact_percentile: float = 0.5
    contact_energy: float = 2.0


def fit_prior(
    observed: Observed,
    types: tuple[str, ...],
    cutoff: float,
    weights: Weights,
    options: FitOptions,
    ends: Prior | None = None,
) -> Prior:
    """The prior of the observed histograms.

    Args:
        observed: histograms of the training frames.
        types: names of the species.
        cutoff: of the model [Å].
        weights: of the terms.
        options: of the fits.
        ends: where the data end, if not with these histograms: its limits of angles, σ, cis bonds and support are
            taken over.

    Raises:
        UserError: the data hold no bonds, angles or dihedrals.
    """
    for term in ("bond", "angle", "dihedral"):
        if getattr(observed, term).sum() == 0:
            raise UserError(
                f"no {term} in the training data: the prior needs at least one chain of four consecutive residues"
            )
    kT = thermal_energy(observed.temperature)
    trans, cis = by_kind(observed.bond)
    r0, k = fit_bonds(trans, kT, options.shrinkage)
    limits = None if ends is None else (np.asarray(ends.angle_lower), np.asarray(ends.angle_upper))
    angle = fit_angles(observed.angle, kT, options.angle_terms, options.pseudo_count, options.shrinkage, limits)
    dihedral_k, phase = fit_dihedrals(
        observed.dihedral, kT, options.dihedral_terms, options.pseudo_count, options.shrinkage
    )
    sigma = contact_distances(observed.pair, observed.pair_edges, options.contact_percentile, options.shrinkage)
    epsilon = options.contact_energy * kT
    tables = {
        "bond_r0": r0,
        "bond_k": k,
        "angle_coefficients": angle[0],
        "angle_lower": angle[1],
        "angle_upper": angle[2],
        "angle_wall": angle[3],
        "dihedral_k": dihedral_k,
        "dihedral_phase": phase,
        "repulsion_epsilon": epsilon,
        "repulsion_sigma": sigma[-1],
        "excluded_epsilon": epsilon,
        "excluded_sigma": np.concatenate([sigma[:SHAPED] / EXCLUDED_RANGE, sigma[SHAPED:-1]]),
    }
    prior = Prior(
        **{name: jnp.asarray(table, jnp.float32) for name, table in tables.items()},
        weights=weights,
        types=types,
        cutoff=cutoff,
        repulsion_range=REPULSION_RANGE,
        excluded_range=EXCLUDED_RANGE,
        splines=None,
        support=observed_support(observed),
        cis=None,
    )
    if ends is not None:
        far, near = ends.repulsion_sigma, ends.excluded_sigma
        prior = dataclasses.replace(prior, support=ends.support, repulsion_sigma=far, excluded_sigma=near)
    if options.form == "spline":
        densities = {
            "bond": blend(trans, options.shrinkage),
            "angle": blend(observed.angle, options.shrinkage),
            "dihedral": blend_pairs(observed.dihedral, options.shrinkage, options.pseudo_count),
        }
        prior = with_splines(prior, densities, kT)
    if ends is not None:
        return dataclasses.replace(prior, cis=ends.cis)
    return with_cis(prior, trans, cis, kT, options.shrinkage)


def fit_thermal_prior(
    observed: Mapping[float, Observed], types: tuple[str, ...], cutoff: float, weights: Weights, options: FitOptions
) -> ThermalPrior:
    """The prior as a function of temperature, of histograms by temperature [K].

    Raises:
        UserError: there is one temperature only, or what `fit_prior` raises.
    """
    ends = fit_prior(merged(list(observed.values())), types, cutoff, weights, options)
    fits = {one: fit_prior(seen, types, cutoff, weights, options, ends) for one, seen in observed.items()}
    return straight_line(fits, {one: seen.frames for one, seen in observed.items()})


def observed_support(observed: Observed) -> Support:
    """Where distances begin and bonds end; a kind of pair never seen takes the value of the next closer one."""
    trans, cis = by_kind(observed.bond)
    seen, longer = (np.nonzero(counts.sum((0, 1)))[0] for counts in (observed.bond, trans))
    gap = None
    if cis.any():
        pairs = tuple((int(i), int(j)) for i, j in np.argwhere(cis.any(-1)))
        gap = Gap(float(BOND_EDGES[np.nonzero(cis.sum((0, 1)))[0][-1] + 1]), float(BOND_EDGES[longer[0]]), pairs)
    shortest = [float(BOND_EDGES[seen[0]])]
    for counts in observed.pair.sum((1, 2)):
        found = np.nonzero(counts)[0]
        shortest.append(float(observed.pair_edges[found[0]]) if len(found) else shortest[-1])
    return Support(tuple(shortest), float(BOND_EDGES[seen[-1] + 1]), gap)


def fit_angles(
    counts: ndarray,
    kT: float,
    terms: int,
    pseudo_count: float,
    shrinkage: float,
    limits: tuple[ndarray, ndarray] | None = None,
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Coefficients [kcal/mol], θ_lo, θ_hi [rad] and κ [kcal/mol] for every row of a table of histograms.

    θ_lo and θ_hi are those of the histograms where no ``limits`` are given.
    """
    theta = centres(ANGLE_EDGES)
    plain = blend(counts, shrinkage)
    below = np.cumsum(plain, axis=-1)
    lower = np.maximum(theta[np.argmax(below > EDGE_SHARE, axis=-1)], ANGLE_LIMITS[0])
    upper = np.minimum(theta[np.argmax(below > 1 - EDGE_SHARE, axis=-1)], ANGLE_LIMITS[1])
    lower, upper = limits or (lower, upper)
    wall = np.full(len(counts), kT / WALL_WIDTH**2)
    coefficients = np.zeros((len(counts), terms))
    for row in range(len(counts)):
        inside = (theta >= lower[row]) & (theta <= upper[row])
        share = plain[row] + pseudo_count * inside / (counts[row].sum() + shrinkage)
        ends = tuple(jnp.full(len(theta), edge[row]) for edge in (lower, upper))

        def energy(unit: ndarray, wall: float, ends: tuple[jnp.ndarray, ...] = ends) -> ndarray:
            low, high = ends
            many = jnp.broadcast_to(unit, (len(theta), terms))
            return np.asarray(angle_energy(jnp.cos(theta), many, low, high, jnp.full(len(theta), wall)), np.float64)

        basis = np.stack([energy(unit, 0.0) for unit in np.eye(terms)], axis=-1)
        fixed = np.log(np.sin(theta)) - energy(np.zeros(terms), wall[row]) / kT
        coefficients[row] = kT * most_likely(share / share.sum(), basis, fixed)
    return coefficients, lower, upper, wall


def fit_dihedrals(
    counts: ndarray, kT: float, terms: int, pseudo_count: float, shrinkage: float
) -> tuple[ndarray, ndarray]:
    """k_n ≥ 0 [kcal/mol] and γ_n [rad] for every pair of species in a table of histograms."""
    phi = centres(DIHEDRAL_EDGES)
    n = np.arange(1, terms + 1)
    basis = np.concatenate([np.cos(phi[:, None] * n), np.sin(phi[:, None] * n)], axis=1)
    density = blend_pairs(counts, shrinkage, pseudo_count)
    rows = density.reshape(-1, len(phi))
    found = by_distinct_row(rows, lambda row: most_likely(rows[row], basis, np.zeros_like(phi)))
    found = found.reshape(*density.shape[:-1], -1)
    cosine, sine = kT * found[..., :terms], kT * found[..., terms:]
    return np.hypot(cosine, sine), np.arctan2(sine, cosine)


def contact_distances(counts: ndarray, edges: ndarray, percentile: float, shrinkage: float) -> ndarray:
    """σ [Å]: the distance below which so many percent of the distances within the cutoff lie.

    Args:
        counts: by kind of pair (|i−j| = 2…5, farther), both species, distance.
        edges: of the distance bins [Å].
        percentile: 0 … 50.
        shrinkage: samples at which a pair's own value weighs as much as that of all species together.

    Returns:
        By kind and both species. A kind never observed takes the value of the next closer one.

    Raises:
        UserError: no pair |i−j| = 2 is within the cutoff.
    """
    kinds, types = counts.shape[:2]
    if counts[0].sum() == 0:
        raise UserError(f"no residues i and i+2 are closer than model.cutoff {edges[-1]:g} Å: raise the cutoff")
    sigma = np.zeros((kinds, types, types))
    for kind in range(kinds):
        total = counts[kind].sum((0, 1))
        if total.sum() == 0:
            sigma[kind] = sigma[kind - 1]
            continue
        anywhere = _percentile(total, edges, percentile)
        number = counts[kind].sum(-1)
        own = _percentile(counts[kind], edges, percentile)
        mixed = (number * np.where(number > 0, own, 0) + shrinkage * anywhere) / (number + shrinkage)
        sigma[kind] = np.clip(mixed, *(limit * anywhere for limit in SIGMA_LIMITS))
    return np.minimum(sigma, 0.9 * edges[-1])


def _percentile(counts: ndarray, edges: ndarray, percentile: float) -> ndarray:
    """Percentile of histograms along the last axis, upper edge of its bin."""
    below = np.cumsum(counts, axis=-1)
    return np.asarray(edges[1:][np.argmax(below >= np.maximum(percentile / 100 * below[..., -1:], 1), axis=-1)])
