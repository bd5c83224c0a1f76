"""The report's section on data, by itself; the whole page is tested with the stage."""

from types import SimpleNamespace

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

from cgpipe.reporting import tables

PROTEIN = {
    "beads": 4, "capacity": 4, "trajectories": ["348/0", "348/1"], "force_rms": 9.0, "mean_neighbours": 3.0,
    "max_neighbours": 3, "frames": {"train": 30, "val": 10, "test": 40, "gap": 0}, "mean_forces": {"configurations": 0},
}  # fmt: skip
DIVISION = {
    "why_not_runs": None, "blocks_independent": False, "block_frames": 8, "gap_frames": 1, "memory_frames": 20.0,
    "test_runs": ["a/348/1"], "nearest": 1.0, "nearest_of_other_runs": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(("by", "warned"), [("blocks", True), ("runs", False)])
def test_short_blocks_make_test_numbers_too_good_only_where_the_test_is_of_blocks(by, warned):
    """Detects a warning about test frames of whole runs, whose validation alone comes from short blocks, and none about
    test frames of short blocks."""
    environment = Environment(
        loader=PackageLoader("cgpipe.reporting"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": tables.number, "bounds": tables.bounds}
    statistics = {"proteins": {"a": PROTEIN | {"division": DIVISION | {"by": by}}}}
    page = environment.get_template("sections/data.html.j2").render(
        results=SimpleNamespace(dataset={"divided_by": "auto", "statistics": statistics}),
        suspects=None, data=[], splits={},
    )  # fmt: skip
    assert ("numbers on test frames are too good" in page) is warned
    assert ("blocks of time</td>" in page or "blocks of time<small>" in page) is warned
