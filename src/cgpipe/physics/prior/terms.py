"""The terms of the prior, as functions of bond length, cos θ, sin θ₁ sin θ₂ e^{iφ} and distance.

    bond        ½ k (r − r₀)², or of two such the lower one, where bonds are cis and trans
    angle       Σ_n [a_n cos nθ + b_n sin nθ] between θ_lo and θ_hi, beyond them a parabola in cos θ
    dihedral    Σ_n k_n [1 + g cos(nφ − γ_n)]
    repulsion   ε (σ/r)⁴ S(r)

To bond, angle and dihedral a spline may be added (see ``splines``), which changes none of what follows:

Every tail confines and no force is singular:

- A Fourier series has dU/dθ ≠ 0 at θ = π in general, and the force is dU/dθ / sin θ. Outside [θ_lo, θ_hi] the series
  is therefore continued by value and slope as a polynomial of cos θ, plus ½ κ (cos θ − cos θ_edge)². cos θ is smooth
  at both poles, so the force stays finite there, and the parabola drives the angle back.
- ∂φ/∂R grows as 1/(sin θ₁ sin θ₂). The factor g = t²(3 − 2t), t = min(1, sin²θ₁ sin²θ₂ / ρ²), is 1 for
  sin θ₁ sin θ₂ ≥ ρ = 0.2, where all data are, and falls as the fourth power below, faster than the gradient grows. It
  multiplies the cosine only, so a collinear chain has the mean dihedral energy and is not preferred.
- (σ/r)⁴ continues below σ/3 as its tangent: always repulsive, finite at r = 0 in single precision.
- S is 1 up to the switch's start and t³(10 − 15t + 6t²) from there to its end, t falling from 1 to 0 (value, force
  and its slope continuous), so that the term has a finite range inside the model's cutoff.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cgpipe.physics.prior.splines import around, between
from cgpipe.physics.switch import falling

COLLINEAR = 0.2
"""sin θ₁ sin θ₂ below which the dihedral term fades."""

SMOOTHING = 0.6
"""ε [kcal/mol], about kT: only the top of the barrier between two kinds of bonds knows it."""

CORE = 1 / 3
"""Share of σ below which the repulsion continues linearly."""


def bond_energy(
    r: Float[Array, "*n"],
    r0: Float[Array, "*n"],
    k: Float[Array, "*n"],
    spline: Float[Array, "*n knots"] | None = None,
    limits: tuple[float, float] = (0.0, 0.0),
) -> Float[Array, "*n"]:
    """Bond energy [kcal/mol].

    Args:
        r: length [Å].
        r0: r₀ [Å].
        k: [kcal/mol/Å²].
        spline: coefficients of the correction [kcal/mol].
        limits: between which lengths it acts [Å].
    """
    energy = 0.5 * k * (r - r0) ** 2
    if spline is None:
        return energy
    lower, upper = (jnp.full_like(r, limit) for limit in limits)
    return energy + jnp.sum(spline * between(r, lower, upper, spline.shape[-1]), axis=-1)


def lower_energy(first: Float[Array, "*n"], second: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The lower one of two energies, −ε ln(e^{−E₁/ε} + e^{−E₂/ε}), so that the way between is smooth [kcal/mol].

    Where the first one is lower by far, it is this one to the last bit.
    """
    return first - SMOOTHING * jax.nn.softplus((first - second) / SMOOTHING)


def fourier(theta: Float[Array, "*n"], terms: int) -> Float[Array, "*n terms"]:
    """cos θ, sin θ, cos 2θ, sin 2θ, … up to so many terms."""
    return jnp.stack([(jnp.sin if t % 2 else jnp.cos)((t // 2 + 1) * theta) for t in range(terms)], axis=-1)


def fourier_slope(theta: Float[Array, "*n"], terms: int) -> Float[Array, "*n terms"]:
    """d/dθ of ``fourier``."""
    order = [t // 2 + 1 for t in range(terms)]
    return jnp.stack(
        [n * jnp.cos(n * theta) if t % 2 else -n * jnp.sin(n * theta) for t, n in enumerate(order)], axis=-1
    )


def angle_energy(
    cosine: Float[Array, "*n"],
    coefficients: Float[Array, "*n terms"],
    lower: Float[Array, "*n"],
    upper: Float[Array, "*n"],
    wall: Float[Array, "*n"],
    spline: Float[Array, "*n knots"] | None = None,
) -> Float[Array, "*n"]:
    """Angle energy [kcal/mol].

    Args:
        cosine: cos θ.
        coefficients: a₁, b₁, a₂, b₂, … [kcal/mol].
        lower: θ_lo, 0 < θ_lo < θ_hi < π [rad].
        upper: θ_hi [rad].
        wall: κ [kcal/mol].
        spline: coefficients of the correction between θ_lo and θ_hi [kcal/mol].
    """
    terms = coefficients.shape[-1]
    edge = jnp.clip(cosine, jnp.cos(upper), jnp.cos(lower))
    theta = jnp.arccos(edge)
    slope = -jnp.sum(coefficients * fourier_slope(theta, terms), axis=-1) / jnp.sin(theta)
    beyond = cosine - edge
    energy = jnp.sum(coefficients * fourier(theta, terms), axis=-1) + slope * beyond + 0.5 * wall * beyond**2
    if spline is None:
        return energy
    return energy + jnp.sum(spline * between(theta, lower, upper, spline.shape[-1]), axis=-1)


def dihedral_energy(
    real: Float[Array, "*n"],
    imaginary: Float[Array, "*n"],
    k: Float[Array, "*n terms"],
    phase: Float[Array, "*n terms"],
    spline: Float[Array, "*n knots"] | None = None,
) -> Float[Array, "*n"]:
    """Dihedral energy [kcal/mol].

    Args:
        real: sin θ₁ sin θ₂ cos φ.
        imaginary: sin θ₁ sin θ₂ sin φ.
        k: k₁, k₂, … [kcal/mol].
        phase: γ₁, γ₂, … [rad].
        spline: coefficients of the correction around the circle [kcal/mol]; their mean counts as 0.
    """
    squared = real**2 + imaginary**2
    # 1e-6 of the fading range: below it g is 0 to single precision, and the division stays safe
    defined = squared > 1e-6 * COLLINEAR**2
    inverse = jnp.where(defined, 1 / jnp.sqrt(jnp.where(defined, squared, 1)), 0)
    t = jnp.minimum(squared / COLLINEAR**2, 1)
    fade = t**2 * (3 - 2 * t)
    cosine, sine = real * inverse, imaginary * inverse
    cosine_n, sine_n = jnp.ones_like(cosine), jnp.zeros_like(sine)
    energy = jnp.zeros_like(cosine)
    for n in range(k.shape[-1]):
        cosine_n, sine_n = cosine_n * cosine - sine_n * sine, sine_n * cosine + cosine_n * sine
        wave = cosine_n * jnp.cos(phase[..., n]) + sine_n * jnp.sin(phase[..., n])
        energy = energy + k[..., n] * (1 + fade * wave)
    if spline is None:
        return energy
    phi = jnp.arctan2(jnp.where(defined, imaginary, 0), jnp.where(defined, real, 1))
    spline = spline - jnp.mean(spline, axis=-1, keepdims=True)
    return energy + fade * jnp.sum(spline * around(phi, spline.shape[-1]), axis=-1)


def switch(r: Float[Array, "*n"], start: Float[Array, "*n"], end: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """S(r): 1 up to ``start``, 0 from ``end`` on, twice continuously differentiable between [Å]."""
    return falling((end - r) / (end - start))


def repulsion_energy(
    r: Float[Array, "*n"], epsilon: Float[Array, ""], sigma: Float[Array, "*n"], end: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """ε (σ/r)⁴ S(r), switched from σ to ``end``; so it is exactly ε at r = σ.

    Args:
        r: distance [Å].
        epsilon: ε [kcal/mol].
        sigma: σ [Å].
        end: where it vanishes, > σ [Å].
    """
    core = CORE * sigma
    outside = jnp.maximum(r, core)
    power = (sigma / outside) ** 4
    tangent = power * (1 - 4 * (r - outside) / outside)
    return epsilon * tangent * switch(r, sigma, end)
