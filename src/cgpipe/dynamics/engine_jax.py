"""All replicas at once in JAX, under the model that the program was exported from: ``simulate.engine: jax``."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cgpipe.artefact import sign
from cgpipe.config.decisive import Decisive, code_digest, engine_module
from cgpipe.dynamics.ends import Outcome
from cgpipe.dynamics.engines import Engine, Molecule, Replica, checkpoint_of
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.parts import Parts
from cgpipe.dynamics.plans import bond_watch
from cgpipe.dynamics.run import run_replicas
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.model.serialise import load_model


def _run(molecule: Molecule, replicas: Sequence[Replica], folders: Sequence[Path]) -> list[Outcome]:
    """All at once in JAX, under the model that the program was exported from."""
    metadata, topology = molecule.program.metadata, molecule.topology
    if metadata["members"] > 1:
        raise UserError(f"{molecule.program.path}: simulate.engine jax runs single models; use lammps or native")
    potential, _ = load_model(molecule.program.path.with_name("model.eqx"))
    plans = [replica.plan for replica in replicas]
    R = np.stack([replica.R for replica in replicas])
    chosen = engine_module("jax")
    decisive = Decisive(
        "simulate",
        {"plans": [asdict(plan) for plan in plans], "bond_tolerance": molecule.simulate.bond_tolerance},
        {
            "model": metadata["sha256"]["model.eqx"],
            "positions": _hash(R),
            "reference": _hash(molecule.reference.R),  # which bonds are measured by
            "topology": _hash(*map(np.asarray, topology)),
        },
        code_digest("simulate", chosen),
    )
    parts = Parts(checkpoint_of(replicas), decisive.text())
    sign(checkpoint_of(replicas), maker("simulate", chosen), goes_on=parts.progress() is not None)
    return run_replicas(
        folders,
        plans,
        R,
        force_field(potential, topology),
        potential.neighbour_slots,
        np.array(molecule.program.vocabulary.masses)[np.asarray(topology.species)],
        bond_watch(molecule.reference, molecule.simulate.bond_tolerance),
        parts,
    )


def _hash(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


ENGINE = Engine(_run, together=True)
