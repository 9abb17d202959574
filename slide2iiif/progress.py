"""Progress display: events of a run become a progress bar or log lines."""

import sys
import threading
import time
from typing import Any, Protocol, Self, TextIO

_LINE_SECONDS = 10.0
"""Seconds between two lines that only report the count of stored tiles."""


def printable(text: str) -> str:
    """Escape control characters and bytes that are not UTF-8, so that a path can be printed."""
    return text.encode("utf-8", "backslashreplace").decode().translate({n: f"\\x{n:02x}" for n in (*range(32), 127)})


class Progress(Protocol):
    """Receiver of the events of a run; called from any thread."""

    def started(self, identifier: str, tiles: int) -> None:
        """Count a planned slide, of which `tiles` tiles will be stored."""

    def stored(self, identifier: str, tiles: int) -> None:
        """Count `tiles` more stored tiles of a slide."""

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """Report the outcome of a slide: exported, unchanged, failed …, and the reason in `note`."""


class Silent:
    """Progress that shows nothing."""

    def started(self, identifier: str, tiles: int) -> None:
        """See `Progress.started`."""

    def stored(self, identifier: str, tiles: int) -> None:
        """See `Progress.stored`."""

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """See `Progress.finished`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Do nothing."""


class Lines(Silent):
    """Plain lines for logs: one for each slide that was not skipped, and every 10 seconds the count of stored tiles."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        """Write to a stream; `verbose` adds a line for each unchanged slide."""
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
    """One tqdm bar for the whole run: it counts stored tiles and shows the current slide."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        """Draw on a terminal."""
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
