"""What each choice of the network brings on the demo data: several seeds of every variant, on the same split.

Needs the dataset and the prior of a run (`make demo`). Each training is the stage ``train`` as the workflow runs it, on
one core; finished trainings are kept in ``--folder`` and not repeated. Prints a Markdown table: R² of the forces on the
test blocks, mean ± standard deviation over the seeds, the mean of the paired differences to the first variant, and
frames per second beside the other jobs. Example::

    python benchmarks/ablation.py --results results/demo --folder results/ablation --jobs 2
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from cgpipe.config.load import load
from cgpipe.config.slices import settings_json

CONFIGS = [Path("config/config.yaml"), Path("config/demo.yaml")]

SPECIES_ONLY: dict[str, Any] = {"edge_features": []}

VARIANTS: dict[str, dict[str, Any]] = {
    "as in the demo (small, l_max 1, 16 channels, o3, sequence)": {},
    "no sequence": SPECIES_ONLY,
    "no sequence, no prior": {**SPECIES_ONLY, "use_priors": False},
    "no sequence, l_max 2, 8 channels": {**SPECIES_ONLY, "l_max": 2, "tensor_channels": 8},
    "no sequence, l_max 2, 8 channels, so3": {**SPECIES_ONLY, "l_max": 2, "tensor_channels": 8, "symmetry": "so3"},
    "no sequence, default, l_max 2, 32 channels": {
        **SPECIES_ONLY,
        "allegro_size": "default",
        "l_max": 2,
        "tensor_channels": 32,
    },
}


@dataclass(frozen=True)
class Job:
    """One training."""

    variant: str
    seed: int
    folder: Path

    @property
    def metrics(self) -> Path:
        """Its learning curve; the last line is marked as final when it is done."""
        return self.folder / "metrics.jsonl"

    def done(self) -> bool:
        """Whether it has finished."""
        return self.metrics.exists() and '"final": true' in self.metrics.read_text().splitlines()[-1]

    def train(self, results: Path, configs: Sequence[Path]) -> None:
        """Run it, or what is left of it."""
        if self.done():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = settings_json(*load(configs, {"model": VARIANTS[self.variant]}), "train")
        files = {"dataset": results / "dataset/dataset.h5", "prior": results / "prior/prior.json"}
        files |= {"out": self.folder / "model.eqx", "metrics": self.metrics, "checkpoints": self.folder / "checkpoint"}
        command = [sys.executable, "-m", "cgpipe.train", "--settings", settings, "--seed", str(self.seed)]
        command += [part for name, path in files.items() for part in (f"--{name}", str(path))]
        with (self.folder / "log").open("w") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, env={**os.environ, "NPROC": "1"})

    def outcome(self) -> dict[str, Any]:
        """Its final numbers."""
        lines = [json.loads(line) for line in self.metrics.read_text().splitlines()]
        rates = [line["frames_per_s"] for line in lines if line.get("frames_per_s")]
        return {**lines[-1], "frames_per_s": fmean(rates)}


def row(name: str, outcomes: list[dict[str, Any]], reference: list[dict[str, Any]]) -> str:
    """A line of the table."""
    proteins = sorted(outcomes[0]["test_r2_by_protein"])
    values = [[o["test_r2"] for o in outcomes], *([o["test_r2_by_protein"][p] for o in outcomes] for p in proteins)]
    cells = [f"{fmean(v):.4f} ± {stdev(v):.4f}" for v in values]
    gains = [o["test_r2"] - r["test_r2"] for o, r in zip(outcomes, reference, strict=True)]
    cells += [f"{fmean(gains):+.4f} ± {stdev(gains):.4f}", f"{fmean(o['val_r2'] for o in outcomes):.4f}"]
    return f"| {name} | {' | '.join(cells)} | {fmean(o['frames_per_s'] for o in outcomes):.0f} |"


def main() -> None:
    """Train what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder of the finished run")
    parser.add_argument("--folder", type=Path, required=True, help="for the trainings")
    parser.add_argument("--configs", type=Path, nargs="+", default=CONFIGS, help="configuration of the run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="two at least")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    given = parser.parse_args()
    jobs = [
        Job(variant, seed, given.folder / f"{list(VARIANTS).index(variant)}" / f"seed-{seed}")
        for variant in given.variants
        for seed in given.seeds
    ]
    with ThreadPoolExecutor(given.jobs) as pool:
        for job, _ in zip(jobs, pool.map(lambda job: job.train(given.results, given.configs), jobs), strict=True):
            found = job.outcome()["test_r2"]
            print(f"{job.variant}, seed {job.seed}: test R² {found:.4f}", file=sys.stderr, flush=True)
    by_variant = {name: [job.outcome() for job in jobs if job.variant == name] for name in given.variants}
    reference = next(iter(by_variant.values()))
    proteins = sorted(reference[0]["test_r2_by_protein"])
    print(f"| network | test R² | {' | '.join(proteins)} | gain, paired | validation R² | frames/s |")
    print("|---|---" + "|---" * (len(proteins) + 3) + "|")
    for name, outcomes in by_variant.items():
        print(row(name, outcomes, reference))


if __name__ == "__main__":
    main()
