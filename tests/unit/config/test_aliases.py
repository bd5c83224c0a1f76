"""``species.aliases``: names in any case, values of the vocabulary, mistakes with file and line."""

import json
from pathlib import Path

import pytest

from cgpipe.config.load import load
from cgpipe.config.slices import ProjectSettings
from cgpipe.errors import UserError


@pytest.fixture
def aliases(tmp_path, monkeypatch):
    """Reads a configuration with these aliases."""
    monkeypatch.chdir(tmp_path)
    Path("proteins.yaml").write_text("proteins:\n  p: {source: mdcath, path: p.h5}\n")

    def read(*lines):
        rows = "".join(f"    {line}\n" for line in lines)
        Path("config.yaml").write_text(f"proteins: proteins.yaml\nspecies:\n  aliases:\n{rows}")
        return load(["config.yaml"])[0].species

    return read


@pytest.mark.parametrize("line", ["MSE: MET", "mse: MET", "MSE: met", "Mse: Met", "' mse ': met"])
def test_names_in_any_case(aliases, line):
    """Detects an alias that is ignored because of its case."""
    species = aliases(line)
    assert species.aliases == {"MSE": "MET"}
    sent = {"protein": {"source": "mdcath", "path": ["p.h5"]}, "species": species.model_dump(), "project": {}}
    assert ProjectSettings.model_validate_json(json.dumps(sent)).species == species


def test_values_may_be_names_of_force_fields(aliases):
    """Detects that HSD and X, which any residue may become, are no values."""
    assert aliases("HX1: hsd", "LIG: x").aliases == {"HX1": "HIS", "LIG": "X"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("MSE: MET", "SEP: MEX"), r"config\.yaml:5: species\.aliases\.SEP: 'MEX' is no residue of the vocabulary"),
        (("MSE: ''",), r"config\.yaml:4: species\.aliases\.MSE: '' is no residue"),
        (("ala: GLY",), r"config\.yaml:4: species\.aliases\.ala: ALA is known as ALA"),
        (("HSD: ALA",), r"config\.yaml:4: species\.aliases\.HSD: HSD is known as HIS"),
        (("'': MET",), r"config\.yaml:4: .*needs the name of a residue"),
        (("MSE: 5",), r"config\.yaml:4: species\.aliases\.MSE: .*string"),
        (("MSE: MET", "mse: LEU"), r"config\.yaml:3: species\.aliases: MSE is named more than once"),
    ],
)
def test_mistakes(aliases, lines, message):
    """Detects aliases that relabel known residues, or name no residue, or contradict each other."""
    with pytest.raises(UserError, match=message):
        aliases(*lines)
