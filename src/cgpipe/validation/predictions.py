"""Forces of everything that claims to predict them: exported program, trained models, prior alone, bonds alone."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from cgpipe.data.one_temperature import same_temperature
from cgpipe.data.store import Dataset
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.model.temperature import at_temperature
from cgpipe.physics.bond_springs import BondSprings, fit_bond_springs
from cgpipe.physics.prior import Prior

Frames = Float[np.ndarray, "frames beads 3"]

AT_ONCE = 32
"""Frames that a model evaluates together."""


def program_forces(program: Program, R: Frames, topology: Topology) -> Frames:
    """Forces of the exported program [kcal/mol/Å], as LAMMPS gets them."""
    chain = program.bind(topology)
    return np.stack([chain(frame.astype(np.float64)).forces for frame in R])


def by_temperature(
    R: Frames, kelvin: Float[np.ndarray, " frames"], forces: Callable[[Frames, float], Frames]
) -> Frames:
    """Forces of frames, each by what gives them at its own temperature [K]."""
    found = np.zeros(R.shape)
    for one in np.unique(kelvin):
        found[kelvin == one] = forces(R[kelvin == one], float(one))
    return found


def forces_at(program: Program, members: Sequence[Potential], kelvin: float, R: Frames, topology: Topology) -> Frames:
    """Forces of what was exported, at a temperature [K]: by the program, or by its models where it is of another one.

    Args:
        program: of one temperature; one of a model that knows of none is taken at every temperature.
        members: the models that it was exported from.
        kelvin: of the frames [K].
        R: positions [Å].
        topology: of one frame.
    """
    if same_temperature(program.metadata.get("temperature", kelvin), kelvin):
        return program_forces(program, R, topology)
    own = [model_forces(at_temperature(one, kelvin, "frames"), R, topology, str(program.path)) for one in members]
    return np.mean(own, axis=0)


def prior_forces(prior: Prior, R: Frames, topology: Topology, cutoff: float) -> Frames:
    """Forces of the prior without any network [kcal/mol/Å]."""
    return model_forces(Potential(prior, None, cutoff, R.shape[1] - 1), R, topology, "the prior")


def model_forces(potential: Potential, R: Frames, topology: Topology, where: str) -> Frames:
    """Forces of a model [kcal/mol/Å].

    Args:
        potential: the model.
        R: positions [Å].
        topology: of one frame, all beads real.
        where: whose forces these are, for the message.

    Raises:
        UserError: a frame has more neighbours than the model has room for.
    """
    real = Topology(*map(jnp.asarray, topology))
    frames = jnp.asarray(R - R.mean(axis=1, keepdims=True, dtype=np.float64), jnp.float32)
    found = jax.jit(lambda R: jax.lax.map(lambda one: potential.evaluate(one, real), R, batch_size=AT_ONCE))(frames)
    needed = int(found.needed.max())
    if needed > potential.neighbour_slots:
        raise UserError(
            f"{where}: {needed} neighbour slots per bead are needed but the model has {potential.neighbour_slots}; "
            "raise dataset.capacity_margin and train again"
        )
    return np.asarray(found.forces, np.float64)


def bonds_of_training_frames(dataset: Dataset, protein: str) -> BondSprings:
    """Harmonic bonds fitted to the protein's training frames, or to those of the first protein that has any."""
    names = [protein, *(other.name for other in dataset.proteins if other.name != protein)]
    for name in names:
        frames = dataset.load_protein(name, "train")
        if len(frames.R):
            return fit_bond_springs(frames.R, frames.F, Topology(*(column[0] for column in frames.topology)))
    raise UserError("no protein of the dataset has training frames; lower dataset.test_fraction")
