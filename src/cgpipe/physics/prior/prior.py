"""The prior: bonds, angles, dihedrals, repulsion and excluded volume of a chain of beads, as one energy per bead.

E = w_bond E_bond + w_angle E_angle + w_dihedral E_dihedral + w_repulsion E_rep + w_excluded E_exc. A bond's energy
belongs to its lower bead, an angle's to its middle bead, a dihedral's to the lower one of its two middle beads, and
half of a pair's to each bead. Repulsion acts for |i−j| ≥ 6 in residue index and between chains, excluded volume
for |i−j| = 2…5.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from cgpipe.data.topology import Topology
from cgpipe.physics.geometry import angle_cosines, bond_lengths, length, real_positions, turns
from cgpipe.physics.neighbours import Neighbours
from cgpipe.physics.prior.splines import Splines
from cgpipe.physics.prior.terms import angle_energy, bond_energy, dihedral_energy, lower_energy, repulsion_energy
from cgpipe.physics.support import Support

Integers = Int[Array | np.ndarray, "*n"]

SEPARATIONS = (2, 3, 4, 5)
"""|i−j| of the excluded volume; bonded neighbours have none, and farther ones have the repulsion."""

TABLES = {
    "bond": ("r0", "k"),
    "angle": ("coefficients", "lower", "upper", "wall"),
    "dihedral": ("k", "phase"),
    "repulsion": ("epsilon", "sigma"),
    "excluded": ("epsilon", "sigma"),
}
LIMITS = ("angle_lower", "angle_upper", "angle_wall")
"""Where the data end: kept as they are when the parameters are trained."""


class Weights(NamedTuple):
    """Weight of each term in the sum."""

    bond: float = 1.0
    angle: float = 1.0
    dihedral: float = 1.0
    repulsion: float = 1.0
    excluded: float = 1.0


class Cis(eqx.Module):
    """The second minimum of bonds that were seen cis, by the species of the lower and the upper bead.

    Attributes:
        r0: [Å].
        k: of ½ k (r − r₀)² [kcal/mol/Å²].
        offset: energy of the minimum over the zero of the trans bond's [kcal/mol]; never trained, as no force tells.
    """

    r0: Float[Array, "types types"]
    k: Float[Array, "types types"]
    offset: Float[Array, "types types"]


class Prior(eqx.Module):
    """Parameters of the prior, in tables by species.

    Attributes:
        bond_r0: by the species of the lower and the upper bead [Å].
        bond_k: likewise, of ½ k (r − r₀)² [kcal/mol/Å²].
        angle_coefficients: by the species of the middle bead: a₁, b₁, a₂, b₂, … [kcal/mol].
        angle_lower: likewise, θ_lo below which the energy is a parabola in cos θ [rad].
        angle_upper: likewise, θ_hi [rad].
        angle_wall: likewise, κ of that parabola [kcal/mol].
        dihedral_k: by the species of the lower and the upper middle bead [kcal/mol].
        dihedral_phase: likewise [rad].
        repulsion_epsilon: energy at r = σ [kcal/mol].
        repulsion_sigma: by the species of both beads, symmetric [Å].
        excluded_epsilon: energy at r = σ [kcal/mol].
        excluded_sigma: by |i−j| − 2 and the species of both beads, symmetric [Å].
        weights: of the terms; never trained.
        types: names of the species.
        cutoff: range that no term exceeds [Å].
        repulsion_range: the repulsion vanishes at this multiple of σ, or at the cutoff if that is less.
        excluded_range: likewise, of the excluded volume.
        splines: corrections to bond, angle and dihedral; none in the parametric form. They need ``support``.
        support: where the data end, if known.
        cis: of the bonds in the support's gap; None where it has none.
    """

    bond_r0: Float[Array, "types types"]
    bond_k: Float[Array, "types types"]
    angle_coefficients: Float[Array, "types angle_terms"]
    angle_lower: Float[Array, " types"]
    angle_upper: Float[Array, " types"]
    angle_wall: Float[Array, " types"]
    dihedral_k: Float[Array, "types types dihedral_terms"]
    dihedral_phase: Float[Array, "types types dihedral_terms"]
    repulsion_epsilon: Float[Array, ""]
    repulsion_sigma: Float[Array, "types types"]
    excluded_epsilon: Float[Array, ""]
    excluded_sigma: Float[Array, "4 types types"]
    weights: Weights = eqx.field(static=True)
    types: tuple[str, ...] = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    repulsion_range: float = eqx.field(static=True)
    excluded_range: float = eqx.field(static=True)
    splines: Splines | None = None
    support: Support | None = eqx.field(static=True, default=None)
    cis: Cis | None = None

    def term_energies(
        self, R: Float[Array, "beads 3"], topology: Topology, neighbours: Neighbours
    ) -> dict[str, Float[Array, " beads"]]:
        """Weighted energy of every bead, term by term [kcal/mol]; 0 on padded beads.

        Args:
            R: positions [Å].
            topology: of the same beads, in chain order.
            neighbours: complete within ``cutoff``.
        """
        R = real_positions(R, topology)
        species = jnp.where(jnp.asarray(topology.mask), jnp.asarray(topology.species), 0)
        bonded = {
            "bond": self._bonds(R, topology, species),
            "angle": self._angles(R, topology, species),
            "dihedral": self._dihedrals(R, topology, species),
        }
        energies = {**bonded, **self._pairs(R, topology, species, neighbours)}
        return {term: getattr(self.weights, term) * energy for term, energy in energies.items()}

    def bead_energies(
        self, R: Float[Array, "beads 3"], topology: Topology, neighbours: Neighbours
    ) -> Float[Array, " beads"]:
        """Energy of every bead [kcal/mol]; arguments as for ``term_energies``."""
        bond, angle, dihedral, repulsion, excluded = self.term_energies(R, topology, neighbours).values()
        return bond + angle + dihedral + repulsion + excluded

    def bond_at(self, r: Float[Array, "*n"], pair: tuple[Integers, Integers]) -> Float[Array, "*n"]:
        """Unweighted energy [kcal/mol] of bonds of length r [Å] between the species of lower and upper bead."""
        r0, k = self.bond_r0.astype(r.dtype)[pair], self.bond_k.astype(r.dtype)[pair]
        energy = bond_energy(r, r0, k, self._spline("bond", pair, r.dtype), self.bond_limits)
        if self.cis is None or self.support is None or self.support.gap is None:
            return energy
        r0, k, offset = (table.astype(r.dtype)[pair] for table in (self.cis.r0, self.cis.k, self.cis.offset))
        either = lower_energy(energy, offset + bond_energy(r, r0, k))
        return jnp.where(self.support.gap.has_both(*pair), either, energy)

    def angle_at(self, cosine: Float[Array, "*n"], middle: Integers) -> Float[Array, "*n"]:
        """Unweighted energy [kcal/mol] of angles at the middle species, from cos θ."""
        tables = (self.angle_coefficients, self.angle_lower, self.angle_upper, self.angle_wall)
        coefficients, lower, upper, wall = (table.astype(cosine.dtype)[middle] for table in tables)
        return angle_energy(cosine, coefficients, lower, upper, wall, self._spline("angle", (middle,), cosine.dtype))

    def dihedral_at(
        self, real: Float[Array, "*n"], imaginary: Float[Array, "*n"], middle: tuple[Integers, Integers]
    ) -> Float[Array, "*n"]:
        """Unweighted energy [kcal/mol] of dihedrals around two species, from sin θ₁ sin θ₂ e^{iφ}."""
        k, phase = (table.astype(real.dtype)[middle] for table in (self.dihedral_k, self.dihedral_phase))
        return dihedral_energy(real, imaginary, k, phase, self._spline("dihedral", middle, real.dtype))

    def _bonds(self, R: Array, topology: Topology, species: Array) -> Float[Array, " beads"]:
        r, exists = bond_lengths(R, topology)
        return _owned(jnp.where(exists, self.bond_at(r, (species[:-1], species[1:])), 0), 0, len(R))

    def _angles(self, R: Array, topology: Topology, species: Array) -> Float[Array, " beads"]:
        cosine, exists = angle_cosines(R, topology)
        return _owned(jnp.where(exists, self.angle_at(cosine, species[1:-1]), 0), 1, len(R))

    def _dihedrals(self, R: Array, topology: Topology, species: Array) -> Float[Array, " beads"]:
        turn = turns(R, topology)
        count = len(turn.exists)
        energy = self.dihedral_at(turn.real, turn.imaginary, (species[1 : 1 + count], species[2 : 2 + count]))
        return _owned(jnp.where(turn.exists, energy, 0), 1, len(R))

    @property
    def bond_limits(self) -> tuple[float, float]:
        """Between which lengths the spline of the bond acts [Å]: it is the trans bonds'."""
        if self.support is None:
            return 0.0, 0.0
        shortest = self.support.shortest[0] if self.support.gap is None else self.support.gap.upper
        return shortest, self.support.longest_bond

    def _spline(self, term: str, species: tuple[Integers, ...], dtype: jnp.dtype) -> Float[Array, "*n knots"] | None:
        return None if self.splines is None else getattr(self.splines, term).astype(dtype)[species]

    def _pairs(
        self, R: Array, topology: Topology, species: Array, neighbours: Neighbours
    ) -> dict[str, Float[Array, " beads"]]:
        other = neighbours.index
        chain, residue = jnp.asarray(topology.chain), jnp.asarray(topology.residue)
        r = length(neighbours.vectors(R, empty=self.cutoff))
        pair = jnp.broadcast_to(neighbours.to_rows(species)[:, None], other.shape), species[other]
        apart = jnp.abs(residue[other] - neighbours.to_rows(residue)[:, None])
        apart = jnp.where(chain[other] == neighbours.to_rows(chain)[:, None], apart, SEPARATIONS[-1] + 1)
        far = neighbours.mask & (apart > SEPARATIONS[-1])
        near = neighbours.mask & (apart >= SEPARATIONS[0]) & (apart <= SEPARATIONS[-1])
        nth = jnp.clip(apart - SEPARATIONS[0], 0, len(SEPARATIONS) - 1)
        sigma = self.repulsion_sigma.astype(R.dtype)[pair]
        sigma_near = self.excluded_sigma.astype(R.dtype)[(nth, *pair)]
        repulsion = self._repulsion(r, self.repulsion_epsilon, sigma, self.repulsion_range)
        excluded = self._repulsion(r, self.excluded_epsilon, sigma_near, self.excluded_range)
        return {
            "repulsion": 0.5 * neighbours.to_beads(jnp.sum(jnp.where(far, repulsion, 0), axis=1)),
            "excluded": 0.5 * neighbours.to_beads(jnp.sum(jnp.where(near, excluded, 0), axis=1)),
        }

    def _repulsion(self, r: Array, epsilon: Array, sigma: Array, reach: float) -> Array:
        return repulsion_energy(r, epsilon.astype(r.dtype), sigma, jnp.minimum(reach * sigma, self.cutoff))

    def trainable(self) -> PyTree[bool]:
        """True for every table that training may move: all but the limits of the angle data and what no force tells."""
        everything = jax.tree.map(lambda _: True, self)

        def fixed(prior: Prior) -> list[Any]:
            limits = [getattr(prior, name) for name in LIMITS]
            return limits if prior.cis is None else [*limits, prior.cis.offset]

        return eqx.tree_at(fixed, everything, replace_fn=lambda _: False)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON-serialisable numbers; ``from_json`` gives the same bits back."""
        tables = {
            term: {name: np.asarray(getattr(self, f"{term}_{name}")).tolist() for name in names}
            for term, names in TABLES.items()
        }
        tables["repulsion"]["range"] = self.repulsion_range
        tables["excluded"]["range"] = self.excluded_range
        return {
            "types": list(self.types),
            "cutoff": self.cutoff,
            "weights": self.weights._asdict(),
            "support": None if self.support is None else self.support._asdict(),
            "splines": None if self.splines is None else {k: v.tolist() for k, v in vars(self.splines).items()},
            "cis": None if self.cis is None else {k: v.tolist() for k, v in vars(self.cis).items()},
            **tables,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Prior":
        """The prior that ``to_json`` described."""
        tables = {f"{term}_{name}": content[term][name] for term, names in TABLES.items() for name in names}
        splines, support, cis = content["splines"], content["support"], content.get("cis")
        return cls(
            **{name: jnp.asarray(table, float) for name, table in tables.items()},
            weights=Weights(**content["weights"]),
            types=tuple(content["types"]),
            cutoff=content["cutoff"],
            repulsion_range=content["repulsion"]["range"],
            excluded_range=content["excluded"]["range"],
            splines=splines and Splines(**{name: jnp.asarray(table, float) for name, table in splines.items()}),
            support=support and Support.from_json(support),
            cis=cis and Cis(**{name: jnp.asarray(table, float) for name, table in cis.items()}),
        )


def _owned(energy: Float[Array, " terms"], first: int, beads: int) -> Float[Array, " beads"]:
    """Energies of consecutive terms on consecutive beads, the first term's on row ``first``."""
    return jnp.pad(energy, (first, beads))[:beads]
