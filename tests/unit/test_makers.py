"""Who made a file, as headers say it: who else worked on what was taken up, and files that were not made alike."""

import json

import pytest

from cgpipe.artefact import earlier, header, mixture, sign, write_json
from cgpipe.config.decisive import code_digest
from cgpipe.maker import maker

OLD, NEW = {"commit": "old"}, {"commit": "new"}


def test_a_header_says_who_made_the_file():
    """The digest that the rule and the checkpoints go by, and versions of what the stage imports, no more."""
    head = header("model", {}, {}, by=maker("train"))
    assert head["code"] == code_digest("train")
    assert {"python", "jax", "jaxlib", "numpy", "optax"} <= set(head["versions"])
    assert not {"json", "MDAnalysis", "cgpipe"} & set(head["versions"])
    assert "code" not in header("model", {}, {})


def test_those_who_worked_before_are_told(tmp_path):
    """Once each, and only where their work was taken up; detects a header that claims work of another commit."""
    assert earlier(tmp_path, NEW) == {}
    sign(tmp_path, OLD, goes_on=False)
    sign(tmp_path, OLD, goes_on=True)
    assert earlier(tmp_path, OLD) == {}
    sign(tmp_path, NEW, goes_on=True)
    assert earlier(tmp_path, NEW) == {"earlier_makers": [OLD]}
    sign(tmp_path, NEW, goes_on=False)
    assert earlier(tmp_path, NEW) == {}


@pytest.mark.parametrize(
    ("project", "code", "told"),
    [("optimal", "a", ""), ("uniform", "a", "settings 'project'"), ("optimal", "b", "code")],
)
def test_files_that_were_not_made_alike_are_told(tmp_path, project, code, told):
    """By settings that all should share, or by code; other settings may differ. Detects a mixture without a word."""
    for name, settings, by in (("1", "optimal", "a"), ("2", "optimal", "a"), ("3", project, code)):
        head = header("projection", {"project": {"map": settings}, "protein": name}, {}, by={"code": by})
        write_json(tmp_path / name, head, {})
    note = mixture([tmp_path / name for name in "123"], ["project"])
    assert (told in note) and bool(note) == bool(told)
    assert not told or f"{tmp_path / '3'} were made with different {told}" in note
    assert json.loads((tmp_path / "3").read_text())["cgpipe"]["code"] == code
