"""Everything that a run left on disk, read once: what the report is made from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe.artefact import check_header, open_h5, read_header, read_json
from cgpipe.errors import UserError

ENGINES = {"lammps": "in LAMMPS", "native": "in LAMMPS", "jax": "in JAX"}
"""``simulate.engine`` → what it runs in."""


@dataclass(frozen=True)
class ForceMap:
    """What the report shows of a projection: its figures of merit and the map, not the frames."""

    quality: dict[str, Any]
    W: Float[np.ndarray, "beads atoms"]
    residue_names: tuple[str, ...]
    atom_residues: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """Training of one seed: its header, a dictionary per epoch, and the last line."""

    header: dict[str, Any]
    epochs: list[dict[str, Any]]
    final: dict[str, Any]

    def column(self, key: str) -> list[float]:
        """One number per epoch; NaN where it is missing."""
        return [float("nan") if epoch.get(key) is None else float(epoch[key]) for epoch in self.epochs]


@dataclass(frozen=True)
class Results:
    """The artefacts of a run under ``results/<run>``.

    Attributes:
        maps: protein → force map.
        dataset: content of ``dataset.json``.
        prior: content of ``prior.json``.
        prior_figure: PNG of the prior's fit.
        members: ``seed-N`` → its training.
        ensemble: content of ``ensemble.json``.
        programs: exported member → content of ``model.json``.
        parities: exported member → content of ``parity.json``.
        validations: protein → content of its validation.
        stabilities: protein → content of its stability; empty where the stage did not run.
        seconds: stage → wall time of each of its jobs [s]; empty where nothing was timed.
        headers: artefact's path below the folder → its header.
    """

    maps: dict[str, ForceMap]
    dataset: dict[str, Any]
    prior: dict[str, Any]
    prior_figure: bytes
    members: dict[str, Member]
    ensemble: dict[str, Any]
    programs: dict[str, dict[str, Any]]
    parities: dict[str, dict[str, Any]]
    validations: dict[str, dict[str, Any]]
    stabilities: dict[str, dict[str, Any]]
    seconds: dict[str, list[float]]
    headers: dict[str, dict[str, Any]]

    @property
    def best(self) -> str:
        """Name of the member that is exported as ``best``."""
        return f"seed-{self.ensemble['best_seed']}"

    @property
    def simulated(self) -> str:
        """The exported member that was simulated and validated."""
        return str(next(iter(self.validations.values()))["member"])

    @property
    def engines(self) -> str:
        """What ran the simulations, in words: ``in LAMMPS``, ``in JAX``, or both."""
        records = (record for v in self.validations.values() for record in v["replica_records"])
        return " and ".join(sorted({ENGINES[record["engine"]] for record in records}))


def collect(folder: Path, stability: bool) -> Results:
    """Read a run's artefacts by their places in the layout.

    Args:
        folder: ``results/<run>``.
        stability: whether the stage of that name is part of the run.

    Raises:
        UserError: an artefact is missing or damaged; its name is in the message.
    """
    dataset = read_json(folder / "dataset" / "dataset.json", "dataset-summary")
    proteins = list(dataset["proteins"])
    figure = folder / "prior" / "prior.png"
    if not figure.is_file():
        raise UserError(f"{figure}: no such file; run the prior stage first")
    ensemble = read_json(folder / "ensemble" / "ensemble.json", "ensemble")
    names = [f"seed-{member['seed']}" for member in ensemble["members"]]
    exported = ["best", *(name for name in (*names, "ensemble") if (folder / "export" / name / "model.json").is_file())]
    validations = {name: read_json(folder / "validate" / f"{name}.json", "validation") for name in proteins}
    tried = proteins if stability else []
    stabilities = {name: read_json(folder / "stability" / f"{name}.json", "stability") for name in tried}
    members = {name: read_metrics(folder / "train" / name / "metrics.jsonl") for name in names}
    return Results(
        maps={name: _read_map(folder / "project" / f"{name}.h5") for name in proteins},
        dataset=dataset,
        prior=read_json(folder / "prior" / "prior.json", "prior"),
        prior_figure=figure.read_bytes(),
        members=members,
        ensemble=ensemble,
        programs={name: read_json(folder / "export" / name / "model.json", "program") for name in exported},
        parities={name: read_json(folder / "export" / name / "parity.json", "parity") for name in exported},
        validations=validations,
        stabilities=stabilities,
        seconds=_read_benchmarks(folder / "benchmark"),
        headers=_read_headers(folder, _artefacts(names, exported, validations, tried))
        | {f"train/{name}/metrics.jsonl": one.header for name, one in members.items()},
    )


def read_metrics(path: Path) -> Member:
    """Read a training's ``metrics.jsonl``; a line that a crash cut off is an error.

    Raises:
        UserError: missing, damaged, or without any epoch.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the train stage first")
    lines = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            raise UserError(f"{path}:{number}: not a JSON line; rerun this training") from None
    head: dict[str, Any] = next((line["header"] for line in lines if "header" in line), {})
    check_header(head, "metrics", path)
    epochs = [line for line in lines if "epoch" in line and not line.get("final")]
    if not epochs:
        raise UserError(f"{path}: no epoch in it; rerun this training")
    return Member(head, epochs, next((line for line in lines if line.get("final")), {}))


def _read_map(path: Path) -> ForceMap:
    with open_h5(path, "projection") as file:
        texts = [tuple(file[name].asstr()[()]) for name in ("residue_name", "atom_residue")]
        return ForceMap(json.loads(file.attrs["quality"]), file["W"][()], *texts)


def _read_benchmarks(folder: Path) -> dict[str, list[float]]:
    """Wall seconds of each job, from Snakemake's benchmark tables: column ``s``, of several rows their sum."""
    seconds: dict[str, list[float]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rows = [line.split("\t") for line in path.read_text().splitlines() if line]
        if len(rows) < 2 or "s" not in rows[0]:
            raise UserError(f"{path}: not a benchmark table of Snakemake (no column 's'); delete it")
        column = rows[0].index("s")
        stage = path.relative_to(folder).parts[0].removesuffix(".tsv")
        seconds.setdefault(stage, []).append(sum(float(row[column]) for row in rows[1:]))
    return seconds


def _artefacts(
    seeds: list[str], exported: list[str], validations: dict[str, dict[str, Any]], tried: list[str]
) -> list[str]:
    """Artefacts that carry a header and belong to this run; what earlier settings left beside them does not."""
    simulations = [
        f"simulate/{name}/{v['member']}/{record['replica']}/simulation.json"
        for name, v in validations.items()
        for record in v["replica_records"]
    ]
    return [
        *(f"project/{name}.h5" for name in validations),
        *("dataset/dataset.h5", "dataset/dataset.json", "prior/prior.json"),
        *(f"train/{name}/model.eqx" for name in seeds),
        "ensemble/ensemble.json",
        *(f"export/{name}/{file}.json" for name in exported for file in ("model", "parity")),
        *simulations,
        *(f"validate/{name}.json" for name in validations),
        *(f"stability/{name}.json" for name in tried),
    ]


def _read_headers(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    headers = {name: read_header(folder / name) for name in names}
    for name, head in headers.items():
        check_header(head, head.get("kind", "artefact"), folder / name)
    return headers
