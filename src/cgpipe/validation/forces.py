"""Forces of the program on test frames beside everything simpler, in all and by position, residue and temperature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cgpipe.config.slices import ValidateSettings
from cgpipe.data.mean_forces import MeanForces
from cgpipe.data.one_temperature import same_temperature
from cgpipe.data.projection import Projection
from cgpipe.data.store import Dataset, Frames
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program
from cgpipe.model.potential import Potential
from cgpipe.physics.force_errors import force_metrics, force_sums, paired_metrics, r_squared
from cgpipe.physics.observables import rotations_onto
from cgpipe.physics.prior import Prior, ThermalPrior, prior_at
from cgpipe.physics.statistics import interval, resampling
from cgpipe.validation.ceiling import against_ceiling, force_blocks, force_squares
from cgpipe.validation.predictions import bonds_of_training_frames, by_temperature, forces_at, prior_forces


def evaluate_forces(
    projection: Projection,
    dataset: Dataset,
    prior: Prior | ThermalPrior,
    program: Program,
    settings: ValidateSettings,
    labels: MeanForces | None,
    generator: np.random.Generator,
    members: Sequence[Potential] = (),
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Metrics of the program and of what is simpler, on the protein's test frames, each at its own temperature.

    Args:
        projection: all frames of the protein.
        dataset: its sets.
        prior: as fitted, without any network.
        program: the exported model.
        settings: of the stage.
        labels: mean forces at held beads, whose scatter is the noise of labels; None where there are none.
        generator: randomness of the bootstrap, and of shuffled forces.
        members: what the program was exported from; asked at temperatures that it is not of.

    Returns:
        flat numbers (``{model}_{metric}``; the models are ``force``, ``prior_force``, ``network_force``,
        ``bonds_force``, ``average_force``, ``shuffled_force``, ``zero_force``), and R² by position, residue type and
        temperature; nothing where the protein has no test frames.
    """
    protein = projection.protein
    frames = dataset.load_protein(protein, "test")
    if not len(frames.R):
        return {"force_frames": 0}, None
    topology = Topology(*(column[0] for column in frames.topology))
    kelvin, cutoff = frames.temperature, dataset.cutoff
    full = by_temperature(frames.R, kelvin, lambda R, t: forces_at(program, members, t, R, topology))
    alone = by_temperature(frames.R, kelvin, lambda R, t: prior_forces(prior_at(prior, t), R, topology, cutoff))
    models = {
        "force": full,
        "prior_force": alone,
        "network_force": full - alone,
        "bonds_force": bonds_of_training_frames(dataset, protein).forces(frames.R, topology),
        "average_force": average_forces(dataset.load_protein(protein, "train"), frames.R),
        "shuffled_force": generator.permutation(full),
        "zero_force": np.zeros_like(full),
    }
    blocks, missing = force_blocks(
        frames.trajectory, frames.frame, [force_squares(frames.F), force_squares(frames.F - full)]
    )
    sums = {name: force_sums(frames.F, forces, blocks) for name, forces in models.items()}
    weights = resampling(generator, int(blocks.max()) + 1, settings.validate_.bootstrap)
    flat: dict[str, Any] = {
        "force_frames": len(frames.R),
        "force_blocks": int(blocks.max()) + 1,
        "force_interval_missing": missing,
        "force_trajectories": len(np.unique(frames.trajectory)),
        "force_label_rms": float(np.sqrt(np.mean(frames.F.astype(np.float64) ** 2))),
    }
    for name, part in sums.items():
        flat |= force_metrics(part, weights, name)
    for name in ("force", "prior_force"):
        paired = paired_metrics(sums[name], sums["bonds_force"], weights)
        flat |= {
            f"{name}_{k.replace('beyond', 'beyond_bonds')}": paired[k] for k in paired if k.startswith("r2_beyond")
        }
    flat |= {f"force_{k}": v for k, v in paired_metrics(sums["force"], sums["prior_force"], weights).items()}
    # the noise of labels is of one temperature, and so is all that it is compared with
    wanted = labels.temperature if labels else program.temperature(0.0, projection.reference_temperature())
    reference = projection.reference_at(wanted)
    there = same_temperature(frames.temperature, float(reference.temperature[0]))
    used, block = np.unique(blocks[there], return_inverse=True)
    reached = force_sums(frames.F[there], full[there], block)
    flat |= against_ceiling(reference, topology, labels, reached, weights[:, used], generator)
    parts = {
        "position": {str(bead): _only(frames.F, bead=bead) for bead in range(frames.R.shape[1])},
        "residue": {name: _of_residue(frames.F, projection, name) for name in sorted(set(projection.residue_name))},
        "temperature": {f"{t:g}": _at(frames, t) for t in np.unique(frames.temperature).tolist()},
    }
    return flat, {kind: _by_part(frames.F, models, blocks, these, weights) for kind, these in parts.items()}


def average_forces(training: Frames, R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "frames beads 3"]:
    """The baseline that knows no configuration: each bead's mean training force, turned with the chain [kcal/mol/Å]."""
    if not len(training.R):
        return np.zeros(R.shape)
    onto = training.R[0]
    mean = np.mean(np.einsum("fbi,fij->fbj", training.F, rotations_onto(training.R, onto)), axis=0)
    return np.einsum("bj,fij->fbi", mean, rotations_onto(R, onto))


def _by_part(
    F: Float[np.ndarray, "frames beads 3"],
    models: Mapping[str, Float[np.ndarray, "frames beads 3"]],
    blocks: Int[np.ndarray, " frames"],
    parts: Mapping[str, Bool[np.ndarray, "frames beads 3"]],
    weights: Int[np.ndarray, "samples blocks"],
) -> list[dict[str, Any]]:
    """R² of prior and program on parts of the components, and R² beyond the bonds."""
    rows = []
    for name, chosen in parts.items():
        kept = np.where(chosen, F, 0.0)
        # a component left out adds nothing to any sum but the number of components, which R² does not use
        sums = {
            key: force_sums(kept, np.where(chosen, models[key], 0.0), blocks)
            for key in ("force", "prior_force", "bonds_force")
        }
        gain = paired_metrics(sums["force"], sums["bonds_force"], weights)
        r2 = float(r_squared(sums["force"]))
        rows.append(
            {
                "name": name,
                "components": int(np.sum(chosen)),
                "r2": r2,
                "r2_interval": interval(r2, r_squared(sums["force"].drawn(weights)), weights.shape[1]),
                "prior_r2": float(r_squared(sums["prior_force"])),
                "r2_beyond_bonds": gain["r2_beyond"],
                "r2_beyond_bonds_interval": gain["r2_beyond_interval"],
            }
        )
    return rows


def _only(F: Float[np.ndarray, "frames beads 3"], bead: int) -> Bool[np.ndarray, "frames beads 3"]:
    chosen = np.zeros(F.shape, bool)
    chosen[:, bead] = True
    return chosen


def _of_residue(
    F: Float[np.ndarray, "frames beads 3"], projection: Projection, name: str
) -> Bool[np.ndarray, "frames beads 3"]:
    chosen = np.zeros(F.shape, bool)
    chosen[:, [residue == name for residue in projection.residue_name]] = True
    return chosen


def _at(frames: Frames, temperature: float) -> Bool[np.ndarray, "frames beads 3"]:
    return np.broadcast_to((frames.temperature == temperature)[:, None, None], frames.F.shape)
