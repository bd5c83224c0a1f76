"""What YAML's versions and Snakemake's own reader take differently: numbers, dates, encodings, empty files."""

import math
import os

import pytest

from cgpipe.config import load
from cgpipe.config.yaml_lines import read_document, scalar
from cgpipe.errors import UserError

PROTEINS = "proteins:\n  a: {source: mdcath, path: a.h5}\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes ``config/config.yaml`` in an empty working directory with one protein."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/proteins.yaml").write_text(PROTEINS)

    def write(text, name="config/config.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path.relative_to(tmp_path)

    return write


def refused(*files, merged=None):
    with pytest.raises(UserError) as caught:
        load(files, merged)
    return str(caught.value)


@pytest.mark.parametrize("word", ["010", "0x10", "0b1", "1_000", "1:30", "2026-12-01", "00"])
def test_numbers_of_yaml_1_1_only(config, word):
    """Where a number belongs they are refused with file and line; as text they stay what was written."""
    where = config(f"run: x\ndataset:\n  split_seed: {word}\n")
    text = refused(where)
    assert text.startswith("config/config.yaml:3: dataset.split_seed: ") and f"{word!r}" in text and "digits" in text
    found, _ = load([config(f"report:\n  title: {word}\n")])
    assert found.report.title == word


@pytest.mark.parametrize("word", ["0", "-12", "+3", "1e-3", "1.5", ".5", "5.", "-.5E+2", "1e5"])
def test_numbers_of_both_versions(word):
    """Detects a number that became text."""
    assert scalar(word) == float(word)


@pytest.mark.parametrize("word", ["2026", "1e5", "yes", "off", ".inf", "12.0"])
def test_a_number_where_text_belongs(config, word):
    """The remedy is shown as the user wrote the value, not as Python prints it."""
    assert f"write it in quotes: '{word}'" in refused(config(f"run: {word}\n"))
    text = refused(config(""), merged={"run": 2026})
    assert text.startswith("--config: run: ") and "\"'2026'\"" in text


def test_quotes_around_a_number(config):
    """The remedy for the opposite."""
    assert "without quotes" in refused(config("model: {cutoff: '12'}\n"))


@pytest.mark.parametrize("word", [".nan", ".inf"])
def test_not_a_number_is_blamed_on_its_file(config, word):
    """NaN does not equal itself; also where Snakemake hands over its own copy of the file, and inside a list."""
    where = config(f"run: x\nmodel:\n  cutoff: {word}\n")
    for merged in (None, {"model": {"cutoff": math.nan if word == ".nan" else math.inf}}):
        assert refused(where, merged=merged).startswith("config/config.yaml:3: model.cutoff: ")
    where = config(f"run: x\nexport:\n  beads: [3, {word}]\n")
    assert refused(where).startswith("config/config.yaml:3: export.beads")


def test_lists_on_the_command_line(config):
    """Snakemake gives all that is nested as text; detects numbers in lists and in blocks of lists left as text."""
    merged = {
        "export": {"beads": ["100", "200"]},
        "training": {"phases": [{"optimiser": "adam", "epochs": "3", "lr_peak": "1e-3", "options": {"b1": "0.9"}}]},
    }
    found, _ = load([config("")], merged)
    assert found.export.beads == (100, 200)
    [phase] = found.training.phases
    assert (phase.epochs, phase.lr_peak, phase.options) == (3, 1e-3, {"b1": 0.9})


@pytest.mark.parametrize("text", ["", "# run: x\n", "---\n", "{}\n", "\ufeff", "\ufeffrun: default\r\n"])
def test_files_without_keys(config, text):
    """``config.yaml`` may be empty; an overlay may not, because Snakemake refuses it."""
    found, _ = load([config(text)])
    assert found.run == "default"
    if "run: default" not in text:
        assert refused(config(text, "overlay.yaml")).startswith("overlay.yaml:1: holds no keys")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("run: x\n".encode("utf-16"), "UTF-8"),
        ("run: !!int x\n", "config.yaml:1"),
        ("run: !!timestamp 2026-13-45\n", "config.yaml:1"),
        ("run: !!python/name:os.system x\n", "config.yaml:1"),
        ("run: &a [*a]\n", "alias"),
    ],
)
def test_files_that_cannot_be_read(config, text, fact):
    """One line each; detects a traceback of the parser."""
    assert fact in refused(config(text))


def test_what_is_no_file(config, tmp_path):
    """A pipe must not be waited for; a link to nowhere is told."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "link.yaml").symlink_to("nowhere.yaml")
    for name, fact in (("pipe.yaml", "pipe"), ("link.yaml", "nowhere.yaml"), ("config", "folder")):
        with pytest.raises(UserError, match=fact):
            read_document(tmp_path / name)


PATHS = {
    "mdcath": ("path", "{source: mdcath, path: DATA}"),
    "topology": ("topology", "{source: trajectory, topology: DATA, trajectories: t.trr, temperature: 300}"),
    "trajectories": ("trajectories", "{source: trajectory, topology: t.tpr, trajectories: [DATA], temperature: 300}"),
    "npz": ("path", "{source: npz, path: DATA, temperature: 300}"),
    "pdb": ("pdb", "{source: openmm, pdb: DATA, temperature: 300}"),
    "mean_force": ("mean_force", "{source: mdcath, path: a.h5, mean_force: DATA}"),
    "mean_force_train": ("mean_force_train", "{source: mdcath, path: a.h5, mean_force_train: DATA}"),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("folder", ["{x}", "{protein}", "<results>", "~/data"])
def test_paths_that_would_mean_something_else(config, name, folder):
    """Braces and <…> are replaced by Snakemake, ~ by shells; refused with file and line, whatever the source."""
    key, block = PATHS[name]
    config("proteins:\n  a: " + block.replace("DATA", f"'{folder}/d.h5'") + "\n", "config/proteins.yaml")
    text = refused(config(""))
    assert text.startswith(f"config/proteins.yaml:2: proteins.a.{key}") and folder in text
