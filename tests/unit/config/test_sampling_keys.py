"""The keys of ``source: openmm``: what is refused, and which stage runs again with which key."""

import pytest

from cgpipe.config import Config, Proteins, UserError, load_proteins, settings_json

BLOCK = {"source": "openmm", "sequence": "YYDPETGTWY", "temperature": 348}

MISTAKES = {
    "sequence: YYDPEBGTWY": ("sequence", "B", "20 amino acids"),
    "sequence: Y": ("sequence", "one residue"),
    "pdb: start.pdb": ("exactly one", "sequence", "pdb"),
    "timestep: 3.0": ("save_every", "multiple of timestep"),
    "timestep: 8.0": ("timestep", "5"),
    "equilibration: 0.5": ("equilibration", "multiple of save_every"),
    "nanoseconds: 0.0001": ("nanoseconds", "shorter"),
    "unfolded: [4]": ("unfolded", "replica 4", "0 … 3"),
    "replica: 3": ("replica", "replicas"),
    "temperature: -5": ("temperature",),
    "solvent: gbneck2": ("solvent", "obc2", "gbn2"),
    "average: {test: 600, train: 69}": ("669 configurations", "4 replicas of 1 ns have 668", "6 frames apart"),
    "average: {runs: 1}": ("average.runs", "2"),
    "average: {tests: 5}": ("average.tests", "average.test"),
    "average: {test: 5, exchange: [400, 380]}": ("average.exchange", "rise"),
    "average: {test: 5, exchange: [340]}": ("average.exchange", "above temperature"),
}  # fmt: skip


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes(tmp_path, line):
    """File, line and the reason; the line is that of the key or, for what concerns several keys, of the block."""
    keys = {**BLOCK, line.split(":")[0]: line.split(": ", 1)[1]}
    path = tmp_path / "proteins.yaml"
    path.write_text("proteins:\n  p:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items()))
    with pytest.raises(UserError) as caught:
        load_proteins(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    assert [fact for fact in MISTAKES[line] if fact not in message] == []


def test_missing_source(tmp_path):
    """The key that tells the kinds of blocks apart."""
    path = tmp_path / "proteins.yaml"
    path.write_text("proteins:\n  p:\n    sequence: AAA\n")
    with pytest.raises(UserError, match="'source' is missing"):
        load_proteins(path)


def settings(stage: str, replica: int = 0, **keys: object) -> str:
    """Settings of a stage for the block with other keys."""
    proteins = Proteins.model_validate({"proteins": {"p": {**BLOCK, **keys}}})
    return settings_json(Config(), proteins, stage, "p", replica)


@pytest.mark.parametrize(
    "keys",
    [
        {"temperature": 300},
        {"nanoseconds": 2.0},
        {"seed": 2},
        {"caps": False},
        {"timestep": 2.0},
        {"solvent": "gbn2"},
    ],
)
def test_physics_samples_again(keys):
    """Detects a key that the stage does not see."""
    assert settings("sample", **keys) != settings("sample")


def test_more_replicas_leave_the_others_alone():
    """Molecular dynamics is the dearest stage: only the replica concerned may run again."""
    assert settings("sample", 1, replicas=9, family="x", unfolded=[2]) == settings("sample", 1)
    assert settings("sample", 2, unfolded=[2]) != settings("sample", 2)


def test_mean_forces_are_made_or_given():
    """A set from two places would be one of them in silence."""
    block = {**BLOCK, "average": {"test": 5}, "mean_force": "labels.npz"}
    with pytest.raises(ValueError, match=r"average\.test or read from mean_force, not both"):
        Proteins.model_validate({"proteins": {"p": block}})


def test_mean_forces_sample_nothing_again():
    """Their keys reach the stage that makes them and neither the trajectories nor the projection."""
    wanted = {"test": 5, "picoseconds": 30.0}
    assert settings("average", average=wanted) != settings("average")
    assert settings("sample", average=wanted) == settings("sample")
    assert settings("project", average=wanted) == settings("project")


def test_mean_forces_know_only_what_they_need():
    """How long trajectories are reaches the stage through its input; what it does at fixed beads, through its settings.
    Detects keys that make the labels anew and change nothing."""
    lengths = {"nanoseconds": 2.0, "save_every": 2.0, "equilibration": 20.0, "unfolding": 60.0, "unfolded": [1]}
    assert settings("average", **lengths) == settings("average")
    for key, value in {"temperature": 300, "timestep": 2.0, "seed": 2, "caps": False, "solvent": "gbn2"}.items():
        assert settings("average", **{key: value}) != settings("average")


def test_projection_reads_what_was_sampled():
    """The projection gets the file of this run and nothing of how it was made."""
    assert '"path":["results/default/allatom/p.h5"]' in settings("project")
    assert '"temperatures":[348]' in settings("project")
    assert settings("project", nanoseconds=2.0, seed=5) == settings("project")


def test_source_that_is_not_sampled():
    """A stage that a protein has no use for is a mistake of the caller."""
    proteins = Proteins.model_validate({"proteins": {"p": {"source": "mdcath", "path": "p.h5"}}})
    with pytest.raises(KeyError, match="mdcath"):
        settings_json(Config(), proteins, "sample", "p")
