"""Events of a run -> a bar or lines. The export tells what happens; how it is shown is decided here."""

import sys
import threading
import time
from typing import Any, Protocol, Self, TextIO

_LINE_SECONDS = 10.0
"""Seconds between lines that only say how far a run is."""


def printable(text: str) -> str:
    """Make a path safe to show: bytes that are no text, and control characters, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode().translate({n: f"\\x{n:02x}" for n in (*range(32), 127)})


class Progress(Protocol):
    """What a run tells while it goes on, from any thread."""

    def started(self, identifier: str, tiles: int) -> None:
        """A slide is planned: so many tiles will be stored."""

    def stored(self, identifier: str, tiles: int) -> None:
        """So many more tiles of a slide are stored."""

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """A slide is done with: exported, unchanged, failed …, with the reason for it."""


class Silent:
    """Shows nothing."""

    def started(self, identifier: str, tiles: int) -> None:
        """See `Progress.started`."""

    def stored(self, identifier: str, tiles: int) -> None:
        """See `Progress.stored`."""

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """See `Progress.finished`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing to end."""


class Lines(Silent):
    """Plain lines, for logs: one for each slide that was worked on, and now and then how far the run is."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        """Take where to write, and whether unchanged slides have a line too."""
        self._stream = stream
        self._verbose = verbose
        self._lock = threading.Lock()
        self._planned = self._done = 0
        self._last = time.monotonic()

    def started(self, identifier: str, tiles: int) -> None:
        """See `Progress.started`."""
        del identifier
        with self._lock:
            self._planned += tiles

    def stored(self, identifier: str, tiles: int) -> None:
        """See `Progress.stored`."""
        with self._lock:
            self._done += tiles
            now = time.monotonic()
            if now - self._last >= _LINE_SECONDS:
                self._last = now
                self._write(f"{self._done} of {self._planned} tiles stored, now {identifier}")

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """See `Progress.finished`."""
        if status in {"unchanged", "passed_over"} and not self._verbose:
            return
        with self._lock:
            self._write(printable(f"{status}: {identifier}{f': {note}' if note else ''}"))

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Bar(Silent):
    """One tqdm bar for the whole run, which counts stored tiles and names the slide."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        """Take the terminal to draw on."""
        self._stream = stream
        self._lock = threading.Lock()
        self._bar: Any = None

    def __enter__(self) -> Self:
        from tqdm import tqdm

        self._bar = tqdm(total=0, unit="tile", file=self._stream, dynamic_ncols=True, smoothing=0.1)
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()

    def started(self, identifier: str, tiles: int) -> None:
        """See `Progress.started`."""
        del identifier
        with self._lock:
            self._bar.total += tiles
            self._bar.refresh()

    def stored(self, identifier: str, tiles: int) -> None:
        """See `Progress.stored`."""
        with self._lock:
            self._bar.set_description_str(identifier[-40:], refresh=False)
            self._bar.update(tiles)

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """See `Progress.finished`."""
        if status == "failed":
            with self._lock:
                self._bar.write(printable(f"{status}: {identifier}: {note}"), file=self._stream)
