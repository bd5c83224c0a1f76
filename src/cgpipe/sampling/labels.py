"""Mean forces at frames of a protein: which frames, run by run, and what comes out of all runs.

The frames of both sets are chosen together, so that none is in both; each set is made by a job of its own.
"""

import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from cgpipe.artefact import atomic, open_h5, sha256, sign
from cgpipe.config.decisive import Decisive, code_digest
from cgpipe.config.slices import AverageSettings
from cgpipe.data.projection import Projection
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.physics.averages import Agreement, Averages, average_runs, compare_maps
from cgpipe.physics.spread import spread_out
from cgpipe.sampling.held import ROUND, Held, HeldDynamics, Sampled, alpha_atoms, plain_maps
from cgpipe.sampling.replica import build_start
from cgpipe.sampling.system import fastest_platform

PLAIN = ("uniform", "slice")
"""The maps that the projection's is compared with; the means of the projection's are the labels."""


@dataclass(frozen=True)
class Labels:
    """Mean forces at frames of a protein.

    Attributes:
        frames: the configurations, all at one temperature.
        averages: at each of them.
        agreement: of the other maps with the projection's.
        samples: at each configuration.
        exchanged: share of attempts that exchanged; NaN without copies.
        partial: folder of the runs.
    """

    frames: Projection
    averages: Averages
    agreement: list[Agreement]
    samples: Int64[np.ndarray, " configurations"]
    exchanged: float
    partial: Path

    def arrays(self) -> dict[str, np.ndarray]:
        """What the file holds; the keys of ``cgpipe.data.mean_forces``, and where each configuration came from."""
        frames, averages = self.frames, self.averages
        return {
            "R": frames.R,
            **{f"F_{name}": averages.F[:, number] for number, name in enumerate(("opt", *PLAIN))},
            "se_opt": averages.se,
            "sd_opt": averages.sd,
            "slow_sd_opt": np.array(averages.slow_sd),
            "temperature": frames.temperature,
            "resname": np.array(frames.residue_name),
            "samples": self.samples,
            "trajectory": np.array(frames.trajectories)[frames.trajectory],
            "frame": frames.frame,
        }

    def summary(self) -> dict[str, Any]:
        """Errors, and the comparison of maps, for JSON."""
        averages = self.averages
        return {
            "map": self.frames.quality["map"],
            "configurations": len(self.frames),
            "samples_per_configuration": float(self.samples.mean()),
            "force_rms": _rms(averages.F[:, 0]),
            "single_sample_sd": _rms(averages.sd),
            "standard_error": _rms(averages.se),
            "slow_sd": averages.slow_sd,
            "exchanged": None if np.isnan(self.exchanged) else self.exchanged,
            "maps": [asdict(one) for one in self.agreement],
        }

    def line(self) -> str:
        """What was done, in one line."""
        averages = self.averages
        return (
            f"{self.frames.protein}: mean forces at {len(self.frames)} configurations, RMS "
            f"{_rms(averages.F[:, 0]):.2f}, standard error {_rms(averages.se):.2f}, from slow motions "
            f"{averages.slow_sd:.2f}, single samples {_rms(averages.sd):.2f} [kcal/mol/Å]"
            + ("" if np.isnan(self.exchanged) else f"; {self.exchanged:.0%} of the attempts exchanged")
        )

    def remove_partial(self) -> None:
        """Delete the single runs; for when the labels are written."""
        shutil.rmtree(self.partial)


def make_labels(
    projection: Projection, trajectories: Path, settings: AverageSettings, which: str, partial: Path, threads: int
) -> Labels:
    """Choose frames, run what is missing of their runs, and average.

    Args:
        which: ``test`` or ``train``.
        projection: of the protein, with its force map.
        trajectories: the all-atom frames that it was made from, in mdCATH's layout.
        settings: how the protein was sampled, and how its mean forces are.
        partial: folder of single runs; those of an earlier attempt with the same input are used.
        threads: of the CPU.

    Raises:
        UserError: too few frames, files that do not belong together, an unstable integration, or maps whose means
            differ, so that at least one of them is wrong.
    """
    simulated, average = settings.simulated, settings.average
    wanted = average.test + average.train
    chosen = _choose(projection, float(simulated.temperature), wanted, settings.apart, simulated.seed)
    numbers = np.arange(average.test) if which == "test" else np.arange(average.test, len(chosen))
    frames = chosen.take(numbers)
    platform = fastest_platform(threads)
    built = build_start(simulated, platform)
    alpha = alpha_atoms(built.topology)
    R = _all_atoms(frames, trajectories, alpha)
    if frames.W.shape[1] != R.shape[1] or built.topology.getNumAtoms() != R.shape[1]:
        raise UserError(
            f"{trajectories}: {R.shape[1]} atoms, but the force map has {frames.W.shape[1]} and the system "
            f"{built.topology.getNumAtoms()}; sample and project the protein again"
        )
    plan = Held(
        identity=f"{simulated.seed}/{projection.protein}/held",
        temperatures=(float(simulated.temperature), *average.exchange),
        timestep=simulated.timestep,
        rounds=round(average.picoseconds / ROUND),
    )
    maps = np.concatenate([frames.W[None], plain_maps(built.topology)])
    dynamics = HeldDynamics(built, plan, maps, platform)
    origins = list(zip(frames.trajectory.tolist(), frames.frame.tolist(), strict=True))
    inputs = {"trajectories": sha256(trajectories), "map": frames.W.tolist(), "origins": origins}
    inputs |= {} if not simulated.pdb else {"pdb": sha256(Path(simulated.pdb))}
    _prepare(partial, Decisive("average", settings.model_dump(mode="json"), inputs, code_digest("average")))
    runs = [
        [_kept(partial / f"{number}-{run}.npz", dynamics, start, number, run) for run in range(average.runs)]
        for number, start in zip(numbers.tolist(), R, strict=True)
    ]
    blocks = np.array([[run.blocks for run in own] for own in runs])
    used = str(projection.quality["map"])
    agreement = compare_maps(blocks, frames.R.astype(np.float64), (used, *PLAIN))
    refuse_disagreement(agreement, used, projection.protein)
    return Labels(
        frames=frames,
        averages=average_runs(blocks, np.array([[run.variance for run in own] for own in runs])),
        agreement=agreement,
        samples=np.array([sum(run.samples for run in own) for own in runs]),
        exchanged=float(np.mean([run.exchanged for own in runs for run in own])),
        partial=partial,
    )


def _choose(projection: Projection, temperature: float, count: int, apart: int, seed: int) -> Projection:
    """Different frames at one temperature [K], in random order, so that any part of them is as spread as the rest."""
    frames = projection.of_temperature(temperature)
    chosen = spread_out(frames.R, frames.trajectory, frames.frame, count, apart)
    if len(chosen) < count:
        raise UserError(
            f"{projection.protein}: mean forces at {count} configurations are wanted, but only {len(chosen)} of its "
            f"{len(frames)} frames are {apart} frames apart; sample longer, or lower average.test or average.train"
        )
    return frames.take(np.random.default_rng(seed).permutation(chosen))


def _all_atoms(frames: Projection, path: Path, alpha: Int64[np.ndarray, " beads"]) -> Float64[np.ndarray, "n atoms 3"]:
    """All-atom positions [Å] of frames."""
    with open_h5(path, "allatom") as file:
        group = file[frames.protein]
        where = [frames.trajectories[number] for number in frames.trajectory]
        R = np.array([group[name]["coords"][n] for name, n in zip(where, frames.frame, strict=True)], np.float64)
    if alpha.max() >= R.shape[1] or np.abs(R[:, alpha] - frames.R).max() > 1e-3:
        raise UserError(f"{path}: its Cα atoms are not where the projection has its beads; project the protein again")
    return R


def _prepare(folder: Path, decisive: Decisive) -> None:
    """Keep a folder of runs with the same input, empty any other and say so."""
    file, text = folder / "identity.json", decisive.text()
    if not file.is_file() or file.read_text() != text:
        if file.is_file():
            print(f"note: {folder} holds runs with other settings, inputs or code; starting anew", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        with atomic(file) as temporary:
            temporary.write_text(text)
    sign(folder, maker("average"), goes_on=any(folder.glob("*.npz")))


def _kept(
    file: Path, dynamics: HeldDynamics, R: Float64[np.ndarray, "atoms 3"], configuration: int, run: int
) -> Sampled:
    """One run: from its file where there is one, else made and kept."""
    if not file.is_file():
        made = dynamics.run(R, configuration, run)
        with atomic(file) as temporary:
            np.savez(temporary, **made._asdict())
    with np.load(file) as stored:
        return Sampled(stored["blocks"], stored["variance"], int(stored["samples"]), float(stored["exchanged"]))


def refuse_disagreement(agreement: list[Agreement], used: str, protein: str) -> None:
    """Stop where a map's mean forces differ from those of the projection's map, which is called ``used``.

    Raises:
        UserError: as said.
    """
    for one in agreement:
        if one.disagrees:
            raise UserError(
                f"{protein}: at fixed beads the {one.map} map's mean force along the lines to beads {one.apart} "
                f"residues on differs from the {used} map's by {one.difference:.3f} ± {one.error:.3f} kcal/mol/Å; "
                "all valid maps have the same mean, so one of them is wrong, or the runs are far from equilibrium: "
                "take longer ones (average.picoseconds), or another project.map"
            )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
