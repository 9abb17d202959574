"""What is done of a slide under way: its ledger, and one line for each task that has ended.

Both lie in the scratch folder of the staging. The records go into the ledger before the line that says so, and a
task's files were put before its records came back, so a line that is whole is true, as long as the system has not
gone down since. A run that is killed may tear the last line: each begins with its checksum, and the first that is
not whole ends what is believed. Staging from before a power cut is not believed at all; the store sees to that.
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
from slide2iiif.plan.provenance import Made
from slide2iiif.records.digests import LedgerFile
from slide2iiif.records.strict_json import read_json
from slide2iiif.system_errors import refusals_of
from slide2iiif.tiles.tasks import Rendered, RenderTask

_LEDGER = "ledger"
_JOURNAL = "journal"
_MOST_BLOCKS = 1_000_000
"""Blocks that a line may speak of; a task has a few."""
_CHECKSUM_DIGITS = 8


class Journal:
    """The blocks that are done, on disk and at hand. Use in a `with` statement."""

    def __init__(self, scratch: Path, order: FileOrder) -> None:
        """Open the journal of a staging, with what an earlier run has noted, or begin one.

        Args:
            scratch: folder of the staging beside the files.
            order: of the files that will be made.

        Raises:
            TargetError: no room.
        """
        self._scratch = scratch
        self._done: dict[int, set[int]] = {}
        self.rendered = Rendered()
        """What all tasks together have stored."""
        with refusals_of(scratch):
            has_ledger = (scratch / _LEDGER).exists()
            self.ledger = LedgerFile(scratch / _LEDGER, order.count)
            """The records of all files that are made."""
            self._file = os.open(scratch / _JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._replay()
        if not has_ledger:
            self.begin_anew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is done yet."""
        return not self._done

    def is_done(self, pass_: Pass, blocks: Iterable[Block]) -> bool:
        """Tell whether these blocks need not be made again."""
        done = self._done.get(pass_.input_level)
        return done is not None and all(_number(pass_, block) in done for block in blocks)

    def add(self, task: RenderTask, rendered: Rendered) -> None:
        """Note that a task has ended.

        Raises:
            TargetError: no room.
        """
        numbers = [_number(task.pass_, block) for block in task.blocks]
        with refusals_of(self._scratch):
            self.ledger.write(rendered.records)
            _write_all(self._file, _line(_note(task.pass_.input_level, numbers, rendered)))
        self._take(task.pass_.input_level, numbers, rendered)

    def begin_anew(self) -> None:
        """Forget everything: what is noted cannot be gone on from.

        Raises:
            TargetError: the file system refuses.
        """
        self._done.clear()
        self.rendered = Rendered()
        with refusals_of(self._scratch):
            os.truncate(self._file, 0)

    def close(self) -> None:
        """Close the files; twice does no harm."""
        self.ledger.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self, input_level: int, numbers: Iterable[int], rendered: Rendered) -> None:
        self._done.setdefault(input_level, set()).update(numbers)
        # The records are in the ledger: they need not stay in memory.
        self.rendered += replace(rendered, records=())

    def _replay(self) -> None:
        """Take up what is noted, and cut off what follows the last whole line."""
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
        "made": [[level, how, count] for (level, how), count in rendered.made.items()],
        "bytes": rendered.stored_bytes,
        "damaged": rendered.damaged,
        "blank": rendered.blank,
    }


def _line(note: dict[str, Any]) -> bytes:
    text = json.dumps(note, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _parse(line: bytes) -> tuple[int, Iterable[int], Rendered] | None:
    """Read a line; None if it is not whole."""
    checksum, _, text = line.partition(b" ")
    if len(checksum) != _CHECKSUM_DIGITS or not text.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text[:-1]):
        return None
    try:
        note = read_json(text)
        first, last = note["blocks"]
        made = Counter({(level, Made(how)): count for level, how, count in note["made"]})
        damaged = tuple(Tile(*tile) for tile in note["damaged"])
        if not 0 <= first <= last < first + _MOST_BLOCKS:
            return None
        return note["input"], range(first, last + 1), Rendered(made, note["bytes"], damaged, note["blank"])
    except (ValueError, TypeError, KeyError):
        return None


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
