"""What a training says while it runs."""

import io

from cgpipe.training import display
from cgpipe.training.display import Display, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream, monkeypatch, quiet=False) -> str:
    """100 steps of 8 frames, one per second; the epoch's line after 50."""
    clock = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: clock[0])
    bar = Display(100, stream, quiet)
    for step in range(1, 101):
        clock[0] += 1.0
        bar.step(step, 8 * step)
        if step == 50:
            bar.line("epoch 1")
    return stream.getvalue()


def test_a_terminal_shows_a_bar_with_speed_and_time_left(monkeypatch):
    """Catches a wrong estimate, and a bar that stays before a line."""
    text = shown(Terminal(), monkeypatch)
    assert "██████░░░░░░░░░░░░░░░░░░ step 25/100  8 frames/s  1 min left" in text
    assert "\r\033[Kepoch 1\n" in text


def test_a_log_gets_a_line_a_minute(monkeypatch):
    """Catches control characters and thousands of lines in a log."""
    assert shown(io.StringIO(), monkeypatch) == "epoch 1\nstep 60/100  8 frames/s  1 min left\n"


def test_quiet(monkeypatch):
    """Catches other processes than the first that print."""
    assert shown(Terminal(), monkeypatch, quiet=True) == ""


def test_durations():
    """Catches minutes shown as hours."""
    assert [duration(s) for s in (5.0, 90.0, 7100.0, 8000.0)] == ["5 s", "2 min", "118 min", "2 h 13 min"]
