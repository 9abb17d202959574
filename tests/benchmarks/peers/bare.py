"""The least that any exporter must do, and nothing else: what a program in Python with these libraries cannot beat.

Run as `bare.py TILE_SIZE QUALITY PROCESSES [--recompress] [--checked] SLIDE OUT`. It reads one TIFF that stores
tiles of that size as JPEG, copies those of stored levels (or decodes and encodes them with `--recompress`), and
derives the levels between. It checks nothing, keeps no records, takes no digests, cuts no edges, publishes in no safe
way, and knows no other format: what is left is the codec's work, the kernel's, and as little Python as will do.

With `--checked` it does two of those duties, as briefly as the libraries can: it looks whether each copied tile
begins and ends as a JPEG of the right dimensions, and takes a digest of each file (and forgets it).
"""

import contextlib
import ctypes
import gc
import hashlib
import os
import struct
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
import tifffile
from PIL import Image

_BLOCK = 8
"""Tiles a side of a block."""
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
_END_OF_IMAGE = b"\xff\xd9"
_RGB = 2
_NUMBER = struct.Struct("<I")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 << 20


class Level(NamedTuple):
    """A stored level."""

    width: int
    height: int
    columns: int
    rows: int
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    head: bytes


class Block(NamedTuple):
    """Stored tiles that one process works on at a time."""

    scale: int
    column: int
    row: int
    columns: int
    rows: int


class Export:
    """One slide."""

    def __init__(self, slide: str, out: str, side: int, quality: int, *, recompress: bool, checked: bool) -> None:
        """Read where the tiles lie."""
        self.side, self.quality, self.out = side, quality, out
        self.recompress, self.checked = recompress, checked
        with tifffile.TiffFile(slide) as file:
            directories: list[Any] = list(file.pages)
            pages = [page for page in directories if page.is_tiled and page.tilewidth == side]
            width = pages[0].imagewidth
            self.stored = {round(width / page.imagewidth): _level(page, side) for page in pages}
        self.file = os.open(slide, os.O_RDONLY)

    def blocks(self) -> list[Block]:
        """Cut the stored levels into blocks; the coarsest one is a block."""
        found: list[Block] = []
        for scale, level in self.stored.items():
            side = _BLOCK if scale != max(self.stored) else max(level.columns, level.rows)
            for row in range(0, level.rows, side):
                for column in range(0, level.columns, side):
                    size = min(side, level.columns - column), min(side, level.rows - row)
                    found.append(Block(scale, column, row, *size))
        return sorted(found, key=lambda block: -block.columns * block.rows)

    def do(self, block: Block) -> None:
        """Write all tiles that a block makes."""
        level, side = self.stored[block.scale], self.side
        derives = block.scale * 2 not in self.stored and max(level.columns, level.rows) > 1
        shrink = 1 if self.recompress else 2
        part = side // shrink
        pixels = np.empty((block.rows * part, block.columns * part, 4), np.uint8)
        for row in range(block.rows):
            for column in range(block.columns):
                place = block.column + column, block.row + row
                number = place[1] * level.columns + place[0]
                stored = os.pread(self.file, level.lengths[number], level.offsets[number])
                stream = level.head + stored[2:] if level.head else stored
                if not self.recompress:
                    if self.checked:
                        check(stream, side)
                    self.put(block.scale, *place, stream)
                if derives or self.recompress:
                    tile = simplejpeg.decode_jpeg(stream, "RGBX", min_width=part, min_height=part)
                    pixels[row * part : (row + 1) * part, column * part : (column + 1) * part] = tile
        width = -(-(level.width - block.column * side) // shrink)
        height = -(-(level.height - block.row * side) // shrink)
        pixels = pixels[:height, :width]
        if self.recompress:
            self.encode(block, block.scale, pixels)
        if derives:
            self.derive(block, pixels if shrink > 1 else halved(pixels))

    def derive(self, block: Block, pixels: Any) -> None:
        """Write the levels up to the next stored one, or up to that of one tile."""
        scale = block.scale * 2
        while scale not in self.stored:
            self.encode(block, scale, pixels)
            if block.scale == max(self.stored) and max(pixels.shape) <= self.side:
                return
            pixels = halved(pixels)
            scale *= 2

    def encode(self, block: Block, scale: int, pixels: Any) -> None:
        """Write the tiles of a level, whose pixels those of the block are."""
        ratio, side = scale // block.scale, self.side
        for y in range(0, pixels.shape[0], side):
            for x in range(0, pixels.shape[1], side):
                tile = np.ascontiguousarray(pixels[y : y + side, x : x + side])
                stream = simplejpeg.encode_jpeg(tile, self.quality, "RGBX", "420")
                self.put(scale, block.column // ratio + x // side, block.row // ratio + y // side, stream)

    def put(self, scale: int, column: int, row: int, stream: bytes) -> None:
        """Write a tile into a folder of its own, as its address asks for."""
        if self.checked:
            hashlib.sha256(stream).digest()
        full, covered = self.stored[1], self.side * scale
        x, y = column * covered, row * covered
        width, height = min(covered, full.width - x), min(covered, full.height - y)
        folder = f"{self.out}/{x},{y},{width},{height}"
        # At the lower right corner, tiles of two levels may cover the same.
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102 - as quick as can be
        folder = f"{folder}/{-(-width // scale)},{-(-height // scale)}"
        os.mkdir(folder)  # noqa: PTH102
        os.mkdir(f"{folder}/0")  # noqa: PTH102
        file = os.open(f"{folder}/0/default.jpg", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(file, stream)
        os.close(file)


def _level(page: Any, side: int) -> Level:
    tables = page.jpegtables[:-2] if page.jpegtables else b""
    head = tables + _ADOBE_RGB if tables and page.photometric == _RGB else tables
    columns, rows = -(-page.imagewidth // side), -(-page.imagelength // side)
    return Level(page.imagewidth, page.imagelength, columns, rows, page.dataoffsets, page.databytecounts, head)


def check(stream: bytes, side: int) -> None:
    """Refuse a tile that does not begin and end as a JPEG of its dimensions."""
    height, width, *_ = simplejpeg.decode_jpeg_header(stream)
    if (width, height) != (side, side) or not stream.endswith(_END_OF_IMAGE):
        raise ValueError("a damaged tile")


def halved(pixels: Any) -> Any:
    """Average squares of two pixels, in strips that the processor's cache holds."""
    height, width = -(-pixels.shape[0] // 2), -(-pixels.shape[1] // 2)
    result = np.empty((height, width, 4), np.uint8)
    for row in range(0, height, 32):
        strip = np.ascontiguousarray(pixels[2 * row : 2 * row + 64])
        picture = Image.frombuffer("RGBX", (strip.shape[1], strip.shape[0]), strip, "raw", "RGBX", 0, 1)
        result[row : row + 32] = np.asarray(picture.reduce(2))
    return result


def work(export: Export, blocks: list[Block], numbers: int) -> None:
    """Do blocks until none is left."""
    while taken := os.read(numbers, _NUMBER.size):
        export.do(blocks[_NUMBER.unpack(taken)[0]])


def main() -> None:
    """Export a slide."""
    flags = {argument for argument in sys.argv[1:] if argument.startswith("--")}
    side, quality, jobs, slide, out = (argument for argument in sys.argv[1:] if argument not in flags)
    library = ctypes.CDLL(None)
    library.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_M_TRIM_THRESHOLD, 4 * _KEPT_BYTES)
    gc.disable()
    recompress, checked = "--recompress" in flags, "--checked" in flags
    export = Export(slide, out, int(side), int(quality), recompress=recompress, checked=checked)
    Path(out).mkdir(parents=True)
    blocks = export.blocks()
    numbers, given = os.pipe()
    os.write(given, b"".join(map(_NUMBER.pack, range(len(blocks)))))
    os.close(given)
    children = []
    for _ in range(int(jobs) - 1):
        child = os.fork()
        if not child:
            code = 1
            try:
                work(export, blocks, numbers)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    work(export, blocks, numbers)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os._exit(max(codes, default=0))


if __name__ == "__main__":
    main()
