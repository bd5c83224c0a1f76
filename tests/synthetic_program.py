"""Small untrained models and made-up chains, exported: the deploy tests need no training and no data."""

from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.artefact import header, write_json
from cgpipe.data.projection import Projection
from cgpipe.data.species import vocabulary
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import ProteinBeads, create_dataset
from cgpipe.data.topology import Topology
from cgpipe.deploy.bundle import joined, model_files
from cgpipe.deploy.metadata import describe_programs, file_stem
from cgpipe.deploy.parameters import write_parameters
from cgpipe.deploy.stablehlo import export_potential, write_program
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes
from cgpipe.model.serialise import save_model
from cgpipe.physics.prior import Prior, Weights
from cgpipe.physics.support import Support

TINY = Sizes(layers=1, radial=4, embed=(8, 8), mlp_width=8, mlp_depth=2, readout=8)


def tiny_potential(slots: int, cutoff: float = 9.0) -> Potential:
    """An untrained network without prior, energies of some kcal/mol: neither chain nor residue matters to it."""
    settings = AllegroSettings(
        TINY, l_max=1, tensor_channels=4, types=21, cutoff=cutoff, mean_neighbours=6.0, energy_scale=100.0
    )
    return Potential(None, Allegro(settings, jax.random.key(0)), cutoff, slots)


def bonded_potential(slots: int, cutoff: float = 9.0) -> Potential:
    """The same kind of network, aware of the sequence, with prior and envelope: species, chain and residue matter."""
    rng, n = np.random.default_rng(7), 21

    def around(value: float, *shape: int) -> np.ndarray:
        return value * (1 + 0.1 * rng.uniform(-1, 1, shape))

    def symmetric(value: float, *shape: int) -> np.ndarray:
        table = around(value, *shape)
        return 0.5 * (table + np.swapaxes(table, -1, -2))

    tables = {
        "bond_r0": around(3.85, n, n), "bond_k": around(150.0, n, n),
        "angle_coefficients": rng.normal(size=(n, 6)), "angle_lower": np.radians(around(80.0, n)),
        "angle_upper": np.radians(around(140.0, n)), "angle_wall": around(70.0, n),
        "dihedral_k": around(0.7, n, n, 2), "dihedral_phase": rng.normal(size=(n, n, 2)),
        "repulsion_epsilon": np.float64(1.4), "repulsion_sigma": symmetric(4.5, n, n),
        "excluded_epsilon": np.float64(1.3), "excluded_sigma": symmetric(4.2, 4, n, n),
    }  # fmt: skip
    prior = Prior(
        **{name: jnp.asarray(table, jnp.float32) for name, table in tables.items()},
        weights=Weights(),
        types=vocabulary("residues").types,
        cutoff=cutoff,
        repulsion_range=2.0,
        excluded_range=1.3,
        support=Support((3.0, 4.5, 3.9, 3.7, 4.0, 3.8), 4.6),
    )
    settings = AllegroSettings(
        TINY, 1, tensor_channels=4, types=n, cutoff=cutoff, mean_neighbours=6.0, energy_scale=100.0,
        edge_features=("sequence",),
    )  # fmt: skip
    return Potential(prior, Allegro(settings, jax.random.key(1)), cutoff, slots)


def chain_positions(beads: int, seed: int = 0) -> np.ndarray:
    """A helix-like chain with some noise [Å], neighbours about 3.8 Å apart."""
    turn = np.arange(beads) * 1.7
    helix = np.stack([2.3 * np.cos(turn), 2.3 * np.sin(turn), 1.5 * np.arange(beads)], axis=1)
    return helix + np.random.default_rng(seed).normal(scale=0.2, size=helix.shape)


def chain_topology(beads: int, seed: int = 0) -> Topology:
    """One chain of random residues, without padding."""
    species = np.random.default_rng(seed).integers(0, 20, beads).astype(np.int32)
    return Topology(species, np.zeros(beads, np.int32), np.arange(beads, dtype=np.int32), np.ones(beads, bool))


def chain_projection(beads: int, frames: int = 8, name: str = "made") -> Projection:
    """A projected protein: one chain that trembles, half of its frames at 348 K and fewer at 320 K."""
    R = np.stack([chain_positions(beads, seed) for seed in range(frames)]).astype(np.float32)
    types = vocabulary("residues").types
    hot = np.arange(frames) % 3 > 0
    return Projection(
        protein=name,
        R=R,
        F=np.random.default_rng(0).normal(scale=10.0, size=R.shape).astype(np.float32),
        residue_name=tuple(types[species] for species in chain_topology(beads).species),
        chain=np.zeros(beads, np.int32),
        residue=np.arange(beads, dtype=np.int32),
        temperature=np.where(hot, 348.0, 320.0).astype(np.float32),
        trajectories=("320/0", "348/0"),
        trajectory=hot.astype(np.int32),
        frame=np.arange(frames, dtype=np.int32),
        W=np.eye(beads),
        atom_name=("CA",) * beads,
        atom_residue=tuple(map(str, range(beads))),
        quality={},
    )


def write_dataset(path: Path, projections: Sequence[Projection], split: str = "test") -> None:
    """A dataset of projections, a bucket per length, all frames in one set."""
    lengths = sorted({projection.beads for projection in projections})
    with create_dataset(path, header("dataset", {}, {}), vocabulary="residues", cutoff=9.0, parked_at=99.0) as writer:
        for p in projections:
            species = chain_topology(p.beads).species
            beads = ProteinBeads(p.protein, p.residue_name, species, p.chain, p.residue, p.trajectories)
            sets = np.full(len(p), SPLITS[split], np.int32)
            frames = {name: getattr(p, name) for name in ("temperature", "trajectory", "frame")} | {"split": sets}
            writer.add(beads, p.beads, p.R, p.F, frames)
        writer.finish({"buckets": lengths, "mean_neighbours": 6.0})


def ensemble_members(slots: int, count: int = 3) -> list[Potential]:
    """Potentials whose parameters differ by a few percent."""
    first = bonded_potential(slots)
    return [
        first if number == 0 else jax.tree.map(lambda x, f=1 + 0.02 * number: x * f if eqx.is_array(x) else x, first)
        for number in range(count)
    ]


def export_to(
    folder: Path,
    potential: Potential | Sequence[Potential],
    capacities: Sequence[int],
    platforms: Sequence[str] = ("cpu",),
) -> Path:
    """Export without parity gate, several potentials as an ensemble; returns ``model.json``."""
    potentials = [potential] if isinstance(potential, Potential) else potential
    model, seeds = joined(potentials, 0), list(range(len(potentials)))
    folder.mkdir(parents=True, exist_ok=True)
    programs = [export_potential(model, beads, platforms) for beads in capacities]
    for program in programs:
        write_program(program, folder, file_stem(program, program is programs[-1]))
    write_parameters(folder, model, header("program", {}, {}))
    for name, one in zip(model_files(seeds), potentials, strict=True):
        save_model(folder / name, one, header("model", {}, {}), {})
    files = (*model_files(seeds), "params.npz", "params.pkl")
    body = describe_programs(programs, vocabulary("residues"), model, folder, files)
    path = folder / "model.json"
    write_json(
        path, header("program", {}, {}), {"member": "best", "seeds": seeds, "models": model_files(seeds), **body}
    )
    return path
