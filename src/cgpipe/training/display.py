"""How far a training is: a bar on a terminal, now and then a line where nobody watches."""

import time
from collections import deque
from io import TextIOBase

BAR = 24
BAR_SECONDS, LINE_SECONDS = 0.2, 60.0
"""Time between two updates of the bar, and between two lines of a log [s]."""

WINDOW = 200
"""Updates that the speed is averaged over."""


class Display:
    """Progress of a training's steps on a stream; a quiet one shows nothing."""

    def __init__(self, total: int, stream: TextIOBase, quiet: bool = False):
        self._total, self._stream, self._quiet = total, stream, quiet
        self._terminal = stream.isatty()
        self._times: deque[tuple[float, int, int]] = deque(maxlen=WINDOW)
        self._shown = time.monotonic()
        self._bar = False

    def step(self, done: int, frames: int) -> None:
        """A step is done.

        Args:
            done: steps so far.
            frames: frames seen by this process's run so far.
        """
        now = time.monotonic()
        self._times.append((now, done, frames))
        if now - self._shown >= (BAR_SECONDS if self._terminal else LINE_SECONDS):
            self._shown = now
            self._show(f"step {done}/{self._total}  {self._speed()}", done)

    def pause(self) -> None:
        """Time from now to the next step is not training: it does not count for the speed."""
        self._times.clear()

    def line(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._clear()
            self._write(text + "\n")

    def _show(self, text: str, done: int) -> None:
        if self._quiet:
            return
        if not self._terminal:
            self.line(text)
            return
        self._clear()
        filled = BAR * done // self._total
        self._write(f"{'█' * filled}{'░' * (BAR - filled)} {text}")
        self._bar = True

    def _clear(self) -> None:
        if self._bar:
            self._write("\r\033[K")
            self._bar = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _speed(self) -> str:
        (begun, first, seen), (now, done, frames) = self._times[0], self._times[-1]
        if done == first:
            return ""
        seconds = now - begun
        left = (self._total - done) * seconds / (done - first)
        return f"{(frames - seen) / seconds:.0f} frames/s  {duration(left)} left"


def duration(seconds: float) -> str:
    """A time span in words."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
