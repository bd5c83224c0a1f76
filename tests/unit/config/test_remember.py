"""What later processes find."""

from cgpipe.config.remember import Remembered


def test_what_is_new_is_there_for_the_next(tmp_path, monkeypatch):
    """Made once, also with another process in between; a damaged file counts as none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[str] = []
    one, other = Remembered("a"), Remembered("a")
    for remembered, key in ((one, "x"), (one, "x"), (other, "y")):
        remembered.get(key, lambda key=key: made.append(key) or key)
    one.write(), other.write()
    third = Remembered("a")
    assert [third.get(key, lambda: "new") for key in "xyz"] == ["x", "y", "new"]
    assert made == ["x", "y"]
    (tmp_path / "cgpipe" / "a.json").write_text('{"x": ')
    assert Remembered("a").get("x", lambda: "new") == "new"


def test_no_cache_is_no_matter(tmp_path, monkeypatch):
    """A cache that cannot be written, as in some containers."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remembered = Remembered("a")
    assert remembered.get("x", lambda: 1) == 1
    remembered.write()
