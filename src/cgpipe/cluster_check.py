"""``cgpipe cluster-check``: sends a job of a minute down the way that a training goes, and prints what its nodes see.

The job runs under the same profile, with the same resources and through the same launcher as the rule ``train``.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cgpipe.config import BASE, load
from cgpipe.errors import UserError
from cgpipe.stage import run

SAME = ("devices", "memory", "python", "jax", "cuda", "cgpipe")
"""What must not differ between the nodes."""

COLUMNS = ("rank", "host", "address", *SAME, "cores", "shared", "joined")

Facts = Mapping[str, object]


def main(argv: Sequence[str]) -> int:
    """Submit the job, wait for it, and judge what it found."""
    parser = argparse.ArgumentParser(prog="cgpipe cluster-check", description=__doc__)
    parser.add_argument("--profile", type=Path, default=Path("profiles/slurm"), help="default: %(default)s")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], metavar="FILE", help=f"overlays of {BASE}")
    arguments = parser.parse_args(argv)
    overlays = [file for file in arguments.configfile if file != BASE]
    config, _ = load([BASE, *overlays] if BASE.exists() else overlays)
    if not arguments.profile.is_dir():
        raise UserError(f"{arguments.profile}: no such profile; expected a folder such as profiles/slurm")
    results, cluster = Path(config.results), config.cluster
    log = results / "log" / "cluster-check.log"
    log.unlink(missing_ok=True)
    print(f"a job on {cluster.nodes} × {cluster.gpus_per_node} GPUs, through {arguments.profile}; Ctrl-C cancels it")
    code, said = _submit(results / "cluster-check.txt", arguments.profile, overlays)
    printed = log.read_text().splitlines() if log.exists() else []
    nodes = gather(printed)
    print(table(nodes))
    mistakes = [line for line in printed if line.startswith("error: ")] or disagreements(nodes)
    if mistakes:
        print("\n".join(mistakes), file=sys.stderr)
        return 2
    if code or len(nodes) != cluster.nodes:
        print("\n".join((printed or said)[-20:]), file=sys.stderr)
        raise UserError(f"the job did not end well; what it or Snakemake printed last is above, see also {log}")
    print(f"{cluster.nodes} nodes see each other, all their devices and the same files")
    return 0


def _submit(target: Path, profile: Path, overlays: Sequence[Path]) -> tuple[int, list[str]]:
    """Exit code and lines of a Snakemake that makes the target under the profile, beside any other Snakemake here."""
    command = [sys.executable, "-m", "snakemake", str(target), "--forcerun", "cluster_check", "--profile", str(profile)]
    command += ["--retries", "0", "--nolock", "--slurm-init-seconds-before-status-checks", "5"]
    command += ["--configfile", *map(str, overlays)] if overlays else []
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout.splitlines()


def gather(lines: Iterable[str]) -> list[Facts]:
    """The facts of each rank, from the JSON lines of all of them in any order."""
    nodes: dict[int, dict[str, object]] = {}
    for line in lines:
        if line.startswith('{"rank": '):
            facts = json.loads(line)
            nodes.setdefault(facts["rank"], {}).update(facts)
    return [nodes[rank] for rank in sorted(nodes)]


def table(nodes: Sequence[Facts]) -> str:
    """One row per rank; – where a rank did not come so far."""
    rows = [COLUMNS, *(tuple(str(facts.get(column, "–")) for column in COLUMNS) for facts in nodes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def disagreements(nodes: Sequence[Facts]) -> list[str]:
    """A line for each thing that should be the same on all nodes and is not."""
    found = []
    for name in SAME:
        values = {str(facts[name]): facts["host"] for facts in nodes if name in facts}
        if len(values) > 1:
            seen = ", ".join(f"{value} on {host}" for value, host in values.items())
            found.append(f"error: {name} differs between the nodes ({seen}); they must run the same environment")
    return found


if __name__ == "__main__":
    sys.exit(run(main))
