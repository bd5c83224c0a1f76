"""Which stage's settings change with which key: what Snakemake's decision to run a stage again rests on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgpipe.config import Config, Proteins, settings_json
from cgpipe.config.keys import keys
from cgpipe.config.models import Dataset
from cgpipe.config.slices import DatasetSettings, stage_settings

WITH_SETTINGS = (
    "project",
    "dataset",
    "prior",
    "train",
    "ensemble",
    "export",
    "simulate",
    "validate",
    "stability",
    "report",
)
PROTEINS = Proteins.model_validate({"proteins": {"a": {"source": "mdcath", "path": "a.h5"}}})

STAGES_OF_SECTION = {
    "species": {"project"},
    "cluster": set(),
    "ensemble": set(),  # decides which jobs there are, not what a job does
    "proteins": set(),  # the blocks in the file count, not its name
    "run": {"report"},
    "training": {"train"},
    "model": {"train"},
}
MORE_STAGES = {
    "species.vocabulary": {"dataset"},
    "species.states": {"dataset"},
    "species.aliases": {"validate"},
    "model.cutoff": {"dataset", "prior"},
    "model.temperature": {"dataset", "prior"},
    "training.val_fraction": {"dataset"},
    "simulate.temperature": {"stability"},
    "simulate.timestep": {"stability"},
    "simulate.damping": {"stability"},
    "simulate.bond_tolerance": {"stability"},
    "stability.enabled": {"report"},
    "ensemble.select": {"ensemble"},
}
OTHER_VALUES = {
    "species.aliases": {"MSE": "MET"},
    "cluster.modules": ["CUDA"],
    "dataset.held_out": ["a"],
    "dataset.split": "trajectories",
    "dataset.block_frames": 25,
    "dataset.gap_frames": 2,
    "dataset.fold": "2/5",
    "export.platforms": ["cpu"],
    "export.beads": [200, 400],
    "prior.form": "spline",
    "species.vocabulary": "classes4",
    "project.map": "slice",
    "project.constraints": "none",
    "project.engine": "aggforce",
    "simulate.engine": "jax",
    "ensemble.select": "dynamics",
    "stability.temperatures": [350.0],
    "stability.timesteps": [3.0],
    "stability.free_timesteps": [],
    "simulate.member": "ensemble",
    "simulate.on_spread": "warn",
    "project.non_finite": "drop",
    "project.disulphides": "unbonded",
    "model.allegro_size": "small",
    "model.l_max": 1,
    "model.symmetry": "so3",
    "model.edge_features": [],
    "model.matmul_precision": "tensorfloat32",
    "model.temperature": "input",
    "dataset.capacity_margin": 2.0,
    "training.balance": "proteins",
    "training.loggers": ["wandb"],
    "training.phases": [{"optimiser": "lion", "epochs": 3}],
}
# gammas.U has one legal value
CHANGEABLE = [key for key in keys(Config) if key.path != "training.gammas.U"]


def _changed(path: str, default: object) -> Config:
    """The default configuration with another value for one key."""
    if isinstance(default, bool):
        value: object = not default
    elif isinstance(default, int):
        value = default + 1
    elif isinstance(default, float):
        value = default / 2 if default else 0.25
    else:
        value = "other"
    block: object = OTHER_VALUES.get(path, value)
    for step in reversed(path.split(".")):
        block = {step: block}
    if path == "project.engine":  # the other engine has one map only
        block = {"project": {"engine": "aggforce", "map": "optimal"}}
    if path == "simulate.spread_limit":  # only an ensemble has a spread
        block = {"simulate": {"spread_limit": 0.25, "member": "ensemble"}}
    return Config.model_validate(block)


@pytest.mark.parametrize("key", CHANGEABLE, ids=lambda key: key.path)
def test_key_reaches_its_stages_and_no_other(key):
    """Detects a key that no stage sees, and one that reruns a stage without need; that a stage obeys is not seen."""
    changed = _changed(key.path, key.default)
    section = key.path.split(".")[0]
    expected = STAGES_OF_SECTION.get(section, {section}) | MORE_STAGES.get(key.path, set())
    seen = {
        stage
        for stage in WITH_SETTINGS
        if settings_json(changed, PROTEINS, stage, "a") != settings_json(Config(), PROTEINS, stage, "a")
    }
    assert seen == expected


@pytest.mark.parametrize("stage", WITH_SETTINGS)
def test_settings_survive_the_command_line(stage):
    """What a stage parses from its ``--settings`` is what the configuration held."""
    made = stage_settings(Config(), PROTEINS, stage, "a")
    assert type(made).model_validate(json.loads(settings_json(Config(), PROTEINS, stage, "a"))) == made


@given(
    st.builds(
        Dataset,
        split=st.sampled_from(["auto", "blocks", "trajectories", "proteins"]),
        test_fraction=st.floats(0, 0.99),
        block_frames=st.none() | st.integers(1, 10**6),
        split_seed=st.integers(-(2**40), 2**40),
        held_out=st.lists(st.text(max_size=5)).map(tuple),
        max_padding=st.floats(0, 0.99),
        capacity_margin=st.floats(1, 10),
    ),
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 9), st.floats(0.1, 9), st.text()), min_size=1),
)
def test_dataset_settings_round_trip(section, blocks):
    """Any legal section and any proteins come out of ``--settings`` as they went in; a legal value that JSON bends."""
    proteins = Proteins.model_validate(
        {
            "proteins": {
                name: {"source": "mdcath", "path": "x", "quota": quota, "weight": weight, "family": family}
                for name, (quota, weight, family) in blocks.items()
            }
        }
    )
    text = settings_json(Config(dataset=section), proteins, "dataset")
    parsed = DatasetSettings.model_validate(json.loads(text))
    assert parsed.dataset == section
    assert parsed.quotas == {name: block[0] for name, block in blocks.items() if block[0]}
    assert parsed.weights == {name: block[1] for name, block in blocks.items() if block[1] != 1.0}
    assert parsed.families == {name: block[2] or name for name, block in blocks.items()}


def test_what_matters_to_the_dataset_only_projects_nothing_again():
    """Family, quota and weight change the dataset's settings, not those of the projection."""
    block = {"source": "mdcath", "path": "a.h5"}
    native = Proteins.model_validate({"proteins": {"a": {**block, "native": "n.pdb"}}})
    assert settings_json(Config(), native, "project", "a") == settings_json(Config(), PROTEINS, "project", "a")
    for key, value in {"family": "f", "quota": 10, "weight": 2.0}.items():
        changed = Proteins.model_validate({"proteins": {"a": {**block, key: value}}})
        assert settings_json(Config(), changed, "project", "a") == settings_json(Config(), PROTEINS, "project", "a")
        assert settings_json(Config(), changed, "dataset") != settings_json(Config(), PROTEINS, "dataset")


def test_another_protein_does_not_change_a_projection():
    """Adding a protein must not project the others again."""
    more = Proteins.model_validate(
        {"proteins": {**PROTEINS.model_dump()["proteins"], "b": {"source": "mdcath", "path": "b.h5"}}}
    )
    assert settings_json(Config(), more, "project", "a") == settings_json(Config(), PROTEINS, "project", "a")
    assert settings_json(Config(), more, "dataset") != settings_json(Config(), PROTEINS, "dataset")


def test_another_temperature_exports_again_what_depends_on_it():
    """Detects programs of another temperature than the simulations, and exports of ordinary models for nothing."""
    for use, exported_at in (("single", 0.0), ("input", 310.0)):
        config = Config.model_validate({"model": {"temperature": use}, "simulate": {"temperature": 310.0}})
        assert stage_settings(config, PROTEINS, "export").temperature == exported_at
        assert stage_settings(config, PROTEINS, "dataset").temperature == use
