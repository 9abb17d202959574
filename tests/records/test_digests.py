"""The digests of all files of a slide: ordinals, records, the file."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from stagings import objects_in

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.pyramid import Tile, plan_pyramid
from slide2iiif.records.digests import (
    NO_FILE,
    RECORD_BYTES,
    DigestFile,
    Digests,
    Recorder,
    Run,
    digest_of,
    digest_stream,
    digests_size,
    length_of,
    record_of,
)

SMALL = order_files(plan_pyramid(Size(1001, 701), 256), Api.V2)


def noted(files: Iterable[tuple[int, bytes]]) -> tuple[Run, ...]:
    recorder = Recorder()
    for ordinal, content in files:
        recorder.add(ordinal, content)
    return recorder.runs()


def test_tiles_come_first_finest_level_first_row_by_row_then_pictures() -> None:
    assert [SMALL.of_tile(tile) for tile in (Tile(0, 0, 0), Tile(0, 1, 0), Tile(0, 0, 1), Tile(1, 0, 0))] == [
        0,
        1,
        4,
        12,
    ]
    assert SMALL.of_picture(SMALL.pictures[0].size) == SMALL.tile_count == 12 + 4
    assert SMALL.count == SMALL.tile_count + len(SMALL.pictures)


def test_a_record_is_the_length_and_the_head_of_the_digest() -> None:
    record = record_of(b"tile")
    assert len(record) == RECORD_BYTES
    assert length_of(record) == 4
    assert record[4:] == hashlib.sha256(b"tile").digest()[:12]
    assert length_of(NO_FILE) == 0


def test_neighbours_travel_together() -> None:
    runs = noted([(4, b"e"), (5, b"f"), (9, b"j"), (8, b"i"), (9, b"j")])
    assert [(run.first, len(run.records) // RECORD_BYTES) for run in runs] == [(4, 2), (9, 1), (8, 2)]
    assert runs[0].records == record_of(b"e") + record_of(b"f")
    assert noted([]) == ()


def test_records_are_found_where_they_belong_in_whatever_order_they_came(tmp_path: Path) -> None:
    contents = [bytes([number]) * (number + 1) for number in range(10)]
    with DigestFile(tmp_path / "new", 12) as file:
        for numbers in ([7, 8, 9], [0], [3, 4, 2], [1, 5, 6]):
            file.write(noted((number, contents[number]) for number in numbers))
        (tmp_path / "ledger").write_bytes(b"".join(digest_stream([file])))
    digests = Digests(objects_in(tmp_path), "ledger")
    assert digests.read(0, 12) == b"".join(map(record_of, contents)) + 2 * NO_FILE
    assert digests.read(4, 1) == record_of(contents[4])


def test_the_digests_of_several_services_lie_one_after_the_other(tmp_path: Path) -> None:
    with DigestFile(tmp_path / "1", 2) as first, DigestFile(tmp_path / "2", 1) as second:
        first.write(noted([(1, b"a")]))
        second.write(noted([(0, b"b")]))
        content = b"".join(digest_stream([first, second]))
    assert len(content) == digests_size(3)
    assert content[RECORD_BYTES:] == NO_FILE + record_of(b"a") + record_of(b"b")


@pytest.mark.parametrize("change", ["nothing", "bit", "cut", "longer", "empty"])
def test_digests_are_whole_if_not_a_bit_of_it_has_changed(tmp_path: Path, change: str) -> None:
    with DigestFile(tmp_path / "new", 3) as file:
        file.write(noted([(0, b"a"), (2, b"c")]))
        content = b"".join(digest_stream([file]))
    digest = digest_of([content])
    changed = {
        "nothing": content,
        "bit": content[:40] + bytes([content[40] ^ 4]) + content[41:],
        "cut": content[:-1],
        "longer": content + b"\0",
        "empty": b"",
    }[change]
    (tmp_path / "ledger").write_bytes(changed)
    digests = Digests(objects_in(tmp_path), "ledger")
    assert digests.is_whole(3, digest) == (change == "nothing")
    assert not digests.is_whole(4, digest)


def test_an_open_digest_file_keeps_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    with DigestFile(tmp_path / "new", 2) as file:
        file.write(noted([(0, b"a")]))
    with DigestFile(tmp_path / "new", 2) as file:
        file.write(noted([(1, b"b")]))
        assert b"".join(file.records()) == record_of(b"a") + record_of(b"b")
