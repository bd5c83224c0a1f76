"""A whole made-up run on disk, in seconds: two short chains, an untrained program, simulations of which one dies."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib import image
from mdtraj.formats import DCDTrajectoryFile
from synthetic_program import chain_positions, chain_topology, export_to, tiny_potential

from cgpipe import dataset, validate
from cgpipe.artefact import header, write_json
from cgpipe.data.projection import Projection, write_projection
from cgpipe.data.species import vocabulary
from cgpipe.model.serialise import save_model
from cgpipe.physics.prior import Prior, Weights

PROTEINS = {"alpha": 8, "beta": 6}
LABELLED = "alpha"
"""The protein with mean forces and a native structure."""
NATIVE = 7
"""The frame that this structure is."""
SEEDS = (0, 1)
REPLICAS = 3
VALIDATE = {
    "validate": {"contact_cutoff": 8.0, "contact_separation": 3, "bins": 20, "bootstrap": 40, "discard": 0.2},
}


def write_run(folder: Path, validated: bool = True) -> Path:
    """Write every artefact of a run below a folder, validations included unless told otherwise; returns the folder."""
    for name, beads in PROTEINS.items():
        write_projection(folder / "project" / f"{name}.h5", _projection(name, beads), header("projection", {}, {}))
    settings = {
        "dataset": {"split": "blocks", "block_frames": 10, "gap_frames": 1, "npz": False, "test_fraction": 0.2},
        "vocabulary": "residues",
        "val_fraction": 0.2,
        "cutoff": 12.0,
        "families": {name: name for name in PROTEINS},
    }
    projections = [str(folder / "project" / f"{name}.h5") for name in PROTEINS]
    out, summary = str(folder / "dataset" / "dataset.h5"), str(folder / "dataset" / "dataset.json")
    dataset.main(
        ["--settings", json.dumps(settings), "--projections", *projections, "--out", out, "--summary", summary]
    )
    write_mean_forces(folder / "meanforce.npz")
    write_native(folder / "native.pdb")
    _write_prior(folder / "prior")
    _write_training(folder)
    for member in ("best", "seed-1"):
        export_to(folder / "export" / member, tiny_potential(7, 12.0), sorted(PROTEINS.values()))
        errors = {
            name: {"rel_error": 1e-7 * (1 + number), "forces": [[3.0, 1e-6], [0.5, 2e-7]]}
            for number, name in enumerate(PROTEINS)
        }
        parity = {"member": member, "max_rel_error": 2e-7, "tolerance": 1e-5, "passed": True, "proteins": errors}
        write_json(folder / "export" / member / "parity.json", header("parity", {}, {}), parity)
    for name, beads in PROTEINS.items():
        for replica in range(REPLICAS):
            write_simulation(folder / "simulate" / name / "best" / str(replica), name, beads, replica)
        if validated:
            run_validate(folder, name)
        write_stability(folder / "stability" / f"{name}.json", name)
    table = folder / "benchmark" / "train" / "seed-0.tsv"
    table.parent.mkdir(parents=True)
    table.write_text("s\th:m:s\tmax_rss\n12.5\t0:00:12\t200\n")
    (folder / "benchmark" / "prior.tsv").write_text("s\th:m:s\n3.0\t0:00:03\n")
    return folder


def run_validate(folder: Path, name: str) -> dict[str, Any]:
    """Run the validate stage on one protein of such a run; returns what it wrote."""
    out = folder / "validate" / f"{name}.json"
    simulations = sorted(folder.glob(f"simulate/{name}/best/*/simulation.json"))
    arguments = {
        "--projection": folder / "project" / f"{name}.h5",
        "--dataset": folder / "dataset" / "dataset.h5",
        "--prior": folder / "prior" / "prior.json",
        "--program": folder / "export" / "best" / "model.json",
        "--out": out,
    }
    if name == LABELLED:
        arguments["--mean-force"] = folder / "meanforce.npz"
        arguments["--native"] = folder / "native.pdb"
    flat = [str(part) for pair in arguments.items() for part in pair]
    models = [str(folder / "train" / f"seed-{seed}" / "model.eqx") for seed in SEEDS]
    flat += ["--models", *models, "--simulations", *map(str, simulations)]
    validate.main(["--settings", json.dumps(VALIDATE), *flat])
    return json.loads(out.read_text())


def write_simulation(folder: Path, protein: str, beads: int, replica: int, frames: int = 41, **changes: Any) -> None:
    """One simulation near the reference; replica 2 dies halfway and ends in two frames that are not finite."""
    folder.mkdir(parents=True, exist_ok=True)
    dies = replica == 2
    R = _frames(beads, frames, seed=100 + replica)
    if dies:
        R = R[: frames // 2 + 1]
        R[-2:] = np.nan
    (folder / "traj.dcd").unlink(missing_ok=True)
    with DCDTrajectoryFile(str(folder / "traj.dcd"), "w") as file:
        file.write(R)
    done = 9.5 if dies else 20.0
    record = {
        "protein": protein,
        "member": "best",
        "replica": replica,
        "engine": "lammps",
        "start": {"trajectory": "348/0", "frame": 3},
        "temperature": 348.0,
        "timestep": 4.0,
        "save_every": 0.5,
        "picoseconds_requested": 20.0,
        "picoseconds": done,
        "survived": not dies,
        "death": {"picoseconds": done, "reason": "a force is not finite"} if dies else None,
        "mean_temperature": 350.0,
        "max_bond_deviation": 3.0 if dies else 0.4,
        "steps_per_second": 1000.0,
    }
    write_json(folder / "simulation.json", header("simulation", {}, {}), {**record, **changes})


def write_stability(path: Path, protein: str) -> None:
    """Made-up limits of a model: half of the replicas die at 600 K, all of them at 32 fs."""
    cold = {
        "temperature": 300.0, "survived": 2, "simulated_ps": 2.0, "death_rate_bound": 1.5, "deaths": [],
        "curve": {"time": [0.0, 1.0], "alive": [1.0, 1.0]}, "uncertain": 0.02, "outside": 0.01,
    }  # fmt: skip
    death = {"replica": 1, "picoseconds": 0.4, "reason": "a force is not finite"}
    hot = {"temperature": 600.0, "survived": 1, "deaths": [death], "uncertain": None, "outside": None}
    temperature = {
        "kinetic": 347.0, "kinetic_interval": [340.0, 354.0], "configurational": 350.0,
        "configurational_interval": [330.0, 370.0], "beads": [345.0, 349.0], "equipartition": True,
    }  # fmt: skip
    works = {"timestep": 8.0, "survived": 2, "deaths": [], **temperature}
    breaks = {"timestep": 32.0, "survived": 0, "deaths": [death], **dict.fromkeys(temperature)}
    body = {
        "protein": protein, "member": "best", "replicas": 2, "picoseconds": 1.0, "temperature": 348.0, "timestep": 4.0,
        "longest_stable_timestep": 8.0, "longest_timestep_tried": 32.0, "energy_fluctuation_order": 2.0,
        "spread_limit": 2.5, "temperatures": [cold, {**cold, **hot}], "ladder": [works, breaks],
        "free": [{"timestep": 8.0, "survived": 2, "fluctuation": 0.01, "drift": 1e-3, "drift_error": None}],
    }  # fmt: skip
    write_json(path, header("stability", {}, {}), body)


def write_mean_forces(path: Path, **changes: Any) -> None:
    """Made-up mean forces of the protein ``alpha``, the first at a frame of the projection, the others of a run that
    has no frame in it."""
    beads = PROTEINS[LABELLED]
    R = np.concatenate([_frames(beads, 120, 1)[:1], _frames(beads, 11, 77)])
    types = vocabulary("residues").types
    arrays = {
        "R": R,
        "F_opt": np.random.default_rng(5).normal(scale=8.0, size=R.shape),
        "se_opt": np.full(R.shape, 0.6),
        "slow_sd_opt": np.float64(0.8),
        "sd_opt": np.full(R.shape, 8.0),
        "temperature": np.full(len(R), 348.0),
        "resname": np.array([types[species] for species in chain_topology(beads).species]),
        "trajectory": np.array(["348/0"] + ["alpha/348/4"] * 11),
    }
    np.savez(path, **{**arrays, **changes})


def write_native(path: Path) -> None:
    """The native structure of ``alpha``, Cα atoms only."""
    made = _projection(LABELLED, PROTEINS[LABELLED])
    path.write_text(alpha_pdb(made.residue_name, made.R[NATIVE]))


def alpha_pdb(names: Sequence[str], R: np.ndarray) -> str:
    """A PDB of Cα atoms."""
    rows = (
        f"ATOM  {i:5d}  CA  {name} A{i:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
        for i, (name, (x, y, z)) in enumerate(zip(names, R, strict=True), 1)
    )
    return "\n".join([*rows, "END", ""])


def _frames(beads: int, frames: int, seed: int) -> np.ndarray:
    """A chain that bends, and trembles a little [Å]."""
    random = np.random.default_rng(seed)
    noise = random.normal(scale=0.05, size=(frames, beads, 3))
    bent = random.normal(size=(frames, 1, 3)) * np.linspace(-1.0, 1.0, beads)[:, None] ** 2
    return (chain_positions(beads) + noise + bent).astype(np.float32)


def _projection(name: str, beads: int) -> Projection:
    frames = 120
    generator = np.random.default_rng(beads)
    types = vocabulary("residues").types
    rms = {"optimal": 10.0, "uniform": 20.0, "slice": 22.0}
    quality = {
        "map": "optimal", "engine": "builtin", "net_force_rms": 3.0, "net_torque_rms": 20.0,
        "yvon_born_green": {"1": {"measured": -0.4, "exact": -0.36, "difference": -0.04, "error": 0.07}},
        "frames": 2 * frames, "frames_dropped": 0, "overfit_ratio": 0.01, "notes": ["made up"],
        "rms": rms, "rms_heldout": {**rms, "optimal": 10.5}, "constraint_violation_max": 4e-4,
    }  # fmt: skip
    return Projection(
        protein=name,
        R=np.concatenate([_frames(beads, frames, seed) for seed in (1, 2)]),
        F=generator.normal(scale=10.0, size=(2 * frames, beads, 3)).astype(np.float32),
        residue_name=tuple(types[species] for species in chain_topology(beads).species),
        chain=np.zeros(beads, np.int32),
        residue=np.arange(beads, dtype=np.int32),
        temperature=np.full(2 * frames, 348.0, np.float32),
        trajectories=("348/0", "348/1", "348/2", "348/3", "348/4"),
        trajectory=np.repeat(np.arange(4, dtype=np.int32), frames // 2),
        frame=np.tile(np.arange(frames // 2, dtype=np.int32), 4),
        W=np.repeat(np.eye(beads), 3, axis=1),
        atom_name=("N", "CA", "C") * beads,
        atom_residue=tuple(str(i // 3) for i in range(3 * beads)),
        quality=quality,
    )


def _write_prior(folder: Path) -> None:
    types = vocabulary("residues").types
    n = len(types)
    tables = {
        "bond_r0": np.full((n, n), 3.8), "bond_k": np.full((n, n), 50.0), "angle_coefficients": np.zeros((n, 4)),
        "angle_lower": np.full(n, 1.4), "angle_upper": np.full(n, 2.5), "angle_wall": np.full(n, 10.0),
        "dihedral_k": np.full((n, n, 2), 0.1), "dihedral_phase": np.zeros((n, n, 2)),
        "repulsion_epsilon": np.float64(1.0), "repulsion_sigma": np.full((n, n), 4.0),
        "excluded_epsilon": np.float64(1.0), "excluded_sigma": np.full((4, n, n), 4.0),
    }  # fmt: skip
    prior = Prior(
        **{name: jnp.asarray(table) for name, table in tables.items()},
        weights=Weights(),
        types=types,
        cutoff=12.0,
        repulsion_range=2.0,
        excluded_range=1.3,
    )
    divergences = {f"js_{term}{end}": 0.01 for term in ("bond", "angle", "dihedral") for end in ("", "_split_half")}
    quality = {"proteins": {name: {"force_r2": 0.1, **divergences} for name in PROTEINS}}
    write_json(folder / "prior.json", header("prior", {}, {}), {"prior": prior.to_json(), "quality": quality})
    image.imsave(folder / "prior.png", np.full((40, 60), 0.5))


def _write_training(folder: Path) -> None:
    for seed in SEEDS:
        lines: list[dict[str, Any]] = [{"header": header("metrics", {}, {})}]
        for epoch in range(4):
            error = 9.0 + 1.0 / (epoch + 1) + 0.1 * seed
            row = {"epoch": epoch, "lr": 1e-3, "train_rmse": error - 0.2, "val_rmse": error, "frames_per_s": 100.0}
            lines.append(row)
        lines.append({"final": True, "best_epoch": 3, "val_mse": error**2, "val_rmse": error, "val_r2": 0.2})
        path = folder / "train" / f"seed-{seed}" / "metrics.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        save_model(path.with_name("model.eqx"), tiny_potential(7, 12.0), header("model", {}, {}), {})
    members = [{"seed": seed, "model": f"train/seed-{seed}/model.eqx"} for seed in SEEDS]
    member = {"replicas": 8, "js": 0.01, "js_error": 0.001, "js_by_protein": {"alpha": 0.01}}
    dynamics = {f"seed-{seed}": {**member, "survived": 8 - seed} for seed in SEEDS}
    ranks = {"selected_by": "dynamics", "ranking_force": [1, 0], "ranking_dynamics": [0, 1], "dynamics": dynamics}
    body = {"members": members, "best_seed": 0, **ranks}
    write_json(folder / "ensemble" / "ensemble.json", header("ensemble", {}, {}), body)
