"""Integer sizes and regions. All lengths are pixels; width before height, x before y."""

from typing import NamedTuple


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide and round up, as every size in a pyramid is rounded."""
    return -(-dividend // divisor)


class Size(NamedTuple):
    """Width and height of an image."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Area in pixels."""
        return self.width * self.height

    @property
    def longer_side(self) -> int:
        """The larger of width and height."""
        return max(self)

    def reduced(self, scale: int) -> "Size":
        """Return the size at a scale factor: each side divided and rounded up, so at least one pixel."""
        return Size(ceil_div(self.width, scale), ceil_div(self.height, scale))

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


class Region(NamedTuple):
    """A rectangle: left, top, width, height; in full-resolution pixels unless stated otherwise."""

    x: int
    y: int
    width: int
    height: int

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.width, self.height)

    def __str__(self) -> str:
        """Format the region as the Image API does: `x,y,w,h`."""
        return f"{self.x},{self.y},{self.width},{self.height}"


def touched(region: Region, tile: Size) -> tuple[range, range]:
    """Return the columns and rows of the tiles that a region overlaps, in a grid that begins at 0, 0."""
    columns = range(region.x // tile.width, ceil_div(region.x + region.width, tile.width))
    rows = range(region.y // tile.height, ceil_div(region.y + region.height, tile.height))
    return columns, rows
