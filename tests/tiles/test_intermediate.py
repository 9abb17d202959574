"""The picture that one pass hands to the next."""

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from made_slides import smooth_pixels

from slide2iiif.errors import TargetError
from slide2iiif.geometry import Region, Size
from slide2iiif.tiles.intermediate import IntermediateImage


@pytest.fixture
def picture(tmp_path: Path) -> IntermediateImage:
    made = IntermediateImage(tmp_path / "level-3.rgb", Size(300, 200))
    made.create()
    return made


def test_blocks_that_are_written_in_any_order_make_the_picture(picture: IntermediateImage) -> None:
    pixels = smooth_pixels(300, 200)
    for x, y in [(128, 128), (0, 0), (256, 0), (0, 128), (128, 0), (256, 128)]:
        picture.write(x, y, pixels[y : y + 128, x : x + 128])
    assert np.array_equal(picture.read(Region(0, 0, 300, 200)), pixels)
    assert np.array_equal(picture.read(Region(17, 33, 100, 101)), pixels[33:134, 17:117])


def test_a_block_that_is_written_again_changes_nothing_else(picture: IntermediateImage) -> None:
    pixels = smooth_pixels(300, 200)
    picture.write(0, 0, pixels)
    picture.write(50, 60, pixels[60:70, 50:80])
    assert np.array_equal(picture.read(Region(0, 0, 300, 200)), pixels)


def test_it_is_a_value_that_travels(picture: IntermediateImage) -> None:
    picture.write(0, 0, smooth_pixels(300, 200))
    there = pickle.loads(pickle.dumps(picture))  # noqa: S301 - our own bytes
    assert np.array_equal(there.read(Region(1, 2, 3, 4)), picture.read(Region(1, 2, 3, 4)))


def test_a_system_that_writes_a_little_at_a_time_loses_nothing(
    picture: IntermediateImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, offset: write(file, data[:11], offset))
    pixels = smooth_pixels(50, 20)
    picture.write(7, 9, pixels)
    assert np.array_equal(picture.read(Region(7, 9, 50, 20)), pixels)


def test_a_full_disk_is_an_error_of_the_target(picture: IntermediateImage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(TargetError, match="no space left"):
        picture.write(0, 0, smooth_pixels(10, 10))


def test_a_file_that_was_cut_is_not_read_as_pixels(picture: IntermediateImage) -> None:
    os.truncate(picture.path, 1000)
    with pytest.raises(TargetError):
        picture.read(Region(0, 0, 300, 200))


def test_a_file_that_is_gone_is_an_error_of_the_target(picture: IntermediateImage) -> None:
    picture.path.unlink()
    with pytest.raises(TargetError):
        picture.read(Region(0, 0, 1, 1))
    with pytest.raises(TargetError):
        picture.write(0, 0, smooth_pixels(1, 1))


def test_it_takes_no_room_before_it_is_written(picture: IntermediateImage) -> None:
    status = picture.path.stat()
    assert status.st_size == 300 * 200 * 3
    assert status.st_blocks == 0
