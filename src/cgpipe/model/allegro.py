"""Allegro: a strictly local equivariant network (Musaelian et al., arXiv:2204.05249), one energy per bead.

Every directed edge i→j inside the cutoff carries scalars and tensors. Scalars begin as a type embedding times a radial
basis; tensors as scalars times spherical harmonics. In each layer the edges of a bead are summed to its environment,
env_i = Σ_j w_ij Y(r_ij)/√n̄, every edge's tensors are multiplied by it, and the scalars that come out go through a
latent MLP together with all scalars before them. E_i = scale·Σ_j E_ij/√(2n̄) + shift, E_ij from a readout MLP of all
scalars. All features vanish at the cutoff with two derivatives, because no map has a bias.

The symmetry is O(3): energies of mirror images agree. With ``so3`` products also keep what changes sign in a mirror, so
that handedness can be learnt. With the edge feature ``sequence`` the embedding also knows how far apart two beads are
along their chain, and in which direction. With temperature as an input (``cgpipe.model.temperature``) the readout gives
two energies per edge, and E_ij is the first plus a multiple of the second.

Edges lie in rows of a few slots that share their bead (``cgpipe.physics.neighbours``); tensors are one contiguous array
[rows, width, channels] per component, which XLA fuses best.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cgpipe.data.topology import Topology
from cgpipe.model.angular import spherical_harmonics
from cgpipe.model.mlp import MLP, Precision, unit_uniform
from cgpipe.model.presets import Sizes
from cgpipe.model.radial import bessel_basis
from cgpipe.model.tensor_product import Couplings, Symmetry, couplings, harmonic_irreps, tensor_product
from cgpipe.physics.neighbours import Neighbours

EdgeFeature = Literal["sequence"]

OUTPUT_GAIN = 0.05
"""Factor on the untrained edge energies: the network starts as a small correction to the prior."""

FARTHEST = 6
"""Separations along the chain are told apart up to this one."""

CLOSEST = 1e-3
"""Distances [Å] below this are treated as this, so that coinciding beads have finite energies and forces."""


class AllegroSettings(NamedTuple):
    """What defines a network apart from its weights.

    ``mean_neighbours`` and ``energy_scale`` [kcal/mol] come from the training set.
    """

    sizes: Sizes
    l_max: int
    tensor_channels: int
    types: int
    cutoff: float
    mean_neighbours: float
    energy_scale: float
    symmetry: Symmetry = "o3"
    edge_features: tuple[EdgeFeature, ...] = ()
    matmul_precision: Precision = "float32"


class Layer(eqx.Module):
    """One tensor product with the bead's environment and one latent MLP."""

    path_weights: Float[Array, "paths channels"]
    latent: MLP
    terms: Couplings = eqx.field(static=True)

    def __init__(self, settings: AllegroSettings, number: int, key: PRNGKeyArray):
        sizes, channels = settings.sizes, settings.tensor_channels
        last = number == sizes.layers - 1
        irreps = harmonic_irreps(settings.l_max, settings.symmetry)
        self.terms = couplings(irreps, irreps, irreps[:1] if last else irreps)
        environment = 0 if last else channels * len(irreps)
        key_paths, key_latent = jax.random.split(key)
        self.path_weights = unit_uniform(key_paths, (self.terms.paths, channels))
        features = sizes.embed[1]
        hidden = [sizes.mlp_width] * (sizes.mlp_depth - 1)
        widths = [features * (number + 1) + channels, *hidden, features + environment]
        self.latent = MLP(widths, key_latent, precision=settings.matmul_precision)


class Allegro(eqx.Module):
    """The network; called with one structure, returns one energy per bead [kcal/mol]."""

    centre_types: Float[Array, "types half"]
    neighbour_types: Float[Array, "types half"]
    separations: Float[Array, "separations width"] | None
    radial: MLP
    embedding: MLP
    tensors: MLP
    projection: MLP
    layers: tuple[Layer, ...]
    readout: MLP
    type_scale: Float[Array, " types"]
    type_shift: Float[Array, " types"]
    settings: AllegroSettings = eqx.field(static=True)

    def __init__(self, settings: AllegroSettings, key: PRNGKeyArray):
        sizes, precision = settings.sizes, settings.matmul_precision
        (width, features), half = sizes.embed, sizes.embed[0] // 2
        keys = iter(jax.random.split(key, 8 + sizes.layers))
        self.centre_types = jax.random.normal(next(keys), (settings.types, half))
        self.neighbour_types = jax.random.normal(next(keys), (settings.types, half))
        self.separations = None
        if "sequence" in settings.edge_features:
            self.separations = jax.random.normal(next(keys), (2 * FARTHEST + 2, width))
        self.radial = MLP([sizes.radial, width], next(keys), precision=precision)
        self.embedding = MLP([width, features, features], next(keys), precision=precision)
        weights = settings.tensor_channels * (settings.l_max + 1)
        self.tensors = MLP([features, weights], next(keys), precision=precision)
        self.projection = MLP([features, features + weights], next(keys), precision=precision)
        self.layers = tuple(Layer(settings, number, next(keys)) for number in range(sizes.layers))
        self.readout = MLP([features * (sizes.layers + 1), sizes.readout, 1], next(keys), OUTPUT_GAIN, precision)
        self.type_scale = jnp.ones(settings.types)
        self.type_shift = jnp.zeros(settings.types)
        self.settings = settings

    def bead_energies(
        self,
        R: Float[Array, "beads 3"],
        topology: Topology,
        neighbours: Neighbours,
        presence: Float[Array, " beads"],
        lean: Float[Array, " beads"] | None = None,
    ) -> Float[Array, " beads"]:
        """Energy of every bead.

        Args:
            R: positions [Å]; of padded beads anything finite.
            topology: species decide the embedding.
            neighbours: edges within the cutoff.
            presence: how much of every bead is there, 0 … 1; an edge counts by the product of both its beads, so a
                bead of presence 0 is as if it were beyond everybody's cutoff.
            lean: how much of the second readout is added to the first, where there are two.

        Returns:
            [kcal/mol]; of padded beads something finite that depends on nothing else's position.
        """
        s = self.settings
        norm = 1.0 / math.sqrt(s.mean_neighbours)
        r, harmonics = _geometry(R, neighbours, s.cutoff, s.l_max)
        present = (neighbours.to_rows(presence)[:, None] * presence[neighbours.index])[..., None]
        halves = self._type_radial_embedding(r, topology, neighbours)
        embedded = self.embedding(*(present * half for half in halves))
        # weights come as one array per order, scalars and weights of the environment together
        orders = [s.tensor_channels * order for order in range(1, s.l_max + 1)]
        stops = [s.sizes.embed[1] + stop for stop in (0, *orders)]
        tensors = _weighted(self.tensors.split(orders, embedded), harmonics)
        projected, *weights = self.projection.split(stops, embedded)
        scalars = [projected]
        for number, layer in enumerate(self.layers, start=1):
            environment = _environment(weights, harmonics, neighbours, norm)
            tensors = tensor_product(layer.terms, layer.path_weights, tensors, environment)
            cuts = stops if number < s.sizes.layers else ()
            latent, *weights = layer.latent.split(cuts, *scalars, tensors[0])
            scalars.append(latent)
        outputs = self.readout(*scalars)
        edges = outputs[..., 0]
        if lean is not None:
            edges += neighbours.to_rows(lean)[:, None] * outputs[..., 1]
        edges = jnp.where(neighbours.mask, edges, 0.0)
        scale = self.type_scale[topology.species] * (s.energy_scale * norm / math.sqrt(2.0))
        return scale * neighbours.to_beads(edges.sum(1)) + self.type_shift[topology.species]

    def _type_radial_embedding(
        self, r: Float[Array, "rows width"], topology: Topology, neighbours: Neighbours
    ) -> tuple[Float[Array, "rows width half"], Float[Array, "rows width half"]]:
        """The two halves of concat(centre type, neighbour type) ⊙ Linear(b)."""
        radial = bessel_basis(r, self.settings.cutoff, self.settings.sizes.radial)
        half = self.centre_types.shape[1]
        of_centre, of_neighbour = self.radial.split([half], radial)
        species = jax.nn.one_hot(topology.species, self.settings.types, dtype=r.dtype)
        # by products with one-hot vectors: the gradient of a table is one more product, not a scatter
        centre = neighbours.to_rows(_looked_up(species, self.centre_types))[:, None]
        neighbour = _looked_up(species[neighbours.index], self.neighbour_types)
        if self.separations is not None:
            along = _looked_up(_separation(topology, neighbours, r.dtype), self.separations)
            centre, neighbour = (
                (a + b) / math.sqrt(2.0) for a, b in ((centre, along[..., :half]), (neighbour, along[..., half:]))
            )
        return of_centre * centre, of_neighbour * neighbour


def _looked_up(
    one_hot: Float[Array, "*edges kinds"], table: Float[Array, "kinds width"]
) -> Float[Array, "*edges width"]:
    """Rows of a table, exactly."""
    flat = jnp.matmul(one_hot.reshape(-1, len(table)), table, precision="highest")
    return flat.reshape(*one_hot.shape[:-1], table.shape[1])


def _separation(topology: Topology, neighbours: Neighbours, dtype: jnp.dtype) -> Float[Array, "rows width separations"]:
    """Which signed separation along the chain an edge has: −6 and less, …, 6 and more, or another chain; one-hot."""
    chain, residue = jnp.asarray(topology.chain), jnp.asarray(topology.residue)
    apart = residue[neighbours.index] - neighbours.to_rows(residue)[:, None]
    kind = jnp.clip(apart, -FARTHEST, FARTHEST) + FARTHEST
    kind = jnp.where(chain[neighbours.index] == neighbours.to_rows(chain)[:, None], kind, 2 * FARTHEST + 1)
    return jax.nn.one_hot(kind, 2 * FARTHEST + 2, dtype=dtype)


def _geometry(
    R: Float[Array, "beads 3"], neighbours: Neighbours, cutoff: float, l_max: int
) -> tuple[Float[Array, "rows width"], list[Float[Array, "rows width"]]]:
    """Distances and spherical harmonics of all edges; empty slots get a distance beyond the cutoff."""
    vectors = neighbours.vectors(R, empty=2.0 * cutoff)
    r = jnp.sqrt(jnp.maximum(jnp.sum(vectors**2, axis=-1), CLOSEST**2))
    return r, [jnp.asarray(y) for y in spherical_harmonics(vectors / r[..., None], l_max)]


def _weighted(
    weights: Sequence[Float[Array, "rows width channels"]], harmonics: list[Float[Array, "rows width"]]
) -> list[Float[Array, "rows width channels"]]:
    """Weights of one order times each of its harmonics: one array per component."""
    return [weights[math.isqrt(i)] * y[..., None] for i, y in enumerate(harmonics)]


def _environment(
    weights: Sequence[Float[Array, "rows width channels"]],
    harmonics: list[Float[Array, "rows width"]],
    neighbours: Neighbours,
    norm: float,
) -> list[Float[Array, "rows channels"]]:
    """norm · Σ_j w_ij Y(r_ij) of every row's bead: one array per component."""
    sums = jnp.concatenate([norm * e.sum(1) for e in _weighted(weights, harmonics)], axis=-1)
    sums = neighbours.to_rows(neighbours.to_beads(sums))
    return jnp.split(sums, len(harmonics), axis=-1)
