"""Every kind of mistake in the files: the message must carry file, line and key, and the suggestion where there is one.

These tests fix the messages' facts, not their wording; that a stage obeys a key is for the stages' own tests.
"""

from pathlib import Path

import pytest

from cgpipe.config import Config, load, load_proteins
from cgpipe.config.yaml_lines import read_document
from cgpipe.errors import UserError

PROTEINS = "proteins:\n  a: {source: mdcath, path: a.h5}\n  b: {source: mdcath, path: b.h5}\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into an empty working directory that holds two proteins."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/proteins.yaml").write_text(PROTEINS)

    def write(name: str, text: str) -> Path:
        Path(name).write_text(text)
        return Path(name)

    return write


def test_shipped_config_spells_out_the_defaults(monkeypatch):
    """config.yaml and the models cannot drift apart; detects any differing value, not a missing comment."""
    monkeypatch.chdir(Path(__file__).parents[3])
    config, _ = load(["config/config.yaml"])
    assert config == Config()


def test_overlays_merge_block_by_block(write):
    """Later files win key by key, lists are replaced whole; detects a shallow merge."""
    base = write("base.yaml", "training: {epochs_adabelief: 7, ema_decay: 0.5}\nexport: {platforms: [cpu, cuda]}\n")
    overlay = write("overlay.yaml", "training:\n  ema_decay: 1e-3\nexport: {platforms: [cpu]}\n")
    config, proteins = load([base, overlay])
    assert config.training.epochs_adabelief == 7
    assert config.training.ema_decay == 1e-3
    assert config.export.platforms == ("cpu",)
    assert list(proteins.proteins) == ["a", "b"]


def test_snakemakes_overrides_go_on_top(write):
    """Values of --config win; numbers and switches that Snakemake hands over as text are what they are in YAML."""
    base = write("base.yaml", "training:\n  ema_decay: 1e-3\n  batch_per_device: 2\n")
    merged = {
        "run": "trial",
        "training": {"ema_decay": "1e-3", "batch_per_device": "4"},
        "ensemble": {"save_all_models": "true"},
        "report": {"title": "12"},
    }
    config, _ = load([base], merged)
    assert (config.training.ema_decay, config.training.batch_per_device, config.run) == (1e-3, 4, "trial")
    assert config.ensemble.save_all_models is True
    assert config.report.title == "12"


def test_a_number_in_quotes_is_refused_through_snakemake_too(write):
    """Snakemake's copy of a file's value is no override; detects a second, milder set of rules."""
    base = write("base.yaml", "model:\n  cutoff: '12'\n")
    with pytest.raises(UserError, match=r"^base\.yaml:2: model\.cutoff: "):
        load([base], {"model": {"cutoff": "12"}})


MISTAKES = {
    "spread of one model": ("simulate: {spread_limit: 1.0}\n", "c.yaml:1: simulate: ", "needs member ensemble"),
    "ensemble in JAX": ("simulate: {member: ensemble, engine: jax}\n", "c.yaml:1: simulate: ", "single models"),
    "ensemble of one": (
        "simulate: {member: ensemble}\nensemble: {n_models: 1}\n",
        "",
        "ensemble.n_models of 2 or more",
    ),
    "misspelt key": ("training:\n  epochs_adabelef: 3\n", "c.yaml:2: training.epochs_adabelef: ", "'epochs_adabelief'"),
    "misspelt section": ("run: x\ntrainig: {}\n", "c.yaml:2: trainig: ", "'training'"),
    "key of another section": ("model:\n  clip: 3.0\n", "c.yaml:2: model.clip: ", "'training.clip'"),
    "unknown key without a likeness": ("run: x\nqqqq: 1\n", "c.yaml:2: qqqq: unknown key", ""),
    "text for a number": ("model:\n\n  cutoff: far\n", "c.yaml:3: model.cutoff: ", "'far'"),
    "number in quotes": ("model:\n  cutoff: '12'\n", "c.yaml:2: model.cutoff: ", "'12'"),
    "fraction for a count": ("ensemble:\n  n_models: 2.5\n", "c.yaml:2: ensemble.n_models: ", "2.5"),
    "number for a switch": ("ensemble:\n  enabled: 1\n", "c.yaml:2: ensemble.enabled: ", "1"),
    "out of range": ("ensemble:\n  n_models: 0\n", "c.yaml:2: ensemble.n_models: ", "greater than or equal to 1"),
    "infinity": ("model:\n  cutoff: .inf\n", "c.yaml:2: model.cutoff: ", "finite"),
    "misspelt choice": ("model:\n  allegro_size: smal\n", "c.yaml:2: model.allegro_size: ", "'small'"),
    "misspelt choice in a list": (
        "export:\n  platforms:\n  - cpu\n  - cudda\n",
        "c.yaml:4: export.platforms",
        "'cuda'",
    ),
    "nothing for a block": ("training:\nrun: x\n", "c.yaml:1: training: ", "nothing"),
    "text for a block": ("training: hard\n", "c.yaml:1: training: ", "block"),
    "duplicate key": ("run: a\nmodel: {}\nrun: b\n", "c.yaml:3: run: ", "line 1"),
    "duplicate key in a block": ("model:\n  cutoff: 1.0\n  cutoff: 2.0\n", "c.yaml:3: model.cutoff: ", "line 2"),
    "no YAML": ("run: [a\nmodel: {}\n", "c.yaml:2: ", "not valid YAML"),
    "tab": ("model:\n\tcutoff: 3.0\n", "c.yaml:2: ", "not valid YAML"),
    "list at the top": ("- run\n", "c.yaml:1: ", "keys at the top level"),
    "energies": ("training:\n  gammas: {F: 1.0, U: 0.5}\n", "c.yaml:2: training.gammas.U: ", "no energies"),
    "nothing to train": ("training: {epochs_adabelief: 0}\n", "c.yaml:1: training: ", "nothing would be trained"),
    "name that is no file name": ("run: a/b\n", "c.yaml:1: run: ", "a/b"),
    "unknown held-out protein": ("dataset:\n  held_out: [aa]\n", "c.yaml:2: dataset.held_out: ", "'a'"),
    "all proteins held out": ("dataset:\n  held_out: [a, b]\n", "c.yaml:2: dataset.held_out: ", "nothing is left"),
    "too few families": ("dataset:\n  split: proteins\n", "c.yaml:2: dataset.split: ", "2 families"),
    "no such proteins file": ("run: x\nproteins: none.yaml\n", "c.yaml:2: proteins: ", "none.yaml"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_config(write, name):
    """One line that begins with file:line: key and holds the fact that helps."""
    text, start, fact = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        load([write("c.yaml", text)])
    message = str(caught.value)
    assert message.startswith(start)
    assert fact in message
    assert "\n" not in message


PROTEIN_MISTAKES = {
    "unknown source": ("  x: {source: mdcat, path: a}\n", "p.yaml:2: proteins.x", "'mdcath'"),
    "missing path": ("  x:\n    source: mdcath\n", "p.yaml:2: proteins.x: ", "'path'"),
    "misspelt key": ("  x:\n    source: mdcath\n    paht: a\n", "p.yaml:4: proteins.x.paht: ", "'path'"),
    "temperature that is none": (
        "  x: {source: mdcath, path: a, temperatures: [hot]}\n",
        "p.yaml:2: proteins.x.",
        "'hot'",
    ),
    "name that is no file name": ("  a b: {source: mdcath, path: a}\n", "p.yaml:2: proteins.a b: ", "letters"),
    "the same protein twice": (
        "  x: {source: mdcath, path: a}\n  x: {source: mdcath, path: b}\n",
        "p.yaml:3: proteins.x",
        "line 2",
    ),
}


@pytest.mark.parametrize("name", PROTEIN_MISTAKES)
def test_mistakes_in_proteins(write, name):
    """As above, for proteins.yaml."""
    blocks, start, fact = PROTEIN_MISTAKES[name]
    with pytest.raises(UserError) as caught:
        load_proteins(write("p.yaml", "proteins:\n" + blocks))
    message = str(caught.value)
    assert message.startswith(start)
    assert fact in message


def test_no_proteins(write):
    """An empty list is a mistake, not an empty run."""
    with pytest.raises(UserError, match=r"p\.yaml:1: proteins: "):
        load_proteins(write("p.yaml", "proteins: {}\n"))


def test_mistake_in_an_overlay_is_blamed_on_the_overlay(write):
    """The base file has the key too, at another line."""
    base = write("base.yaml", "run: x\nmodel:\n  cutoff: 12.0\n")
    with pytest.raises(UserError, match=r"^over\.yaml:1: model\.cutoff: "):
        load([base, write("over.yaml", "model: {cutoff: -1}\n")])


def test_mistake_on_the_command_line_is_blamed_on_it(write):
    """The file has the same key with a good value."""
    base = write("base.yaml", "model:\n  cutoff: 12.0\n")
    with pytest.raises(UserError, match=r"^--config: model\.cutoff: .*-1"):
        load([base], {"model": {"cutoff": -1}})


def test_several_mistakes_are_counted(write):
    """Only the first is spelt out, the unknown key before others; the rest is not silent."""
    with pytest.raises(UserError, match=r"^c\.yaml:2: zzz: .*and 1 more"):
        load([write("c.yaml", "run: 3\nzzz: 1\n")])


@pytest.mark.parametrize("name", ["1e10", "no", "0123", "2gy5A01"])
def test_protein_names_that_yaml_would_change(write, name):
    """YAML takes these for a number or a truth value; detects a name that does not stay what the user wrote."""
    proteins = load_proteins(write("p.yaml", f"proteins:\n  {name}: {{source: mdcath, path: a}}\n"))
    assert list(proteins.proteins) == [name]


def test_merge_keys_of_yaml(write):
    """``<<`` fills in what a block does not say itself, without counting as a duplicate."""
    text = "proteins:\n  x: &x {source: mdcath, path: a, stride: 2}\n  y:\n    <<: *x\n    path: b\n"
    proteins = load_proteins(write("p.yaml", text)).proteins
    assert (proteins["y"].path, proteins["y"].stride) == (("b",), 2)


def test_unreadable_files(write, tmp_path):
    """Missing file, folder, not text: one line each, no traceback of the reader."""
    for path, fact in ((Path("none.yaml"), "no such file"), (Path("config"), "folder")):
        with pytest.raises(UserError, match=fact):
            read_document(path)
    Path("binary.yaml").write_bytes(b"run: \xff\xfe\n")
    with pytest.raises(UserError, match="UTF-8"):
        read_document(Path("binary.yaml"))
