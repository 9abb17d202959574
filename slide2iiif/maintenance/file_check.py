"""Published files against their records: what runs in a worker when a tree is verified. Reads only.

A task is some files of one service, by their ordinals. Every URL of theirs is asked for, and the folders that they lie
in must hold nothing else; the task of the first ordinals looks for strangers in the service's own folder as well. So a
slide of ten million tiles is many tasks, and none of them has a list of all files.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.iiif.file_order import FileOrder
from slide2iiif.iiif.paths import has_region_of_finer_level, is_tile_region, tile_paths
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.jpeg import check_strictly
from slide2iiif.maintenance.findings import Finding, Kind
from slide2iiif.records.digests import NO_FILE, RECORD_BYTES, Ledger, length_of, record_of
from slide2iiif.system_errors import as_target_errors

_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
"""What it means that there is no file."""
NO_FILE_AT_ALL = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
"""What it means that something else is in its place."""
Folder: TypeAlias = "dict[str, Folder]"
"""What a folder may hold: name -> the same for a folder, nothing for a file."""
_BELOW_SIZE: Folder = {"0": {"default.jpg": {}}}
"""Rotation, quality and format."""
_MOST_STRANGERS = 10_000
"""Strangers in one folder that are named; who has more knows enough."""


@dataclass(frozen=True, slots=True)
class CheckTask:
    """Some files of one service."""

    root: Path
    """The tree."""
    slide: str
    """Identifier."""
    place: str
    """Place of the service below the slide, with a slash at its end; empty for the slide itself."""
    order: FileOrder
    """Numbers the files."""
    ordinals: range
    """Which of them."""
    ledger: Path | None = None
    """File with their records; None to ask only whether the files are there."""
    base: int = 0
    """Ordinal in that file of the service's first one."""
    others: frozenset[str] = frozenset()
    """Names in the service's folder that are no regions, and others look after."""
    is_alone: bool = True
    """Whether nothing else may be there."""
    is_deep: bool = False
    """Whether tiles are decoded as well."""

    @property
    def folder(self) -> str:
        """The service's folder, with a slash at its end."""
        return f"{self.root}/{self.slide}/{self.place}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a task came to."""

    findings: tuple[Finding, ...] = ()
    """All that is wrong."""
    files: int = 0
    """URLs that were asked for."""


def check_files(task: CheckTask) -> Checked:
    """Check the files of a task.

    Raises:
        TargetError: their records cannot be read.
    """
    checking = _Checking(task)
    if task.ordinals.start == 0 and task.is_alone:
        checking.find_strangers()
    checking.check_all(_records(task))
    return Checked(tuple(checking.findings), checking.files)


def check_document(root: Path, slide: str, name: str, content: bytes) -> Finding | None:
    """Check that a document says what it must; None if it does."""
    path = f"{slide}/{name}"
    try:
        found = _read(f"{root}/{path}", len(content))
    except OSError as error:
        return _refused(Finding(Kind.MISSING, slide, path), error)
    return None if found == content else Finding(Kind.DOCUMENT, slide, path)


def is_recorded(path: Path, record: bytes) -> bool:
    """Tell whether a file is what a record says.

    Raises:
        OSError: it cannot be read.
    """
    return record_of(_read(str(path), length_of(record))) == record


def _records(task: CheckTask) -> bytes:
    if task.ledger is None:
        return b""
    with as_target_errors(task.ledger), Ledger(task.ledger) as ledger:
        return ledger.read(task.base + task.ordinals.start, len(task.ordinals))


class _Checking:
    """The files of one task, one after the other."""

    def __init__(self, task: CheckTask) -> None:
        self.task = task
        self.findings: list[Finding] = []
        self.files = 0
        self._folder = task.folder
        self._path = f"{task.slide}/{task.place}"

    def check_all(self, records: bytes) -> None:
        """Ask for every URL of the task's files."""
        order, start = self.task.order, self.task.ordinals.start
        for ordinal in self.task.ordinals:
            place = RECORD_BYTES * (ordinal - start)
            record = records[place : place + RECORD_BYTES] if self.task.ledger is not None else None
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
        """Look for what nothing announces in the service's folder, and in those of the pictures of the whole image."""
        order = self.task.order
        whole: dict[str, Folder] = {}
        for picture in order.pictures:
            for path in picture.paths:
                region, size, *_ = path.split("/")
                whole.setdefault(region, {})[size] = _BELOW_SIZE
        strangers = 0
        try:
            with os.scandir(self._folder) as found:
                for entry in found:
                    is_region = entry.name in whole or is_tile_region(order.pyramid, entry.name)
                    if entry.name in self.task.others or (is_region and entry.is_dir(follow_symlinks=False)):
                        continue
                    strangers += 1
                    if strangers <= _MOST_STRANGERS:
                        self._add(Finding(Kind.STRANGER, self.task.slide, self._path + entry.name))
        except OSError as error:
            # Whether files are missing is told one by one.
            if error.errno not in NOT_THERE:
                self._add(_refused(Finding(Kind.UNREADABLE, self.task.slide, self._path), error))
        if strangers > _MOST_STRANGERS:
            detail = f"and {strangers - _MOST_STRANGERS:,} more like it"
            self._add(Finding(Kind.STRANGER, self.task.slide, self._path, detail))
        for region, inner in whole.items():
            self._compare_folder(region, inner)

    def _check_region(self, tile: Tile, paths: Sequence[str]) -> None:
        """Look for what nothing announces in the folder of a tile's region."""
        pyramid, level = self.task.order.pyramid, self.task.order.pyramid.levels[tile.level]
        # Only a tile that is cut at both edges can share its region, and then with the same corner of other levels.
        if tile.column == level.columns - 1 and tile.row == level.rows - 1:
            if has_region_of_finer_level(pyramid, tile):
                return
            paths = [*paths, *_coarser_paths(self.task.order, tile)]
        region = paths[0].partition("/")[0]
        self._compare_folder(region, {path.split("/", 2)[1]: _BELOW_SIZE for path in paths})

    def _compare_folder(self, path: str, expected: Folder) -> None:
        """Look for what is in a folder beyond what is expected, and in those below it."""
        try:
            with os.scandir(self._folder + path) as found:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        except OSError as error:
            if error.errno not in NOT_THERE:
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
                if record is None:
                    Path(self._folder + path).stat()
                    continue
                content = _read(self._folder + path, length_of(record))
            except OSError as error:
                self._add(_refused(finding, error))
                continue
            if record == NO_FILE:
                self._add(replace(finding, kind=Kind.RECEIPT, detail="the ledger has no record of it"))
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
    """Paths of tiles of coarser levels that share a corner tile's region."""
    for level in order.pyramid.levels[tile.level + 1 : -1]:
        corner = Tile(level.index, level.columns - 1, level.rows - 1)
        if not has_region_of_finer_level(order.pyramid, corner):
            return
        yield from tile_paths(order.pyramid, corner, order.api)


def _read(path: str, length: int) -> bytes:
    """Read a file of an expected length; one byte more, if it has more.

    Raises:
        OSError: there is none, or none that can be read.
    """
    file = os.open(path, _FILE_FLAGS)
    try:
        return os.read(file, length + 1)
    finally:
        os.close(file)


def _refused(finding: Finding, error: OSError) -> Finding:
    """Say what it means that a file cannot be read."""
    if error.errno in NOT_THERE:
        return replace(finding, kind=Kind.MISSING)
    if error.errno in NO_FILE_AT_ALL:
        return replace(finding, kind=Kind.CHANGED, detail="it is no file")
    return replace(finding, kind=Kind.UNREADABLE, detail=error.strerror or "")
