"""Staging of a repair: stores only files that differ from the published ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.errors import TargetError
from slide2iiif.stores.base import Files, Objects, Staging


@dataclass(frozen=True, slots=True)
class MendedStaging:
    """A staging that skips files that are published intact, as most files of a block are."""

    staging: Staging
    """Staging of the files that differ."""
    public: Objects
    """Public objects of the tree."""
    published: str
    """Path of the slide, or of a service in it, with a trailing slash."""

    @property
    def scratch(self) -> Path:
        """See `Staging.scratch`."""
        return self.staging.scratch

    def below(self, place: str) -> "MendedStaging":
        """See `Staging.below`."""
        return MendedStaging(self.staging.below(place), self.public, f"{self.published}{place}/")

    @property
    def staged(self) -> Objects:
        """See `Staging.staged`."""
        return self.staging.staged

    def read(self, path: str) -> bytes | None:
        """See `Staging.read`."""
        return self.staging.read(path)

    @contextmanager
    def opened(self) -> Iterator["_MendedFiles"]:
        """See `Staging.opened`."""
        with self.staging.opened() as files:
            yield _MendedFiles(files, self.public, self.published)


class _MendedFiles:
    """Open files of a `MendedStaging`."""

    def __init__(self, files: Files, public: Objects, published: str) -> None:
        self._files = files
        self._public = public
        self._published = published

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file unless it is published intact. See `Files.put`."""
        if not self._has(paths[0], content):
            self._files.put(paths, content)

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Store a file unless it is published intact. See `Files.put_shared`."""
        return not self._has(paths[0], content) and self._files.put_shared(paths, content)

    def _has(self, path: str, content: bytes) -> bool:
        try:
            return self._public.read_range(self._published + path, 0, len(content) + 1) == content
        except TargetError:
            return False
