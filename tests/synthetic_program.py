"""Small untrained models and made-up chains, exported: the deploy tests need no training and no data."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from cgpipe.artefact import header, write_json
from cgpipe.data.species import vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.metadata import describe_programs, file_stem
from cgpipe.deploy.parameters import write_parameters
from cgpipe.deploy.stablehlo import export_potential, write_program
from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes

TINY = Sizes(layers=1, radial=4, embed=(8, 8), mlp_width=8, mlp_depth=2, readout=8)


def tiny_potential(slots: int, cutoff: float = 9.0) -> Potential:
    """An untrained network without prior, energies of some kcal/mol: neither chain nor residue matters to it."""
    settings = AllegroSettings(
        TINY, l_max=1, tensor_channels=4, types=21, cutoff=cutoff, mean_neighbours=6.0, energy_scale=100.0
    )
    return Potential(None, Allegro(settings, jax.random.key(0)), cutoff, slots)


def chain_positions(beads: int, seed: int = 0) -> np.ndarray:
    """A helix-like chain with some noise [Å], neighbours about 3.8 Å apart."""
    turn = np.arange(beads) * 1.7
    helix = np.stack([2.3 * np.cos(turn), 2.3 * np.sin(turn), 1.5 * np.arange(beads)], axis=1)
    return helix + np.random.default_rng(seed).normal(scale=0.2, size=helix.shape)


def chain_topology(beads: int, seed: int = 0) -> Topology:
    """One chain of random residues, without padding."""
    species = np.random.default_rng(seed).integers(0, 20, beads).astype(np.int32)
    return Topology(species, np.zeros(beads, np.int32), np.arange(beads, dtype=np.int32), np.ones(beads, bool))


def export_to(folder: Path, potential: Potential, capacities: Sequence[int]) -> Path:
    """Export for the CPU without parity gate; returns the path of ``model.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = [export_potential(potential, beads, ("cpu",)) for beads in capacities]
    for program in programs:
        write_program(program, folder, file_stem(program, program is programs[-1]))
    write_parameters(folder, potential, header("program", {}, {}))
    body = describe_programs(programs, vocabulary("residues"), potential.cutoff, folder, ("params.npz", "params.pkl"))
    path = folder / "model.json"
    write_json(path, header("program", {}, {}), {"member": "best", "seed": 0, **body})
    return path
