"""Check of published files against their records: the part of verify that runs in workers. Reads only.

A task is a range of ordinals of one service. Each URL of these files is read, and their folders must hold nothing else;
the task of the first ordinals also looks for strangers in the folder of the service. So a slide of ten million tiles is
many tasks, and none of them has a list of all files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.iiif.file_order import FileOrder
from slide2iiif.iiif.paths import has_region_of_finer_level, is_tile_region, tile_paths
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.jpeg import check_strictly
from slide2iiif.records.digests import NO_FILE, RECORD_BYTES, Digests, DigestSlice, length_of, record_of
from slide2iiif.records.findings import Finding, Kind
from slide2iiif.stores.base import NotAnObjectError, Objects, UnreadableObjectError

Folder: TypeAlias = "dict[str, Folder]"
"""Expected entries of a folder: name -> entries of that folder, or an empty dictionary for a file."""
_BELOW_SIZE: Folder = {"0": {"default.jpg": {}}}
"""Expected entries below a size: rotation, then quality and format."""
_MOST_STRANGERS = 10_000
"""Largest number of strangers in a folder that are named; the others are only counted."""


@dataclass(frozen=True, slots=True)
class CheckTask:
    """Range of files of one service."""

    public: Objects
    """Public objects of the tree."""
    slide: str
    """Identifier of the slide."""
    place: str
    """Path of the service below the slide, with a trailing slash; empty for the slide itself."""
    order: FileOrder
    """Order of the files of the service, which maps ordinals to paths."""
    ordinals: range
    """Ordinals of the files to check."""
    digests: Digests | DigestSlice | None = None
    """Digests of the slide; None to check only that files exist."""
    base: int = 0
    """Position of the service's first record among the digests of the slide."""
    others: frozenset[str] = frozenset()
    """Names in the folder of the service that are no regions, and are checked elsewhere."""
    is_alone: bool = True
    """True if other files in these folders are strangers."""
    is_deep: bool = False
    """True if tiles are decoded as well."""

    @property
    def folder(self) -> str:
        """Path of the service below the root of the tree, with a trailing slash."""
        return f"{self.slide}/{self.place}"


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of a task."""

    findings: tuple[Finding, ...] = ()
    """Findings, in the order of the ordinals."""
    files: int = 0
    """Number of URLs that were read."""


def check_files(task: CheckTask) -> Checked:
    """Check the files of a task.

    Raises:
        TargetError: their records cannot be read.
    """
    check = _FileCheck(task)
    if task.ordinals.start == 0 and task.is_alone:
        check.find_strangers()
    check.check_all(_records(task))
    return Checked(tuple(check.findings), check.files)


def check_document(public: Objects, slide: str, name: str, content: bytes) -> Finding | None:
    """Check that a document has this content; return the finding, or None if it has."""
    path = f"{slide}/{name}"
    try:
        found = public.read_range(path, 0, len(content) + 1)
    except (NotAnObjectError, UnreadableObjectError) as error:
        return _refused(Finding(Kind.MISSING, slide, path), error)
    if found is None:
        return Finding(Kind.MISSING, slide, path)
    return None if found == content else Finding(Kind.DOCUMENT, slide, path)


def is_recorded(public: Objects, path: str, record: bytes) -> bool:
    """Return True if a published file matches its record; False if it differs or cannot be read."""
    try:
        # One byte more than it should have.
        content = public.read_range(path, 0, length_of(record) + 1)
    except (NotAnObjectError, UnreadableObjectError):
        return False
    return content is not None and record_of(content) == record


def _records(task: CheckTask) -> bytes:
    if task.digests is None:
        return b""
    return task.digests.read(task.base + task.ordinals.start, len(task.ordinals))


class _FileCheck:
    """Check of the files of one task."""

    def __init__(self, task: CheckTask) -> None:
        self.task = task
        self.findings: list[Finding] = []
        self.files = 0
        self._public = task.public
        self._path = task.folder

    def check_all(self, records: bytes) -> None:
        """Check every URL of the task's files."""
        order, start = self.task.order, self.task.ordinals.start
        for ordinal in self.task.ordinals:
            place = RECORD_BYTES * (ordinal - start)
            record = records[place : place + RECORD_BYTES] if self.task.digests is not None else None
            if ordinal >= order.tile_count:
                picture = order.pictures[ordinal - order.tile_count]
                self._check_file(picture.paths, record, ordinal, picture.size)
                continue
            tile = order.tile_at(ordinal)
            paths = tile_paths(order.pyramid, tile, order.api)
            if not paths:
                continue
            if self.task.is_alone:
                self._check_region(tile, paths)
            self._check_file(paths, record, ordinal, tile)

    def find_strangers(self) -> None:
        """Find strangers in the folder of the service, and in those of the pictures of the whole image."""
        order = self.task.order
        whole: dict[str, Folder] = {}
        for picture in order.pictures:
            for path in picture.paths:
                region, size, *_ = path.split("/")
                whole.setdefault(region, {})[size] = _BELOW_SIZE
        strangers = 0
        try:
            for entry in self._public.list(self._path.rstrip("/")):
                is_region = entry.name in whole or is_tile_region(order.pyramid, entry.name)
                if entry.name in self.task.others or (is_region and entry.is_folder):
                    continue
                strangers += 1
                if strangers <= _MOST_STRANGERS:
                    self._add(Finding(Kind.STRANGER, self.task.slide, self._path + entry.name))
        except (NotAnObjectError, UnreadableObjectError) as error:
            # Files that are missing are told one by one.
            self._add(_refused(Finding(Kind.UNREADABLE, self.task.slide, self._path), error))
        if strangers > _MOST_STRANGERS:
            detail = f"and {strangers - _MOST_STRANGERS:,} more like it"
            self._add(Finding(Kind.STRANGER, self.task.slide, self._path, detail))
        for region, inner in whole.items():
            self._compare_folder(region, inner)

    def _check_region(self, tile: Tile, paths: Sequence[str]) -> None:
        """Find strangers in the folder of a tile's region."""
        pyramid, level = self.task.order.pyramid, self.task.order.pyramid.levels[tile.level]
        # Only a tile that is cut at both edges can share its region, and then with the same corner of other levels.
        if tile.column == level.columns - 1 and tile.row == level.rows - 1:
            if has_region_of_finer_level(pyramid, tile):
                return
            paths = [*paths, *_coarser_paths(self.task.order, tile)]
        region = paths[0].partition("/")[0]
        self._compare_folder(region, {path.split("/", 2)[1]: _BELOW_SIZE for path in paths})

    def _compare_folder(self, path: str, expected: Folder) -> None:
        """Find strangers in a folder, and in the expected folders below it."""
        try:
            entries = list(self._public.list(self._path + path))
        except (NotAnObjectError, UnreadableObjectError) as error:
            self._add(_refused(Finding(Kind.UNREADABLE, self.task.slide, self._path + path), error))
            return
        for name, is_folder in entries:
            inner = expected.get(name)
            # A folder in the place of a file is found where the file is asked for.
            if inner is None or (inner and not is_folder):
                self._add(Finding(Kind.STRANGER, self.task.slide, f"{self._path}{path}/{name}"))
            elif inner:
                self._compare_folder(f"{path}/{name}", inner)

    def _check_file(self, paths: Sequence[str], record: bytes | None, ordinal: int, what: Tile | Size) -> None:
        """Check a file and its aliases."""
        tile = what if isinstance(what, Tile) else None
        for number, path in enumerate(paths):
            self.files += 1
            finding = Finding(Kind.CHANGED, self.task.slide, self._path + path, "", tile, self.task.base + ordinal)
            try:
                length = 0 if record is None else length_of(record)
                # One byte more than it should have.
                content = self._public.read_range(self._path + path, 0, length + 1)
            except (NotAnObjectError, UnreadableObjectError) as error:
                self._add(_refused(finding, error))
                continue
            if content is None:
                self._add(replace(finding, kind=Kind.MISSING))
            elif record is None:
                continue
            elif record == NO_FILE:
                self._add(replace(finding, kind=Kind.RECEIPT, detail="the digests have no record of it"))
            elif record_of(content) != record:
                detail = "" if len(content) == length_of(record) else "it has another size"
                self._add(replace(finding, kind=Kind.ALIAS if number else Kind.CHANGED, detail=detail))
            elif self.task.is_deep and not number:
                self._decode(content, finding, what)

    def _decode(self, content: bytes, finding: Finding, what: Tile | Size) -> None:
        size = self.task.order.pyramid.tile_pixels(what) if isinstance(what, Tile) else what
        try:
            check_strictly(content, size)
        except SourceError as error:
            self._add(replace(finding, kind=Kind.UNDECODABLE, detail=str(error)))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)


def _coarser_paths(order: FileOrder, tile: Tile) -> Iterator[str]:
    """Yield paths of tiles of coarser levels that share the region of a corner tile."""
    for level in order.pyramid.levels[tile.level + 1 : -1]:
        corner = Tile(level.index, level.columns - 1, level.rows - 1)
        if not has_region_of_finer_level(order.pyramid, corner):
            return
        yield from tile_paths(order.pyramid, corner, order.api)


def _refused(finding: Finding, error: NotAnObjectError | UnreadableObjectError) -> Finding:
    """Return the finding of a file that cannot be read."""
    if isinstance(error, NotAnObjectError):
        return replace(finding, kind=Kind.CHANGED, detail="it is no file")
    return replace(finding, kind=Kind.UNREADABLE, detail=error.detail)
