"""Cache of the slides and files that a worker keeps open."""

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
"""Maximum number of open slides; blocks of the few slides under way come interleaved."""


Handle = TypeVar("Handle")


class Handles(Generic[Handle]):
    """Cache of open slides or files; the least recently used is closed first."""

    def __init__(self, open_: Callable[[Path], Handle], close: Callable[[Handle], None]) -> None:
        """Start empty; `open_` opens a handle and `close` closes it."""
        self._open = open_
        self._close = close
        self._kept: OrderedDict[tuple[Path, str], Handle] = OrderedDict()

    def get(self, path: Path, fingerprint: str) -> Handle:
        """Return the handle of a file with this fingerprint; open it if it is not open yet."""
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
"""Slides that this process keeps open."""


open_areas: "Handles[Source]" = Handles(open_scanned_area, lambda source: source.close())
"""Slides that this process keeps open, cropped to their scanned areas."""


open_files: "Handles[int]" = Handles(_open_file, os.close)
"""Descriptors of slide files whose stored tiles this process reads."""
