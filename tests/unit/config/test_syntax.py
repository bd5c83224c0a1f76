"""The digest of a source file: the same however the file is written, another one as soon as it does something else."""

import pytest

from cgpipe.config.syntax import read_source

CODE = '''"""Docstring."""
from cgpipe.units import KB


class Kept:
    """Docstring."""

    width: float = 0.001
    """Attribute's docstring."""


def first(x):
    """Docstring."""
    return x + 1.5  # comment


def second(x):
    """Only a docstring."""


MESSAGE = "text"
'''

SAME = {
    "comment": ("  # comment", "  # another"),
    "docstring of a function": ('"""Only a docstring."""', '"""Another."""'),
    "no docstring": ('    """Only a docstring."""', "    pass"),
    "docstring of an attribute": ("Attribute's docstring", "Another"),
    "docstring of the module": ('"""Docstring."""\nfrom', "from"),
    "line break": ("x + 1.5", "(\n        x\n        + 1.5\n    )"),
    "blank lines": ("\n\n\ndef first", "\n\n\n\n\n\ndef first"),
    "the same number": ("0.001", "1e-3"),
    "quotes": ('"text"', "'te' 'xt'"),
}

OTHER = {
    "number": ("1.5", "1.25"),
    "type of a number": ("x + 1.5", "x + 15"),
    "text": ('"text"', '"another text"'),
    "default": ("0.001", "0.002"),
    "name of an attribute": ("width", "height"),
    "operator": ("x + ", "x - "),
    "import": ("import KB", "import KB, UNITS"),
    "docstring that is used": ("def second(x):\n    ", "def second(x):\n    return "),
}


def digest(folder, text: str) -> str:
    path = folder / f"{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    return read_source(path).digest


@pytest.mark.parametrize("change", SAME)
def test_ways_of_writing_do_not_count(tmp_path, change):
    """Detects a digest that reruns stages for nothing; says nothing of other equal code, such as renamed locals."""
    assert digest(tmp_path, CODE.replace(*SAME[change], 1)) == digest(tmp_path, CODE)
    assert CODE.replace(*SAME[change], 1) != CODE


@pytest.mark.parametrize("change", OTHER)
def test_everything_else_counts(tmp_path, change):
    """Detects edits that would leave old results behind; texts count, because files may hold them."""
    assert digest(tmp_path, CODE.replace(*OTHER[change], 1)) != digest(tmp_path, CODE)


def test_a_moved_function_counts_where_the_order_changes(tmp_path):
    """Further down is the same; behind another function is not, because decorators and names run in order."""
    head, first, second = CODE.partition("def first")[0], "def first(x):\n    pass\n", "def second(x):\n    return 2\n"
    orders = [head + first + second, head + "\n" * 20 + first + second, head + second + first]
    same, lower, turned = (digest(tmp_path, text) for text in orders)
    assert same == lower != turned


def test_a_digest_is_for_ever(tmp_path):
    """A number from today: detects digests that differ between processes, machines or versions of Python, all of whose
    results would be made again."""
    assert digest(tmp_path, CODE) == "a1a6835105df2cc5"


def test_relative_imports_are_refused(tmp_path):
    """They could not be followed: detects a stage that misses a source in silence."""
    with pytest.raises(ValueError, match=r"0\.py:1: a relative import"):
        digest(tmp_path, "from . import units\n")
