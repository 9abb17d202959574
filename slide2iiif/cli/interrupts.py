"""Signals that stop a command: one line, an exit code, and an end in time, whatever hangs.

What a command has to do when it is told to stop is little, but some of it waits for others: for a disk, for processes
that the system does not let go, for a terminal that takes no more lines. So a clock runs from the first signal on, and
ends the process when there is no time left, as a kill would: what is published is whole at every moment, and workers
end with their parent.
"""

import _thread
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from slide2iiif.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Signals that stop a command."""

_PATIENCE_SECONDS = 4.0
"""Time that a command may take to stop."""

_LINE_SECONDS = 0.2
"""Time that the line about it may take."""

_told = threading.Lock()
"""Taken by whoever tells that the command was stopped."""

_received: list[int] = []
"""Number of the signal that stops the command, once it came."""


def catch_signals() -> None:
    """Let signals stop the command: the first one by KeyboardInterrupt, a second one at once."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _pass_over_stops


def received() -> int | None:
    """Return the number of the signal that stops the command; None if none has come."""
    return _received[0] if _received else None


def is_to_tell() -> bool:
    """Return True for the first who asks: only one is to report that the command was stopped."""
    return _told.acquire(blocking=False)


def error_of(number: int) -> InterruptedRunError:
    """Return the error of a signal."""
    name = signal.Signals(number).name
    return InterruptedRunError(f"stopped by {name}; what was published stays, run again to go on", number)


def _pass_over_stops(unraisable: "sys.UnraisableHookArgs") -> None:
    """Report an error that nothing can handle, but no stop that came into a finalizer: the clock ends the command."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt) or not _received:
        sys.__unraisablehook__(unraisable)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for each in SIGNALS:
        # A second signal ends the process at once; its workers notice.
        signal.signal(each, signal.SIG_DFL)
    _received.append(number)
    # Not by `threading`, whose locks may be held by what this handler has come into.
    _thread.start_new_thread(_end_in_time, (number,))
    # No error of ours yet: whatever handles the errors of a library would take it for one of those.
    raise KeyboardInterrupt(number)


def _end_in_time(number: int) -> None:
    time.sleep(_PATIENCE_SECONDS)
    if is_to_tell():
        # In a thread of its own: whoever reads it may be what hangs.
        _thread.start_new_thread(os.write, (2, f"slide2iiif: {error_of(number)}\n".encode()))
        time.sleep(_LINE_SECONDS)
    os._exit(128 + number)
