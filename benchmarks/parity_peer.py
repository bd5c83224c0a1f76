"""Energies and forces of cgpipe's Allegro against nequip-allegro with the same weights: ``make parity-peer``.

Random weights of ours are copied to the peer, both evaluate the same random chains in float32 and float64; prints the
largest relative differences and fails above 1e-5. The peer runs in an interpreter of its own.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from peer import DIRECTIONS, PeerProcess, peer_model, peer_weights
from structures import chain_topology, compact_chain

from cgpipe.model.allegro import Allegro, AllegroSettings
from cgpipe.model.potential import Potential
from cgpipe.model.presets import Sizes

TOLERANCE = 1e-5
BEADS, FRAMES, TYPES, CUTOFF = 40, 3, 20, 12.0


def compare(peer: PeerProcess, l_max: int, layers: int, dtype: str, folder: Path) -> tuple[float, float]:
    """Largest differences of energies per frame and of forces, relative to the largest of each."""
    sizes = Sizes(layers=layers, radial=8, embed=(32, 32), mlp_width=32, mlp_depth=3, readout=32)
    settings = AllegroSettings(sizes, l_max, 8, TYPES, CUTOFF, mean_neighbours=17.0, energy_scale=2.5)
    network = Allegro(settings, jax.random.key(10 * l_max + layers))
    R = np.stack([compact_chain(BEADS, seed) for seed in range(FRAMES)])
    topology = chain_topology(BEADS, TYPES)
    np.savez(folder / "frames.npz", R=R, species=topology.species, cutoff=CUTOFF)
    parameters = peer("build", model=peer_model(settings, dtype))["parameters"]
    weights = peer_weights(network, parameters, peer("signs", l_max=l_max, directions=DIRECTIONS)["signs"])
    np.savez(folder / "weights.npz", **weights)
    peer("weights", file=str(folder / "weights.npz"))
    peer("frames", file=str(folder / "frames.npz"))
    peer("evaluate", file=str(folder / "out.npz"))
    with jax.enable_x64(dtype == "float64"):
        cast = lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x  # noqa: E731 - used for a tree and an array
        potential = jax.tree.map(cast, Potential(None, network, CUTOFF, 36))
        evaluation = jax.jit(jax.vmap(lambda x: potential.evaluate(x, topology)))(jnp.asarray(R, dtype))
    assert int(evaluation.needed.max()) <= potential.neighbour_slots
    with np.load(folder / "out.npz") as out:
        energies, forces = out["energies"], out["forces"]
    ours = np.asarray(evaluation.bead_energies, np.float64).sum(1)
    return (
        float(np.abs(ours - energies).max() / np.abs(energies).max()),
        float(np.abs(evaluation.forces - forces).max() / np.abs(forces).max()),
    )


def main() -> int:
    """Print a table; exit code 1 where a difference is too large."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peer-python", required=True, type=Path, help="interpreter with nequip-allegro and torch")
    peer = PeerProcess(arguments.parse_args().peer_python)
    worst = 0.0
    print("l_max  layers  dtype    energy   force")
    with tempfile.TemporaryDirectory() as folder:
        for l_max in (1, 2, 3):
            for layers in (2, 3):
                for dtype in ("float32", "float64"):
                    energy, force = compare(peer, l_max, layers, dtype, Path(folder))
                    worst = max(worst, energy, force)
                    print(f"{l_max:5}  {layers:6}  {dtype}  {energy:.1e}  {force:.1e}", flush=True)
    peer.close()
    print(f"largest relative difference {worst:.1e}, tolerance {TOLERANCE:g}")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
