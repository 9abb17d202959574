"""What is done of a slide under way: noted, read again, and believed as far as it is whole."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.pyramid import Tile, plan_pyramid
from slide2iiif.plan.passes import Block, Pass
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.records.digests import Run, record_of
from slide2iiif.tiles.journal import Journal
from slide2iiif.tiles.tasks import Rendered, RenderTask

ORDER = order_files(plan_pyramid(Size(3000, 2000), 256), Api.V2)
PASS = Pass(0, Size(3000, 2000), 0, copies=False, levels=(0, 1), intermediate_level=None, pictures=(),
            makes_thumbnails=False, side=512, columns=6, rows=4)  # fmt: skip
BLOCKS = list(PASS.blocks())


class Ended(NamedTuple):
    """As much of a task as the journal looks at."""

    pass_: Pass
    blocks: tuple[Block, ...]


def task_of(*blocks: Block) -> RenderTask:
    return cast("RenderTask", Ended(PASS, blocks))


def rendered(number: int) -> Rendered:
    origins = Counter({(0, TileOrigin.COPIED): 4, (1, TileOrigin.DOWNSAMPLED): 1})
    damaged = (Tile(0, number, 0),) if number % 2 else ()
    return Rendered(origins, 100 + number, damaged, 2, (Run(number, record_of(bytes([number]))),))


@pytest.fixture
def noted(tmp_path: Path) -> list[int]:
    """Note six tasks, and give the size of the journal before each and at the end."""
    sizes = [0]
    with Journal(tmp_path, ORDER) as journal:
        for number, block in enumerate(BLOCKS[:6]):
            journal.add(task_of(block), rendered(number))
            sizes.append((tmp_path / "journal").stat().st_size)
    return sizes


def test_a_new_journal_knows_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, ORDER) as journal:
        assert journal.is_empty
        assert not any(journal.is_done(PASS, [block]) for block in BLOCKS)
        assert journal.rendered == Rendered()


def test_what_is_noted_is_known_in_the_next_run(tmp_path: Path, noted: list[int]) -> None:
    assert len(noted) == 7
    with Journal(tmp_path, ORDER) as journal:
        assert [journal.is_done(PASS, [block]) for block in BLOCKS] == 6 * [True] + 18 * [False]
        assert journal.is_done(PASS, BLOCKS[:6])
        assert not journal.is_done(PASS, BLOCKS[:7])
        assert journal.rendered.origins == Counter({(0, TileOrigin.COPIED): 24, (1, TileOrigin.DOWNSAMPLED): 6})
        assert (journal.rendered.stored_bytes, journal.rendered.blank) == (615, 12)
        assert journal.rendered.damaged == (Tile(0, 1, 0), Tile(0, 3, 0), Tile(0, 5, 0))
        records = b"".join(journal.digests.records())
    assert records[: 6 * 16] == b"".join(record_of(bytes([number])) for number in range(6))


def test_records_do_not_stay_in_memory(tmp_path: Path) -> None:
    with Journal(tmp_path, ORDER) as journal:
        journal.add(task_of(BLOCKS[0]), rendered(0))
        assert journal.rendered.records == ()


def test_a_journal_that_is_torn_at_any_byte_is_believed_up_to_the_last_whole_line(
    tmp_path: Path, noted: list[int]
) -> None:
    whole = (tmp_path / "journal").read_bytes()
    for cut in range(len(whole) + 1):
        (tmp_path / "journal").write_bytes(whole[:cut])
        lines = sum(size <= cut for size in noted) - 1
        with Journal(tmp_path, ORDER) as journal:
            assert sum(journal.is_done(PASS, [block]) for block in BLOCKS) == lines
            assert journal.rendered.tiles == 5 * lines
            journal.add(task_of(BLOCKS[10]), rendered(10))
        with Journal(tmp_path, ORDER) as journal:
            # What follows a torn line must not hide behind it.
            assert journal.is_done(PASS, [BLOCKS[10]])
            assert journal.rendered.tiles == 5 * (lines + 1)


def test_a_changed_byte_ends_what_is_believed(tmp_path: Path, noted: list[int]) -> None:
    whole = (tmp_path / "journal").read_bytes()
    for place in range(noted[2], noted[3]):
        (tmp_path / "journal").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with Journal(tmp_path, ORDER) as journal:
            assert sum(journal.is_done(PASS, [block]) for block in BLOCKS) == 2


def test_a_task_of_many_blocks_is_done_as_a_whole(tmp_path: Path) -> None:
    with Journal(tmp_path, ORDER) as journal:
        journal.add(task_of(*BLOCKS), rendered(0))
    with Journal(tmp_path, ORDER) as journal:
        assert journal.is_done(PASS, BLOCKS)


def test_beginning_anew_forgets_everything(tmp_path: Path, noted: list[int]) -> None:
    assert noted
    with Journal(tmp_path, ORDER) as journal:
        journal.begin_anew()
        assert journal.is_empty
    with Journal(tmp_path, ORDER) as journal:
        assert journal.rendered == Rendered()


@pytest.mark.parametrize("missing", ["journal", "ledger"])
def test_one_of_the_two_files_alone_is_worth_nothing(tmp_path: Path, noted: list[int], missing: str) -> None:
    assert noted
    (tmp_path / missing).unlink()
    with Journal(tmp_path, ORDER) as journal:
        assert journal.is_empty
