"""What decides a stage's result, and that the tables of what does not decide are true."""

import ast

import pytest

from cgpipe.cli import STAGES
from cgpipe.config import closure
from cgpipe.config.closure import PACKAGE, closure_of
from cgpipe.config.decisive import (
    EVERYWHERE,
    INDIFFERENT,
    INDIFFERENT_KEYS,
    SHARED_OUT,
    Decisive,
    code_files,
    engine_module,
    libraries,
    training_that_matters,
)
from cgpipe.config.models import Model
from cgpipe.config.slices import TrainSettings
from cgpipe.config.training import Training

ENGINES = ("lammps", "native", "jax")
CONFIG_FREE = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "config")]


@pytest.mark.parametrize(
    ("stage", "module"),
    [*((stage, module) for stage in ("train", "sample") for module in EVERYWHERE)]
    + [(stage, module) for stage, modules in INDIFFERENT.items() for module in modules],
)
def test_modules_that_do_not_decide_are_behind_the_stage(stage, module):
    """Guards the tables against rot: a name in them that has moved, or that the stage does not import any more."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    assert path.is_file()
    name = f"cgpipe/{path.relative_to(PACKAGE)}"
    assert name in closure_of([stage]).files
    assert name not in code_files(stage)


def test_every_data_file_belongs_to_a_module():
    """Detects templates or sources that no stage depends on, because their folder is named nowhere."""
    words = {word for path in CONFIG_FREE for word in closure.read_source(path).words}
    assert set(closure._data(PACKAGE)) - words <= {"py.typed"}


@pytest.mark.parametrize("stage", [*STAGES, *(f"simulate with {engine}" for engine in ENGINES)])
def test_the_pair_styles_sources_are_those_of_one_engine(stage):
    """C++ is behind a simulation in the native engine, and behind nothing else."""
    stage, _, engine = stage.partition(" with ")
    files = code_files(stage, engine_module(engine)) if engine else code_files(stage)
    assert any(name.endswith(".cpp") for name in files) == (engine == "native")
    assert ("cgpipe/dynamics/run.py" in files) == (engine == "jax" and stage == "simulate")


def test_of_the_configuration_stages_take_classes_and_functions():
    """A constant of the configuration would decide without being in the settings, nor in any digest."""
    for path in CONFIG_FREE:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("cgpipe.config"):
                continue
            module = PACKAGE.parent.joinpath(*node.module.split("."))
            file = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
            tree = ast.parse(file.read_text())
            constants = {t.id for s in tree.body if isinstance(s, ast.Assign) for t in s.targets if hasattr(t, "id")}
            named = {alias.name for alias in node.names}
            assert not {name for name in named & constants if name.isupper()}, path


def test_every_header_says_who_made_the_file():
    """Detects a stage whose artefacts do not tell the code that made them."""
    for stage in (*STAGES, "renew", "sampling/replica"):
        for node in ast.walk(ast.parse((PACKAGE / f"{stage}.py").read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "header":
                assert len(node.args) == 5 or "by" in {keyword.arg for keyword in node.keywords}, stage


def test_functions_of_the_configuration_count():
    """How wildcards become files decides which frames there are; the rest of that module are settings."""
    files = code_files("project")
    assert files["cgpipe/config/proteins.py"] == closure.read_source(PACKAGE / "config/proteins.py").digest_of_functions
    assert {name for name in files if "/config/" in name} == {"cgpipe/config/proteins.py"}


def training(**keys) -> TrainSettings:
    return TrainSettings(model=Model(), training=Training(**keys))


def test_settings_that_matter():
    """What is kept, and how steps are worked off, decide nothing; any other key does. Devices count like parts."""
    base = training_that_matters(training(batch_per_device=8))
    same = training(batch_per_device=4, accumulate=2, checkpoint_steps=7, keep_checkpoints=9, loggers=("wandb",))
    assert training_that_matters(same) == base == training_that_matters(training(batch_per_device=4), devices=2)
    assert training_that_matters(training(batch_per_device=16)) != base
    assert training_that_matters(training(clip=3.0)) != base
    assert set(base["training"]) == set(Training.model_fields) - INDIFFERENT_KEYS - SHARED_OUT


def test_fingerprint_depends_on_content_not_order():
    """Catches a hash of something that changes from run to run, and a part that is left out."""
    one = Decisive("train", {"a": 1, "b": [2.5]}, {"dataset": "x"}, "c")
    assert one.fingerprint() == Decisive("train", {"b": [2.5], "a": 1}, {"dataset": "x"}, "c").fingerprint()
    changed = [{"stage": "prior"}, {"settings": {"a": 2}}, {"inputs": {"dataset": "y"}}, {"code": "d"}]
    assert len({one._replace(**change).fingerprint() for change in changed} | {one.fingerprint()}) == 5


def test_libraries_of_a_stage():
    """Those whose versions a header tells."""
    assert {"jax", "equinox", "optax", "numpy"} <= libraries("train")
    assert "jax" not in libraries("sample")
    assert "openmm" in libraries("sample")
