"""``cgpipe check`` where temperature is an input of the model: which temperatures it takes, and which it refuses."""

from pathlib import Path

import pytest
from check_inputs import with_temperatures, write_proteins

from cgpipe import check
from cgpipe.stage import run


@pytest.mark.parametrize("chosen", [{}, {"temperatures": "[]"}, {"temperatures": "[300, 348]"}])
def test_several_temperatures_are_in_order_where_they_are_an_input(place, chosen):
    """All that a file holds, or some of it; detects a refusal whose own remedy does not work."""
    with_temperatures("300/0", "320/0", "348/1")
    write_proteins(**chosen)
    _temperature_as_input("simulate: {temperature: 310}")
    assert run(check.main, []) == 0


def test_temperature_as_an_input_needs_several(place, capsys):
    """Detects an entropy that would be fitted to one temperature, and simulations where none is known."""
    _temperature_as_input()
    assert run(check.main, []) == 2
    assert "config/proteins.yaml:2: proteins.p: all frames are at 300 K, but model.temp" in capsys.readouterr().err
    with_temperatures("300/0", "320/0")
    _temperature_as_input("simulate: {temperature: 330}")
    assert run(check.main, []) == 2
    assert "simulate.temperature: 330 K is outside of the 300 to 320 K of the frames" in capsys.readouterr().err


def _temperature_as_input(more: str = "") -> None:
    Path("config/config.yaml").write_text(f"run: trial\nmodel: {{temperature: input}}\n{more}\n")
