"""Stored tiles -> complete streams, byte by byte."""

import dataclasses
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.samples.coding import abbreviate, encode_rgb, encode_ycbcr
from slide2iiif.sources.jpeg_tiles import (
    JFIF,
    DamagedTileError,
    JpegTiles,
    find_tiles,
    parse_head,
    resize_frame,
    shared_tables,
)

Places = NDArray[np.uint64]

SIDE = 32
PIXELS = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
COMPLETE = encode_ycbcr(PIXELS, 80, "420")
TABLES, BARE = abbreviate(COMPLETE)
COMMENT = b"\xff\xfe\x00\x07hello"
EXIF = b"\xff\xe1\x00\x0aExif\0\0me"


def write_tiles(
    path: Path, streams: list[bytes], *, columns: int, tables: bytes = b"", is_rgb: bool = False
) -> JpegTiles:
    """Write streams one after the other and find them as the tiles of a level."""
    lengths = np.array([len(stream) for stream in streams], np.uint64).reshape(-1, columns)
    offsets = (np.cumsum(lengths) - lengths.ravel()).astype(np.uint64).reshape(lengths.shape)
    path.write_bytes(b"".join(streams))
    found = find_tiles(path, Size(SIDE, SIDE), offsets, lengths, tables=tables, is_rgb=is_rgb)
    assert found is not None
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiles"


def read(tiles: JpegTiles, column: int = 0, row: int = 0) -> bytes:
    file = os.open(tiles.path, os.O_RDONLY)
    try:
        return tiles.read(file, column, row)
    finally:
        os.close(file)


def pixels(stream: bytes) -> NDArray[np.uint8]:
    decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, strict=True)
    return decoded


class TestParseHead:
    def test_it_gives_size_sampling_and_where_the_scan_begins(self) -> None:
        head = parse_head(COMPLETE)
        assert (head.size, head.sampling) == ((SIDE, SIDE), ((2, 2), (1, 1), (1, 1)))
        assert COMPLETE[head.scan : head.scan + 2] == b"\xff\xda"
        assert parse_head(BARE).size == (SIDE, SIDE)

    def test_comments_and_application_data_are_left_out(self) -> None:
        head = parse_head(BARE[:2] + COMMENT + EXIF + BARE[2:])
        assert head.segments == parse_head(BARE).segments

    def test_width_and_height_are_not_mixed_up(self) -> None:
        head = parse_head(encode_ycbcr(np.zeros((16, 48, 3), np.uint8), 80, "444"))
        assert head.size == Size(48, 16)

    @pytest.mark.parametrize(
        ("stream", "words"),
        [
            (b"", "start-of-image"),
            (bytes(200), "start-of-image"),
            (b"\xff\xd8", "row of segments"),
            (COMPLETE[:50], "row of segments"),
            (COMPLETE[:2] + b"\0\0" + COMPLETE[2:], "row of segments"),
            (COMPLETE.replace(b"\xff\xc0", b"\xff\xc2", 1), "FFC2"),
            (COMPLETE.replace(b"\xff\xc0", b"\xff\xc9", 1), "FFC9"),
            (COMPLETE.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c", 1), "8 bits"),
            (COMPLETE.replace(b"\xff\xc0", b"\xff\xfe", 1), "8 bits"),
        ],
    )
    def test_what_is_no_sequential_image_is_refused(self, stream: bytes, words: str) -> None:
        with pytest.raises(DamagedTileError, match=words):
            parse_head(stream)

    def test_no_beginning_of_a_head_is_taken_for_one(self) -> None:
        head = parse_head(COMPLETE)
        for end in range(head.scan + 2):
            with pytest.raises(DamagedTileError):
                parse_head(COMPLETE[:end])


class TestSharedTables:
    def test_the_segments_are_given_without_the_markers_around_them(self) -> None:
        assert shared_tables(TABLES) == TABLES[2:-2]
        assert shared_tables(b"") == b""

    def test_other_segments_are_left_out(self) -> None:
        assert shared_tables(TABLES[:2] + EXIF + TABLES[2:-2] + COMMENT + TABLES[-2:]) == TABLES[2:-2]

    @pytest.mark.parametrize(
        "stream", [TABLES[:-2], TABLES[2:], TABLES[:40] + TABLES[-2:], b"\xff\xd8\0\0\0\0\xff\xd9", b"\xff"]
    )
    def test_damaged_ones_are_refused(self, stream: bytes) -> None:
        with pytest.raises(DamagedTileError):
            shared_tables(stream)


def test_a_frame_header_is_given_another_size_and_nothing_else() -> None:
    segments = parse_head(COMPLETE).segments
    resized = tuple(resize_frame(segments, Size(300, 7)))
    [frame] = [segment for segment in resized if segment[1] == 0xC0]
    assert frame[5:9] == b"\x00\x07\x01\x2c"
    assert [a for a in resized if a not in segments] == [frame]
    assert [len(a) for a in resized] == [len(a) for a in segments]


class TestRead:
    def test_an_abbreviated_tile_gets_its_tables_and_a_colour_marker(self, path: Path) -> None:
        stream = read(write_tiles(path, [BARE], columns=1, tables=TABLES))
        assert stream == b"\xff\xd8" + JFIF + TABLES[2:-2] + BARE[2:]
        assert np.array_equal(pixels(stream), pixels(COMPLETE))

    def test_a_complete_tile_stays_as_it_is(self, path: Path) -> None:
        tiles = write_tiles(path, [COMPLETE], columns=1)
        assert parse_head(read(tiles)).segments == parse_head(COMPLETE).segments
        assert np.array_equal(pixels(read(tiles)), pixels(COMPLETE))

    def test_rgb_samples_get_the_marker_that_says_so(self, path: Path) -> None:
        stored = encode_rgb(PIXELS, 90)
        tables, bare = abbreviate(stored)
        stream = read(write_tiles(path, [bare], columns=1, tables=tables, is_rgb=True))
        assert stream[2:18] == b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
        assert JFIF not in stream
        assert np.abs(pixels(stream).astype(int) - PIXELS).mean() < 20
        assert np.abs(pixels(stored).astype(int) - PIXELS).mean() > 40, "without the marker they look different"

    def test_gray_is_never_marked_as_rgb(self, path: Path) -> None:
        stored = encode_ycbcr(PIXELS[..., :1], 90, "444")
        assert read(write_tiles(path, [stored], columns=1, is_rgb=True))[2:4] == b"\xff\xe0"

    def test_each_tile_is_found_by_column_and_row(self, path: Path) -> None:
        streams = [encode_ycbcr(np.full((SIDE, SIDE, 3), 40 * index, np.uint8), 80, "420") for index in range(6)]
        tiles = write_tiles(path, streams, columns=3)
        for row in range(2):
            for column in range(3):
                assert abs(int(pixels(read(tiles, column, row)).mean()) - 40 * (3 * row + column)) <= 1

    def test_a_window_gives_the_same_tiles_and_travels(self, path: Path) -> None:
        streams = [encode_ycbcr(np.full((SIDE, SIDE, 3), 9 * index, np.uint8), 80, "420") for index in range(20)]
        tiles = write_tiles(path, streams, columns=5)
        part = pickle.loads(pickle.dumps(tiles.window(Region(SIDE + 1, 2 * SIDE, 2 * SIDE, SIDE))))  # noqa: S301
        assert (part.first_column, part.first_row, part.offsets.shape) == (1, 2, (1, 3))
        for column in (1, 2, 3):
            assert read(part, column, 2) == read(tiles, column, 2)
            assert part.is_stored(column, 2)

    def test_other_heads_than_the_usual_one_are_read_all_the_same(self, path: Path) -> None:
        other = encode_ycbcr(PIXELS, 30, "420")
        tiles = write_tiles(path, [BARE, other, BARE[:2] + COMMENT + BARE[2:]], columns=3, tables=TABLES)
        assert np.array_equal(pixels(read(tiles, 1)), pixels(other))
        assert read(tiles, 2) == read(tiles, 0)

    @pytest.mark.parametrize("padding", [b"\0", b"\xff", b"\0\0\0", b"\xff\xff"])
    def test_padding_behind_the_end_is_dropped(self, path: Path, padding: bytes) -> None:
        tiles = write_tiles(path, [BARE + padding, BARE], columns=2, tables=TABLES)
        assert read(tiles, 0) == read(tiles, 1)

    @pytest.mark.parametrize(
        "stored",
        [
            BARE[:-1],
            BARE[:-2],
            BARE[: len(BARE) // 2],
            BARE[:3],
            bytes(len(BARE)),
            BARE[: len(BARE) // 2] + bytes(len(BARE) // 2),
            bytes(10) + BARE[10:],
            BARE + b"rest",
            encode_ycbcr(PIXELS[:16], 80, "420"),
            encode_ycbcr(PIXELS[..., :1], 80, "420"),
        ],
    )
    def test_a_damaged_tile_is_named_with_its_place(self, path: Path, stored: bytes) -> None:
        tiles = write_tiles(path, [BARE, stored], columns=2, tables=TABLES)
        with pytest.raises(SourceError, match=f"tile 1, 0 at byte {len(BARE)} is damaged: its? "):
            read(tiles, 1)
        assert read(tiles, 0)

    @pytest.mark.parametrize("stored", [encode_ycbcr(PIXELS, 80, "444"), encode_ycbcr(PIXELS, 80, "422")])
    def test_a_tile_of_another_sampling_than_the_others_is_read_like_them(self, path: Path, stored: bytes) -> None:
        tiles = write_tiles(path, [BARE, stored], columns=2, tables=TABLES)
        assert np.array_equal(pixels(read(tiles, 1)), pixels(stored))

    def test_no_beginning_of_a_tile_is_taken_for_one(self, path: Path) -> None:
        tiles = write_tiles(path, [BARE], columns=1, tables=TABLES)
        for end in range(1, len(BARE)):
            cut = dataclasses.replace(tiles, lengths=np.array([[end]], np.uint64))
            with pytest.raises(SourceError, match="is damaged"):
                read(cut)

    def test_a_first_scan_of_fewer_components_is_no_usual_head(self, path: Path) -> None:
        scan = parse_head(COMPLETE).scan
        several = COMPLETE[: scan + 4] + b"\1" + COMPLETE[scan + 5 :]
        tiles = write_tiles(path, [several, several, COMPLETE], columns=3)
        for column in (0, 1):
            with pytest.raises(SourceError, match="more than one scan"):
                read(tiles, column)
        assert read(tiles, 2) == read(write_tiles(path, [COMPLETE], columns=1))

    def test_a_tile_beyond_the_end_of_the_file_is_told(self, path: Path) -> None:
        tiles = write_tiles(path, [BARE, BARE], columns=2, tables=TABLES)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(SourceError, match=f"is truncated: tile 1, 0 ends at byte {2 * len(BARE)}"):
            read(tiles, 1)

    @pytest.mark.parametrize(("offset", "length"), [(2**63, 10), (0, 2**63), (2**64 - 1, 2**64 - 1), (2**62, 10)])
    def test_numbers_that_no_file_has_are_an_error_of_the_slide(self, path: Path, offset: int, length: int) -> None:
        tiles = write_tiles(path, [BARE], columns=1, tables=TABLES)
        wild = dataclasses.replace(
            tiles, offsets=np.array([[offset]], np.uint64), lengths=np.array([[length]], np.uint64)
        )
        with pytest.raises(SourceError):
            read(wild)


class TestFindTiles:
    @pytest.fixture
    def grid(self) -> tuple[Places, Places]:
        lengths = np.array([[len(COMPLETE)] * 3], np.uint64)
        return np.array([[0, len(COMPLETE), 2 * len(COMPLETE)]], np.uint64), lengths

    def test_a_level_without_tiles_has_none(self, path: Path) -> None:
        path.write_bytes(COMPLETE)
        nothing = np.zeros((2, 2), np.uint64)
        assert find_tiles(path, Size(SIDE, SIDE), nothing, nothing, tables=b"", is_rgb=False) is None

    @pytest.mark.parametrize(
        ("stored", "tile"),
        [
            (COMPLETE.replace(b"\xff\xc0", b"\xff\xc2", 1), Size(SIDE, SIDE)),
            (COMPLETE, Size(SIDE, SIDE + 1)),
            (bytes(len(COMPLETE)), Size(SIDE, SIDE)),
        ],
        ids=["progressive", "other size", "zeroed"],
    )
    def test_tiles_of_another_kind_are_not_taken(self, path: Path, stored: bytes, tile: Size) -> None:
        path.write_bytes(stored)
        place, length = np.zeros((1, 1), np.uint64), np.array([[len(stored)]], np.uint64)
        assert find_tiles(path, tile, place, length, tables=b"", is_rgb=False) is None

    def test_four_components_are_not_taken(self, path: Path) -> None:
        frame = COMPLETE.index(b"\xff\xc0")
        longer = COMPLETE[: frame + 2] + b"\x00\x14" + COMPLETE[frame + 4 : frame + 9] + b"\x04"
        path.write_bytes(longer + COMPLETE[frame + 10 : frame + 19] + b"\x04\x11\x01" + COMPLETE[frame + 19 :])
        assert len(parse_head(path.read_bytes()).sampling) == 4
        place, length = np.zeros((1, 1), np.uint64), np.array([[path.stat().st_size]], np.uint64)
        assert find_tiles(path, Size(SIDE, SIDE), place, length, tables=b"", is_rgb=False) is None

    @pytest.mark.parametrize("tables", [TABLES[:-2], b"nothing of the kind"])
    def test_damaged_shared_tables_let_no_tile_be_taken(self, path: Path, tables: bytes) -> None:
        path.write_bytes(BARE)
        place, length = np.zeros((1, 1), np.uint64), np.array([[len(BARE)]], np.uint64)
        assert find_tiles(path, Size(SIDE, SIDE), place, length, tables=tables, is_rgb=False) is None

    @pytest.mark.parametrize("damaged", [0, 1, 2])
    def test_one_damaged_tile_does_not_hide_the_others(
        self, path: Path, damaged: int, grid: tuple[Places, Places]
    ) -> None:
        path.write_bytes(b"".join(bytes(len(COMPLETE)) if index == damaged else COMPLETE for index in range(3)))
        tiles = find_tiles(path, Size(SIDE, SIDE), *grid, tables=b"", is_rgb=False)
        assert tiles is not None
        for column in range(3):
            if column == damaged:
                with pytest.raises(SourceError):
                    read(tiles, column)
            else:
                assert np.array_equal(pixels(read(tiles, column)), pixels(COMPLETE))

    def test_missing_tiles_are_known(self, path: Path) -> None:
        path.write_bytes(COMPLETE)
        lengths = np.array([[0, len(COMPLETE)], [0, 0]], np.uint64)
        tiles = find_tiles(path, Size(SIDE, SIDE), np.zeros((2, 2), np.uint64), lengths, tables=b"", is_rgb=False)
        assert tiles is not None
        stored = [tiles.is_stored(column, row) for row in range(2) for column in range(2)]
        assert (stored, tiles.is_complete) == ([False, True, False, False], False)

    @pytest.mark.parametrize(("tile_size", "can"), [(SIDE, True), (SIDE // 2, False), (2 * SIDE, False)])
    def test_only_the_stored_size_can_be_published(self, path: Path, tile_size: int, *, can: bool) -> None:
        assert write_tiles(path, [COMPLETE], columns=1).publishes(tile_size) == can
