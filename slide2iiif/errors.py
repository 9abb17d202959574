"""Errors of slide2iiif: one class for each exit code.

```
Slide2iiifError
├── UsageError          2   an option, a path or a URL is invalid
├── SourceError         1   a slide cannot be published; the others go on
│   └── WorkerError     1   the worker process of a slide died or passed its deadline
├── TargetError         3   the target cannot be written
│   └── TargetBusyError 4   another exporter holds it
└── InterruptedRunError 130 or 143   a signal ended the run
```

A message is one line: what happened, where, and what to do next. Each class takes just its message, so that an
error survives pickling between processes.
"""

from typing import ClassVar


class Slide2iiifError(Exception):
    """Base class of the errors that are reported to the user."""

    exit_code: ClassVar[int] = 1


class UsageError(Slide2iiifError):
    """An option, a path or a URL is invalid; nothing was started."""

    exit_code = 2


class SourceError(Slide2iiifError):
    """One slide cannot be read or published; the others go on."""


class WorkerError(SourceError):
    """The worker process of a slide died or passed its deadline."""


class TargetError(Slide2iiifError):
    """The target cannot be written; the run ends."""

    exit_code = 3


class TargetBusyError(TargetError):
    """Another exporter holds the target."""

    exit_code = 4


class InterruptedRunError(Slide2iiifError):
    """A signal ended the run; what was published stays."""

    def __init__(self, message: str, signal_number: int = 2) -> None:
        """Set the message and the number of the signal (2 for SIGINT, 15 for SIGTERM)."""
        super().__init__(message, signal_number)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def signal_number(self) -> int:
        """Number of the signal that ended the run."""
        return int(self.args[1])
