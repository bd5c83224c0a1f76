"""How fast training is, whether devices wait for frames, and whether anything is lost when it is killed.

    python benchmarks/training.py presets             frames/s of every size of network
    python benchmarks/training.py waiting             share of time waiting for frames, 100 proteins of 50–300 residues
    python benchmarks/training.py padding             buckets against one length: padded work, and time
    python benchmarks/training.py scaling             1, 2 and 4 processes, the same work for each
    python benchmarks/training.py memory --gigabytes 20      peak memory on a set of this size
    python benchmarks/training.py kill --times 20     kill -9 at random moments; is the model the same to the last bit?

Chains and forces are made up: only their sizes are real. Every command prints a table; nothing stays on disk.
"""

import argparse
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from synthetic_dataset import write_dataset
from train_processes import arguments_of, digest, epochs, joined_training, training

from cgpipe.config.slices import TrainSettings
from cgpipe.data.store import open_dataset
from cgpipe.train import main as train
from cgpipe.train import untrained
from cgpipe.training.devices import data_mesh, on_devices, replicated
from cgpipe.training.feed import Feed
from cgpipe.training.optimisers import phases, trainable
from cgpipe.training.step import initial_state, make_step


def main(argv: Sequence[str]) -> int:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands: dict[str, Callable[[argparse.Namespace, Path], None]] = {
        "presets": presets, "waiting": waiting, "padding": padding, "scaling": scaling, "memory": memory, "kill": kill,
    }  # fmt: skip
    parser.add_argument("benchmark", choices=commands)
    parser.add_argument("--proteins", type=int, default=100)
    parser.add_argument("--shortest", type=int, default=50)
    parser.add_argument("--longest", type=int, default=300)
    parser.add_argument("--beads", type=int, default=100, help="presets, scaling, memory: length of all chains")
    parser.add_argument("--size", default="small", help="preset of the network")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="timed steps per variant and round")
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="kill: of the moments")
    parser.add_argument("--scratch", type=Path, help="where the temporary folder goes")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that files and processes go
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        print(f"{options.benchmark}: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, jax {jax.__version__}")
        commands[options.benchmark](options, Path(scratch))
    return 0


def settings(options: argparse.Namespace, size: str, **training: Any) -> TrainSettings:
    """Settings of a training without prior."""
    return TrainSettings.model_validate(
        {
            "model": {"allegro_size": size, "use_priors": False, "l_max": 1, "tensor_channels": 16},
            "training": {"batch_per_device": options.batch, "epochs_adabelief": 1, **training},
        }
    )


class Run:
    """A model, its steps and its frames, to be timed in turns with others."""

    def __init__(self, path: Path, chosen: TrainSettings):
        self._open = open_dataset(path)
        dataset = self._open.__enter__()
        potential = untrained(chosen, dataset, None, 0)
        parameters, fixed = eqx.partition(potential, trainable(potential, False))
        self.mesh = data_mesh(jax.devices())
        self.feed = Feed(dataset.stored("train"), chosen.training.batch_per_device * self.mesh.size, seed=0)
        phase = phases(chosen.training, self.feed.steps_per_epoch, parameters)[0]
        self.advance = make_step(fixed, phase.optimiser, 1.0, 0.999, self.mesh)
        self.state = jax.device_put(initial_state(parameters, phase.optimiser), replicated(self.mesh))
        self.number = 0
        self.frames = self.slots = 0
        compiled: set[int] = set()
        step = 0
        while len(compiled) < len(self.feed.buckets):  # one step of every length, not timed
            if self.feed.place(step).bucket not in compiled:
                compiled.add(self.feed.place(step).bucket)
                jax.block_until_ready(self.advance(self.state, on_devices(self.feed.at(step)[0], self.mesh)))
            step += 1

    def seconds(self, steps: int) -> float:
        """Time of some steps."""
        begun = time.perf_counter()
        for _ in range(steps):
            batch, frames = self.feed.at(self.number)
            self.state = self.advance(self.state, on_devices(batch, self.mesh))
            self.number += 1
            self.frames += frames
            self.slots += int(np.prod(batch.R.shape[:2]))
        jax.block_until_ready(self.state)
        return time.perf_counter() - begun


def presets(options: argparse.Namespace, scratch: Path) -> None:
    """Frames per second of a training step, presets in turns."""
    write_dataset(scratch / "dataset.h5", [options.beads] * 4, 200, 20)
    sizes = ("small", "med", "default", "large")
    runs = {size: Run(scratch / "dataset.h5", settings(options, size)) for size in sizes}
    seconds: dict[str, list[float]] = {size: [] for size in sizes}
    for _ in range(3):
        for size, run in runs.items():
            seconds[size].append(run.seconds(options.steps))
    print(
        f"{options.beads} beads, batch {options.batch}, l_max 1, 16 channels; best of 3 rounds of {options.steps} steps"
    )
    for size in sizes:
        best = options.batch * options.steps / min(seconds[size])
        print(f"{size:10} {best:8.1f} frames/s   {min(seconds[size]) / min(seconds['small']):5.2f} × the time of small")


def padding(options: argparse.Namespace, scratch: Path) -> None:
    """One epoch's mixture of lengths in buckets, and all padded to the longest, in turns."""
    lengths = np.random.default_rng(1).integers(options.shortest, options.longest + 1, size=options.proteins).tolist()
    runs = {}
    for name, buckets in (("buckets", 8), ("one length", 1)):
        path = scratch / f"{buckets}.h5"
        write_dataset(path, lengths, 6, 2, buckets)
        runs[name] = Run(path, settings(options, options.size))
    seconds: dict[str, float] = dict.fromkeys(runs, 0.0)
    rounds = 8
    for number in range(rounds):  # one epoch in all, so that every length counts as often as it occurs
        for name, run in runs.items():
            first, last = (k * run.feed.steps_per_epoch // rounds for k in (number, number + 1))
            seconds[name] += run.seconds(last - first)
    work = {name: run.slots / run.frames for name, run in runs.items()}
    cost = {name: seconds[name] / run.frames for name, run in runs.items()}
    mean = np.mean(lengths)
    for name in runs:
        print(f"{name:12} {mean / work[name]:5.1%} of the slots are beads   {1 / cost[name]:8.1f} frames/s")
    print(f"slots per frame, one length / buckets: {work['one length'] / work['buckets']:.2f}")
    print(f"time per frame, one length / buckets:  {cost['one length'] / cost['buckets']:.2f}")


def waiting(options: argparse.Namespace, scratch: Path) -> None:
    """The share of time that the train stage reports itself."""
    lengths = np.random.default_rng(1).integers(options.shortest, options.longest + 1, size=options.proteins).tolist()
    write_dataset(scratch / "dataset.h5", lengths, 12, 2)
    with training(scratch, settings(options, options.size, epochs_adabelief=2, checkpoint_steps=10**6)) as process:
        if process.wait():
            raise SystemExit("the training failed")
    for line in epochs(scratch)[1:]:
        print(f"epoch {line['epoch']}: {line['frames_per_s']:.1f} frames/s, waiting {line['waiting']:.2%} of the time")


def memory(options: argparse.Namespace, scratch: Path) -> None:
    """Train on a set larger than the memory for some steps, stop by SIGTERM, and look at the peak."""
    proteins = 100
    frames = int(options.gigabytes * 1e9 / (24 * options.beads * proteins))
    begun = time.perf_counter()
    write_dataset(scratch / "dataset.h5", [options.beads] * proteins, frames, 2)
    size = (scratch / "dataset.h5").stat().st_size
    print(
        f"dataset.h5: {size / 1e9:.1f} GB, {frames * proteins / 1e6:.1f} M frames, {time.perf_counter() - begun:.0f} s"
    )
    with training(scratch, settings(options, options.size, checkpoint_steps=options.steps)) as process:
        while process.poll() is None and not list(scratch.glob("checkpoint/*/step-*")):
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        code = process.wait()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"exit code {code} after {sorted(scratch.glob('checkpoint/*/*'))[-1].stem}, peak memory {peak / 1e6:.2f} GB")


def kill(options: argparse.Namespace, scratch: Path) -> None:
    """Killed at a random moment each time and started again: the model's bytes must be those of an undisturbed run."""
    write_dataset(scratch / "dataset.h5", [8], 84, 4)
    chosen = settings(options, "small", epochs_adabelief=4, epochs_yogi=2, checkpoint_steps=2, ema_decay=0.9)
    jax.config.update("jax_compilation_cache_dir", str(scratch / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_disable_most_optimizations", True)  # quickly compiled will do

    def begun(out: Path, compiling: bool = False) -> multiprocessing.Process:
        """The stage in a process that has imported everything, but not yet asked JAX for a device."""
        out.mkdir(exist_ok=True)
        arguments = (arguments_of(scratch, chosen, out), compiling)
        process = multiprocessing.get_context("fork").Process(target=_quietly, args=arguments, daemon=True)
        process.start()
        return process

    whole = {}
    for name, compiling in (("filling", False), ("compiling", True), ("whole", False)):
        before = time.perf_counter()
        process = begun(scratch / name, compiling)
        process.join()
        whole[compiling] = time.perf_counter() - before
        if process.exitcode:
            raise SystemExit(f"the undisturbed training ended with exit code {process.exitcode}")
    same, moments = 0, random.Random(options.seed)
    for number in range(options.times):
        # every other one compiles everything anew; moments are spread over the whole training
        out, compiling = scratch / str(number), (number + options.seed) % 2 == 0
        moment = (number + moments.random()) / options.times * whole[compiling]
        process = begun(out, compiling)
        process.join(moment)
        process.kill()
        process.join()
        found = left_by(out)
        for name in ("metrics.jsonl", "model.eqx"):  # as Snakemake does before another attempt
            (out / name).unlink(missing_ok=True)
        again = begun(out)
        again.join()
        equal = again.exitcode == 0 and digest(out) == digest(scratch / "whole")
        same += equal
        when = f"{moment:5.1f} s of {whole[compiling]:5.1f}{' with compiling' if compiling else '':15}"
        print(f"{number:3} killed after {when}  left {found:40} {'same' if equal else 'DIFFERENT'}", flush=True)
    print(f"{same} of {options.times} models are the undisturbed one to the last bit")
    print(f"two undisturbed ones are the same: {digest(scratch / 'compiling') == digest(scratch / 'whole')}")


def left_by(out: Path) -> str:
    """What a killed training had written: lines of epochs, the newest checkpoint, files in the making, the model."""
    found = [f"{len(epochs(out))} epochs"] if (out / "metrics.jsonl").exists() else []
    found += [path.stem for path in sorted(out.glob("checkpoint/*/step-*"))[-1:]]
    found += ["a file half written" for _ in out.rglob(".*.checkpoint")]
    found += [path.name for path in sorted(out.glob("*.eqx"))]
    return ", ".join(found) or "nothing"


def _quietly(arguments: list[str], compiling: bool) -> None:
    """The train stage without its messages, as the end of this process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if compiling:
        jax.config.update("jax_compilation_cache_dir", None)
    sys.exit(train(arguments))


def scaling(options: argparse.Namespace, scratch: Path) -> None:
    """Frames per second of 1, 2 and 4 joined processes, each with its own batch."""
    write_dataset(scratch / "dataset.h5", [options.beads] * 4, 20 + 4 * options.batch * options.steps, 20)
    chosen = settings(options, options.size, epochs_adabelief=2, checkpoint_steps=10**6)
    single = 0.0
    for processes in (1, 2, 4):
        out = scratch / str(processes)
        out.mkdir()
        with joined_training(scratch, chosen, out, processes) as ranks:
            codes = [rank.wait() for rank in ranks]
        speed = max(line["frames_per_s"] for line in epochs(out)[1:]) if not any(codes) else float("nan")
        single = single or speed
        print(f"{processes} processes: {speed:8.1f} frames/s, {speed / single:.2f} × one process")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
