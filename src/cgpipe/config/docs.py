"""Writes what follows from the models: ``config/README.md`` and the JSON schemas for editors.

``python -m cgpipe.config.docs`` writes them, ``--check`` says (exit code 1) whether they are up to date.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cgpipe.config.keys import keys
from cgpipe.config.models import Config
from cgpipe.config.proteins import SOURCES, Proteins
from cgpipe.config.training import Phase

ROOT = Path(__file__).resolve().parents[3]

INTRODUCTION = """# Configuration

<!-- written by `make docs` from src/cgpipe/config/models.py: edit there -->

`config.yaml` holds the experiment, `proteins.yaml` the proteins. An overlay holds only the keys it changes:

    snakemake --cores all --configfile config/demo.yaml        # blocks merge key by key
    snakemake --cores all --config run=trial                   # single keys
    cgpipe check --configfile config/demo.yaml                 # validates everything, runs nothing

An unknown or misspelt key is an error with file and line before any job starts. Paths are relative to the directory
where Snakemake runs. A stage runs again when a key that it depends on changes, and only then.
"""


def documents() -> dict[Path, str]:
    """The generated files: path → content."""
    sections = [
        INTRODUCTION,
        "## `config.yaml`\n",
        _table(Config),
        "\n### A block of `training.phases`\n",
        _table(Phase),
        "\n## `proteins.yaml`\n",
        "One block per protein under `proteins:`, named as you like (letters, digits, `_`, `-`). Keys of a block:\n",
        *(part for source in SOURCES for part in (f"### `source: {_tag(source)}`\n", _table(source) + "\n")),
    ]
    return {
        ROOT / "config" / "README.md": "\n".join(sections) + "\n",
        ROOT / "workflow" / "schemas" / "config.schema.json": _schema(Config),
        ROOT / "workflow" / "schemas" / "proteins.schema.json": _schema(Proteins),
    }


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key in keys(model):
        default = "required" if key.default is PydanticUndefined else f"`{json.dumps(key.default)}`"
        meaning = key.description.replace("|", "\\|").replace("<", "&lt;")
        rows.append(f"| `{key.path}` | {key.type} | {default} | {meaning} |")
    return "\n".join(rows)


def _tag(source: type[BaseModel]) -> str:
    """The value of ``source`` that stands for a class of protein blocks."""
    return str(get_args(source.model_fields["source"].annotation)[0])


def _schema(model: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main(argv: Sequence[str]) -> int:
    """Write the files, or with ``--check`` compare them; 1 where one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m cgpipe.config.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    check = parser.parse_args(argv).check
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date: run make docs", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(documents()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
