"""The standard streams, made such that none of them can end a run: closed, on a full disk, or of a small alphabet.

What a command did counts, and not whether it could be told: only the reader of a pipe that goes away ends a command,
as it ends `yes | head`. A command whose answer is what it prints says so by its exit code when it is lost.
"""

import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NUMBERS = (0, 1, 2)


class _Enduring(io.FileIO):
    """A stream that drops what it cannot write, and remembers why."""

    def __init__(self, number: int, *, ends_with_reader: bool) -> None:
        """Take a descriptor, and whether the end of a pipe's reader is an error."""
        super().__init__(number, "w", closefd=False)
        self.loss: OSError | None = None
        self._ends_with_reader = ends_with_reader

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, waiting for streams that ask not to be waited for, or drop all of it."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            if self._ends_with_reader and isinstance(error, BrokenPipeError):
                raise
            self.loss = self.loss or error
            return memoryview(data).nbytes
        return written


def hold_streams() -> None:
    """Make the standard streams of this process endure; call it once, before any file is open.

    A closed descriptor is taken by the next file that is opened, and what is told would be written into that.
    """
    for number in _NUMBERS:
        if _is_closed(number):
            # The lowest free one is taken: this one, as those before it are open by now.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _endure(sys.stdout, 1, ends_with_reader=True)
    sys.stderr = _endure(sys.stderr, 2, ends_with_reader=False)


def lost_output() -> OSError | None:
    """Return why some of standard output could not be written; None if all was."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.loss if isinstance(raw, _Enduring) else None


def is_output_closed() -> bool:
    """Return whether the command was started without a standard output."""
    return sys.__stdout__ is None


def drop_output() -> None:
    """Replace standard output, whose reader has gone, by a sink: Python must not complain at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    with suppress(OSError):
        sys.stdout.flush()


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _endure(stream: TextIO | None, number: int, *, ends_with_reader: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Enduring(number, ends_with_reader=ends_with_reader)),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="backslashreplace",
        # Standard error is for logs: a line is to be seen when it is written.
        line_buffering=number == _NUMBERS[-1] or os.isatty(number),
    )
