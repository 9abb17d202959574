"""Everything that can go wrong, as one tree, with the exit code of each class.

```
Slide2iiifError
├── UsageError          2   the request makes no sense: an option, a path, a base URL
├── SourceError         1   a slide cannot be published; the others go on
│   └── WorkerError     1   a slide killed or outlived the process that worked on it
├── TargetError         3   the place to publish to cannot be used
│   └── TargetBusyError 4   another exporter works on it
└── InterruptedRunError 130 or 143   a signal asked to stop
```

A message says what happened, where, and what to do next, in one line. Every class takes just its message,
so that an error survives pickling between processes.
"""

from typing import ClassVar


class Slide2iiifError(Exception):
    """Base of all errors that a user can cause or must know of."""

    exit_code: ClassVar[int] = 1


class UsageError(Slide2iiifError):
    """The request makes no sense as it stands; nothing was started."""

    exit_code = 2


class SourceError(Slide2iiifError):
    """One slide cannot be read or published; it fails alone."""


class WorkerError(SourceError):
    """The process that worked on a slide died or passed its deadline."""


class TargetError(Slide2iiifError):
    """The target cannot be written as it must be; the run ends."""

    exit_code = 3


class TargetBusyError(TargetError):
    """Another exporter holds the target."""

    exit_code = 4


class InterruptedRunError(Slide2iiifError):
    """A signal ended the run; what was published stays."""

    def __init__(self, message: str, signal_number: int = 2) -> None:
        """Take the message and the number of the signal (2 for SIGINT, 15 for SIGTERM)."""
        super().__init__(message, signal_number)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def signal_number(self) -> int:
        """Number of the signal that ended the run."""
        return int(self.args[1])
