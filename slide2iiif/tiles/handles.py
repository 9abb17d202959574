"""Slides and files that a worker keeps open."""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from slide2iiif.errors import SourceError
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.unsupported import system_refusal

if TYPE_CHECKING:
    from slide2iiif.sources.base import Source

_KEPT_OPEN = 4
"""Slides that a worker keeps open: blocks of the few slides in flight come interleaved."""


Handle = TypeVar("Handle")


class Handles(Generic[Handle]):
    """Open slides or files of a worker; the least recently used is closed first."""

    def __init__(self, open_: Callable[[Path], Handle], close: Callable[[Handle], None]) -> None:
        """Take how to open and to close one."""
        self._open = open_
        self._close = close
        self._kept: OrderedDict[tuple[Path, str], Handle] = OrderedDict()

    def get(self, path: Path, fingerprint: str) -> Handle:
        """Give an open handle of the file that has this fingerprint."""
        handle = self._kept.pop((path, fingerprint), None)
        if handle is None:
            while len(self._kept) >= _KEPT_OPEN:
                self._close(self._kept.popitem(last=False)[1])
            handle = self._open(path)
        self._kept[path, fingerprint] = handle
        return handle

    def release(self, path: Path, fingerprint: str) -> None:
        """Close a handle, if it is open."""
        handle = self._kept.pop((path, fingerprint), None)
        if handle is not None:
            self._close(handle)


def _open_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(system_refusal(error)) from None


open_sources: "Handles[Source]" = Handles(open_source, lambda source: source.close())
"""Slides that this process holds open."""


open_areas: "Handles[Source]" = Handles(open_scanned_area, lambda source: source.close())
"""The same, cut down to their scanned areas."""


open_files: "Handles[int]" = Handles(_open_file, os.close)
"""Slide files whose stored tiles this process reads."""
