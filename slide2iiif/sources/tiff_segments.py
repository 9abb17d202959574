"""Tiles and strips of one TIFF directory as samples: decompressed, unpacked, unpredicted, side by side.

Nothing is interpreted here: samples come out as they are stored, whatever they mean. Source: TIFF 6.0, sections 3 to
9 (strips, bits), 14 (predictor), 15 (tiles), 21 (subsampled YCbCr).
"""

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, ceil_div, touched
from slide2iiif.imaging.picture import Meaning, PictureFormat, Samples
from slide2iiif.machine import check_memory
from slide2iiif.sources.codecs import decode_picture, decodes_to_bytes, decompress
from slide2iiif.sources.tiff_tags import Directory
from slide2iiif.sources.unsupported import COPY_AGAIN

_CACHED_BYTES = 64_000_000
"""Decoded tiles that are kept: those that two regions share."""
_COPIES = 3
"""Times the bytes of a tile that decoding it takes at once."""
_SMALL = 8_000_000
"""Bytes that are not asked for beforehand."""
_BYTE, _WORD = 8, 16
_HORIZONTAL = 2
_REVERSED_BITS = 2
_OFFSETS, _COUNTS = (324, 273), (325, 279)
_FAX_TAGS = (292, 293)
_LERC_PARAMETERS = 50674
_LONGEST_ROW = 1 << 31
_MOST_SEGMENTS = 20_000_000
_RGB_PHOTOMETRIC = 2
_WHOLE = Size(1, 1)


class Segments:
    """The tiles or strips of a directory."""

    def __init__(self, directory: Directory, picture: PictureFormat) -> None:
        """Read where they lie.

        Args:
            directory: its file stays open.
            picture: format of its samples.

        Raises:
            SourceError: the directory is damaged.
        """
        self._directory = directory
        self._picture = picture
        self.size = directory.size
        self.tile = directory.segment
        if min(*self.size, *self.tile) < 1 or self.tile.width * picture.samples * picture.bits > _LONGEST_ROW:
            raise SourceError(f"is damaged: its TIFF directory tells of {self.size} pixels in tiles of {self.tile}")
        self._planes = picture.samples if picture.is_planar else 1
        grid = directory.grid
        if grid.pixels * self._planes > _MOST_SEGMENTS:
            raise SourceError(f"holds {grid.pixels * self._planes:,} tiles, and at most {_MOST_SEGMENTS:,} are read")
        self.offsets, self.lengths = _places(directory, grid, self._planes, picture)
        self._sampling = _sampling(directory, picture)
        self._fax = {tag: directory.value(tag, 0) for tag in _FAX_TAGS if tag in directory}
        self._tables = directory.content(347)
        self._coded_again = int((*directory.numbers(_LERC_PARAMETERS), 0, 0)[1])
        self._cache: OrderedDict[tuple[int, int], Samples] = OrderedDict()
        self._cached = 0

    @property
    def stored(self) -> NDArray[np.bool_]:
        """True for each tile that is stored at all, shape (rows, columns)."""
        return np.asarray((self.lengths > 0).all(axis=0))

    def missing(self, region: Region) -> Iterator[Region]:
        """List the parts of a region that are not stored, relative to its corner."""
        columns, rows = touched(region, self.tile)
        for row in rows:
            for column in columns:
                if not (self.lengths[:, row, column] > 0).all():
                    part = _overlap(Region(column * self.tile.width, row * self.tile.height, *self.tile), region)
                    yield Region(part.x - region.x, part.y - region.y, *part.size)

    def read(self, region: Region) -> Samples:
        """Read samples of a region; where nothing is stored they are 0.

        Returns:
            Shape (height, width, samples a pixel), 8 or 16 bits.

        Raises:
            SourceError: a tile is damaged, or compressed as nothing here decodes.
        """
        dtype = np.uint8 if self._picture.bits <= _BYTE else np.uint16
        samples = np.zeros((region.height, region.width, self._picture.samples), dtype)
        columns, rows = touched(region, self.tile)
        for row in rows:
            for column in columns:
                if not (self.lengths[:, row, column] > 0).all():
                    continue
                left, top = column * self.tile.width, row * self.tile.height
                part = _overlap(Region(left, top, *self.tile), region)
                found = self._segment(column, row)
                if found.shape[0] < part.y - top + part.height:
                    raise SourceError(f"strip {row} has {found.shape[0]} rows of {self.tile.height}; {COPY_AGAIN}")
                samples[part.y - region.y :, part.x - region.x :][: part.height, : part.width] = found[
                    part.y - top : part.y - top + part.height, part.x - left : part.x - left + part.width
                ]
        return samples

    def _segment(self, column: int, row: int) -> Samples:
        kept = self._cache.pop((column, row), None)
        if kept is None:
            kept = self._decode(column, row)
            self._cached += kept.nbytes
            while self._cache and self._cached > _CACHED_BYTES:
                self._cached -= self._cache.popitem(last=False)[1].nbytes
        self._cache[column, row] = kept
        return kept

    def _decode(self, column: int, row: int) -> Samples:
        """Decode a tile of all planes, shape (rows, columns, samples); the last strip may be shorter."""
        left = self.size.height - row * self.tile.height
        size = Size(self.tile.width, self.tile.height if self._directory.tile else min(self.tile.height, left))
        wide = 1 if self._picture.bits <= _BYTE else 2
        needed = size.pixels * self._picture.samples * wide * _COPIES
        if needed > _SMALL:
            check_memory(needed)
        bands = self._picture.samples // self._planes
        planes = [self._decode_plane(plane, column, row, size, bands) for plane in range(self._planes)]
        return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)

    def _decode_plane(self, plane: int, column: int, row: int, size: Size, bands: int) -> Samples:
        place, length = int(self.offsets[plane, row, column]), int(self.lengths[plane, row, column])
        name = f"{'tile' if self._directory.tile else 'strip'} {column}, {row}"
        stored = self._directory.file.read(place, length)
        if len(stored) < length:
            raise SourceError(f"is truncated: {name} ends at byte {place + length}; {COPY_AGAIN}")
        try:
            if decodes_to_bytes(self._directory.compression):
                return self._unpack(stored, size, bands)
            return self._fit(self._decode_picture(stored, bands), size, bands)
        except SourceError as error:
            raise type(error)(f"{name} at byte {place} {error}") from None

    def _decode_picture(self, stored: bytes, bands: int) -> Samples:
        directory = self._directory
        is_rgb = directory.value(262, 0) == _RGB_PHOTOMETRIC
        return decode_picture(
            stored, directory.compression, self._tables, bands, is_rgb=is_rgb, coded_again=self._coded_again
        )

    def _fit(self, samples: Samples, size: Size, bands: int) -> Samples:
        """Check that a picture is a tile of the directory; the last strip may have more rows than are left."""
        height, width, found = samples.shape
        if found != bands or width < size.width or height < size.height or samples.dtype.kind != "u":
            stated = f"where {size} pixels of {bands} are stated"
            raise SourceError(f"holds {width}×{height} pixels of {found} {samples.dtype} samples, {stated}")
        return samples[: size.height, : size.width]

    def _unpack(self, stored: bytes, size: Size, bands: int) -> Samples:
        directory, bits = self._directory, self._picture.bits
        is_fax = directory.compression in {2, 3, 4}
        if directory.value(266, 1) == _REVERSED_BITS and not is_fax:
            stored = np.packbits(np.unpackbits(np.frombuffer(stored, np.uint8), bitorder="little")).tobytes()
        fax = {**self._fax, 266: directory.value(266, 1)} if is_fax else {}
        if self._sampling != _WHOLE and bands == 3:  # noqa: PLR2004 - Y, Cb, Cr
            return self._unpack_ycbcr(stored, size)
        row_bytes = ceil_div(size.width * bands * bits, 8)
        content = decompress(stored, directory.compression, row_bytes, size.height, fax, size.width)
        samples = _unpack_bits(content, bits, row_bytes, size, bands, directory.file.order)
        if directory.value(317, 1) == _HORIZONTAL:
            samples = self._unpredict(samples)
        elif directory.value(317, 1) != 1:
            raise SourceError(f"has predictor {directory.value(317, 1)}, which whole numbers have not")
        return samples

    def _unpredict(self, samples: Samples) -> Samples:
        """Reverse horizontal differencing (section 14); sums wrap around."""
        if self._picture.bits not in {_BYTE, _WORD}:
            raise SourceError(f"has a predictor for samples of {self._picture.bits} bits, which TIFF does not define")
        summed: Samples = np.cumsum(samples, axis=1, dtype=samples.dtype)
        return summed

    def _unpack_ycbcr(self, stored: bytes, size: Size) -> Samples:
        """Unpack units of some Y, one Cb and one Cr; each chroma sample goes to all pixels of its unit."""
        if self._picture.bits != _BYTE or self._directory.value(317, 1) != 1:
            raise SourceError("holds subsampled YCbCr in a way that TIFF does not define: convert it to RGB")
        across, down = self._sampling
        columns, rows = ceil_div(size.width, across), ceil_div(size.height, down)
        unit = across * down + 2
        content = decompress(stored, self._directory.compression, columns * unit, rows)
        units = np.frombuffer(content, np.uint8, columns * rows * unit).reshape(rows, columns, unit)
        luma = units[..., :-2].reshape(rows, columns, down, across).transpose(0, 2, 1, 3)
        samples = np.empty((rows * down, columns * across, 3), np.uint8)
        samples[..., 0] = luma.reshape(rows * down, columns * across)
        samples[..., 1:] = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
        return samples[: size.height, : size.width]


def _unpack_bits(content: bytes, bits: int, row_bytes: int, size: Size, bands: int, order: str) -> Samples:
    """Unpack samples whose rows begin at whole bytes."""
    count = size.width * bands
    if bits == _BYTE:
        return np.frombuffer(content, np.uint8, row_bytes * size.height).reshape(size.height, size.width, bands)
    if bits == _WORD:
        words = np.frombuffer(content, "<u2" if order == "little" else ">u2", count * size.height)
        return words.astype(np.uint16).reshape(size.height, size.width, bands)
    table = np.frombuffer(content, np.uint8, row_bytes * size.height).reshape(size.height, row_bytes)
    single = np.unpackbits(table, axis=1)[:, : count * bits].reshape(size.height, count, bits)
    dtype = np.uint8 if bits <= _BYTE else np.uint16
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
    packed: Samples = (single * weights).sum(axis=2, dtype=dtype)
    return packed.reshape(size.height, size.width, bands)


def _places(
    directory: Directory, grid: Size, planes: int, picture: PictureFormat
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Read the place and length of every tile, shape (planes, rows, columns).

    Raises:
        SourceError: there are more tiles or fewer than the size needs.
    """
    offsets = _table(directory, _OFFSETS)
    lengths = _table(directory, _COUNTS)
    wanted = grid.pixels * planes
    if offsets.size < wanted or not wanted:
        raise SourceError(f"is damaged: its TIFF directory tells of {offsets.size} tiles instead of {wanted}")
    offsets = offsets[:wanted]
    if directory.tile is None and _lacks_lengths(offsets, lengths):
        lengths = _estimated(directory, offsets, lengths, picture)
    if lengths.size < wanted:
        raise SourceError(f"is damaged: its TIFF directory tells of {lengths.size} tiles instead of {wanted}")
    shape = (planes, grid.height, grid.width)
    lengths = np.where(offsets > 0, lengths[:wanted], 0)
    return offsets.reshape(shape), lengths.astype(np.uint64).reshape(shape)


def _lacks_lengths(offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]) -> bool:
    return lengths.size < offsets.size or bool(((lengths[: offsets.size] == 0) & (offsets > 0)).any())


def _table(directory: Directory, tags: tuple[int, int]) -> NDArray[np.uint64]:
    return next((directory.array(tag).astype(np.uint64) for tag in tags if tag in directory), np.empty(0, np.uint64))


def _estimated(
    directory: Directory, offsets: NDArray[np.uint64], lengths: NDArray[np.uint64], picture: PictureFormat
) -> NDArray[np.uint64]:
    """Fill in lengths that a file leaves out: a strip ends where another begins, or the file ends."""
    stated = np.zeros(offsets.size, np.uint64)
    stated[: min(lengths.size, offsets.size)] = lengths[: offsets.size]
    width, rows = directory.segment
    bands = 1 if picture.is_planar else picture.samples
    plain = ceil_div(width * bands * picture.bits, 8) * rows
    bounds = np.sort(np.append(offsets, np.uint64(directory.file.length)))
    following = bounds[np.searchsorted(bounds, offsets, side="right").clip(max=bounds.size - 1)]
    room = np.maximum(following, offsets) - offsets
    if directory.compression == 1:
        room = np.minimum(room, np.uint64(plain))
    return np.where((stated == 0) & (offsets > 0), room, stated).astype(np.uint64)


def _sampling(directory: Directory, picture: PictureFormat) -> Size:
    """Return how many pixels across and down share a chroma sample (section 21; 2 and 2 where nothing is said)."""
    if picture.meaning is not Meaning.YCBCR or picture.is_planar or not decodes_to_bytes(directory.compression):
        return _WHOLE
    stated = directory.numbers(530)
    across, down = (int(stated[0]), int(stated[1])) if len(stated) > 1 else (2, 2)
    if across not in {1, 2, 4} or down not in {1, 2, 4}:
        raise SourceError(f"holds YCbCr subsampled by {across}×{down}, which TIFF does not define: convert it to RGB")
    return Size(across, down)


def _overlap(first: Region, second: Region) -> Region:
    """Return what two regions share; they touch."""
    x, y = max(first.x, second.x), max(first.y, second.y)
    right = min(first.x + first.width, second.x + second.width)
    bottom = min(first.y + first.height, second.y + second.height)
    return Region(x, y, right - x, bottom - y)
