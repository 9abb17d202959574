"""The files of a block, stored after all of them have been made.

Making and storing each file in turn evicts code and data of the other step from the processor's caches. Where tiles
are copied, making all of them first takes four fifths of the time.
"""

from typing import NamedTuple

from slide2iiif.iiif.paths import Picture, tile_paths
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.records.digests import Recorder
from slide2iiif.stores.base import Files
from slide2iiif.tiles.tasks import Rendered, SlideTask


class _File(NamedTuple):
    """A file to be stored."""

    paths: tuple[str, ...]
    stream: bytes
    is_shared: bool


class Batch:
    """Files of one slide to be stored together, in the order in which they were made."""

    def __init__(self, slide: SlideTask) -> None:
        """Start with no files."""
        self._slide = slide
        self._files: list[_File] = []
        self._recorder = Recorder()

    def add_tile(self, tile: Tile, stream: bytes, *, is_blank: bool) -> None:
        """Add a tile below the top level; a blank tile shares one file with all others of the same bytes.

        A tile without a path of its own is left out: the tile of a finer level has that path.
        """
        slide = self._slide
        paths = tile_paths(slide.pyramid, tile, slide.api)
        if paths:
            self._files.append(_File(paths, stream, is_blank))
            self._recorder.add(slide.order.of_tile(tile), stream)

    def add_picture(self, picture: Picture, stream: bytes) -> None:
        """Add a whole-image picture."""
        self._files.append(_File(picture.paths, stream, is_shared=False))
        self._recorder.add(self._slide.order.of_picture(picture.size), stream)

    def put(self, files: Files) -> Rendered:
        """Store all files and return their bytes, blank tiles and digests; origins of tiles are not counted here.

        Raises:
            TargetError: a file cannot be stored.
        """
        stored_bytes = blank = 0
        for paths, stream, is_shared in self._files:
            is_new = True
            if is_shared:
                blank += 1
                is_new = files.put_shared(paths, stream)
            else:
                files.put(paths, stream)
            stored_bytes += len(stream) * is_new
        return Rendered(stored_bytes=stored_bytes, blank=blank, records=self._recorder.runs())
