"""The generated files follow the models, and the walk over the models misses nothing."""

import json

from cgpipe.config import Config, Proteins
from cgpipe.config.docs import documents, main
from cgpipe.config.keys import allowed, keys


def test_documents_are_up_to_date():
    """Detects a key added or changed without ``make docs``."""
    assert main(["--check"]) == 0


def test_every_key_is_explained():
    """Each key of the table has a meaning; whether the meaning is right, only readers can say."""
    assert [key.path for key in keys(Config) if not key.description] == []


def test_keys_are_the_models_leaves():
    """The table against the nested defaults themselves; detects a block that the walk skips."""

    def leaves(block: dict, prefix: str) -> list[str]:
        paths = []
        for name, value in block.items():
            inner = isinstance(value, dict) and name != "aliases"
            paths += leaves(value, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
        return paths

    assert [key.path for key in keys(Config)] == leaves(Config().model_dump(by_alias=True), "")


def test_allowed_keys_of_a_block():
    """Inside nested blocks and inside a protein, whose location holds a free name."""
    assert "lr_peak" in allowed(Config, ("training", "adabelief"))
    assert "path" in allowed(Proteins, ("proteins", "anything", "mdcath"))


def test_schemas_refuse_unknown_keys():
    """Editors take the strictness from the schema."""
    for path, text in documents().items():
        if path.suffix == ".json":
            assert json.loads(text)["additionalProperties"] is False
