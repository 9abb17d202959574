"""Journal of a slide under way: one line for each finished task, beside the digests of the files.

Both lie in the scratch folder of the staging. A task's files are stored before its digests come back, and its digests
are written there before its line. So a complete line is true, unless the system has crashed since. A run that
is killed may leave the last line incomplete: each line begins with its checksum, and reading stops at the first that
does not match. Staging from before a crash of the system is not resumed at all, which the store sees to.
"""

import json
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from slide2iiif.iiif.file_order import FileOrder
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.plan.passes import Block, Pass
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.records.digests import DigestFile
from slide2iiif.records.strict_json import read_json
from slide2iiif.stores.base import JOURNAL
from slide2iiif.system_errors import as_target_errors
from slide2iiif.tiles.tasks import Rendered, RenderTask

_DIGESTS = "ledger"
_MOST_BLOCKS = 1_000_000
"""Limit of the blocks in one line; a task has a few."""
_CHECKSUM_DIGITS = 8


class Journal:
    """Finished blocks of a slide, on disk and in memory. Use in a `with` statement."""

    def __init__(self, scratch: Path, order: FileOrder) -> None:
        """Open the journal of a staging, with the finished tasks of an earlier run, or start a new one.

        Args:
            scratch: scratch folder of the staging.
            order: ordinals of the files of the service.

        Raises:
            TargetError: the journal cannot be written.
        """
        self._scratch = scratch
        self._done: dict[int, set[int]] = {}
        self.rendered = Rendered()
        """Sum of the results of all finished tasks."""
        with as_target_errors(scratch):
            has_digests = (scratch / _DIGESTS).exists()
            self.digests = DigestFile(scratch / _DIGESTS, order.count)
            """Lengths and digests of the files that have been stored."""
            self._file = os.open(scratch / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._replay()
        if not has_digests:
            self.begin_anew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def is_empty(self) -> bool:
        """True if no task has finished."""
        return not self._done

    def is_done(self, pass_: Pass, blocks: Iterable[Block]) -> bool:
        """Return True if all these blocks are finished."""
        done = self._done.get(pass_.input_level)
        return done is not None and all(_number(pass_, block) in done for block in blocks)

    def add(self, task: RenderTask, rendered: Rendered) -> None:
        """Record a finished task.

        Raises:
            TargetError: the journal cannot be written.
        """
        numbers = [_number(task.pass_, block) for block in task.blocks]
        with as_target_errors(self._scratch):
            self.digests.write(rendered.records)
            _write_all(self._file, _line(_note(task.pass_.input_level, numbers, rendered)))
        self._take(task.pass_.input_level, numbers, rendered)

    def begin_anew(self) -> None:
        """Discard all finished tasks, where the slide cannot be resumed.

        Raises:
            TargetError: the journal cannot be written.
        """
        self._done.clear()
        self.rendered = Rendered()
        with as_target_errors(self._scratch):
            os.truncate(self._file, 0)

    def close(self) -> None:
        """Close the files; closing twice is allowed."""
        self.digests.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self, input_level: int, numbers: Iterable[int], rendered: Rendered) -> None:
        self._done.setdefault(input_level, set()).update(numbers)
        # The digests are on disk: they need not stay in memory.
        self.rendered += replace(rendered, records=())

    def _replay(self) -> None:
        """Read the journal, and truncate it after the last complete line."""
        place = 0
        with open(self._file, "rb", closefd=False) as lines:
            for line in lines:
                note = _parse(line)
                if note is None:
                    break
                self._take(*note)
                place += len(line)
        if place != os.fstat(self._file).st_size:
            os.truncate(self._file, place)


def _number(pass_: Pass, block: Block) -> int:
    return block.row * pass_.columns + block.column


def _note(input_level: int, numbers: Sequence[int], rendered: Rendered) -> dict[str, Any]:
    return {
        "input": input_level,
        # Blocks of one task follow each other.
        "blocks": [numbers[0], numbers[-1]],
        "made": [[level, how, count] for (level, how), count in rendered.origins.items()],
        "bytes": rendered.stored_bytes,
        "damaged": rendered.damaged,
        "blank": rendered.blank,
    }


def _line(note: dict[str, Any]) -> bytes:
    text = json.dumps(note, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _parse(line: bytes) -> tuple[int, Iterable[int], Rendered] | None:
    """Parse a line; None if it is incomplete."""
    checksum, _, text = line.partition(b" ")
    if len(checksum) != _CHECKSUM_DIGITS or not text.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text[:-1]):
        return None
    try:
        note = read_json(text)
        first, last = note["blocks"]
        origins = Counter({(level, TileOrigin(how)): count for level, how, count in note["made"]})
        damaged = tuple(Tile(*tile) for tile in note["damaged"])
        if not 0 <= first <= last < first + _MOST_BLOCKS:
            return None
        return note["input"], range(first, last + 1), Rendered(origins, note["bytes"], damaged, note["blank"])
    except (ValueError, TypeError, KeyError):
        return None


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
