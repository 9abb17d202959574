"""Files of a block that are made, and then put together.

Made and put by turns, each file would find the other work's code and data in the processor's caches: where tiles are
copied, all of them first made and then put take four fifths of the time.
"""

from typing import NamedTuple

from slide2iiif.iiif.paths import Picture, tile_paths
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.records.digests import Recorder
from slide2iiif.stores.base import Files
from slide2iiif.tiles.tasks import Rendered, SlideTask


class _Ready(NamedTuple):
    """A file that is made."""

    paths: tuple[str, ...]
    stream: bytes
    is_shared: bool


class Batch:
    """Some files of one slide, in the order in which they were made."""

    def __init__(self, slide: SlideTask) -> None:
        """Begin with none."""
        self._slide = slide
        self._ready: list[_Ready] = []
        self._recorder = Recorder()

    def add_tile(self, tile: Tile, stream: bytes, *, is_blank: bool) -> None:
        """Take a tile below the top level; one of one colour is stored once for all of the same bytes.

        A tile that has no path of its own is left out: a finer level's answers for it.
        """
        slide = self._slide
        paths = tile_paths(slide.pyramid, tile, slide.api)
        if paths:
            self._ready.append(_Ready(paths, stream, is_blank))
            self._recorder.add(slide.order.of_tile(tile), stream)

    def add_picture(self, picture: Picture, stream: bytes) -> None:
        """Take a picture of the whole image."""
        self._ready.append(_Ready(picture.paths, stream, is_shared=False))
        self._recorder.add(self._slide.order.of_picture(picture.size), stream)

    def put(self, files: Files) -> Rendered:
        """Put all of them, and give what that came to; the origins of tiles are not counted here.

        Raises:
            TargetError: the store cannot take a file.
        """
        stored_bytes = blank = 0
        for paths, stream, is_shared in self._ready:
            took_room = True
            if is_shared:
                blank += 1
                took_room = files.put_shared(paths, stream)
            else:
                files.put(paths, stream)
            stored_bytes += len(stream) * took_room
        return Rendered(stored_bytes=stored_bytes, blank=blank, records=self._recorder.runs())
