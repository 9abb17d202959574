"""Images that are decoded as a whole, from the first time that pixels are asked for."""

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.orientation import turn_upright, upright_size
from slide2iiif.imaging.picture import PictureFormat, Samples
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.imaging.to_rgb import check_publishable, notes, to_rgb
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel


class WholeImageSource(ClosingSource):
    """An image whose samples are held in memory."""

    def __init__(self, reader: str, kind: str, stored: Size, picture: PictureFormat) -> None:
        """Take what the image says of itself.

        Raises:
            SourceError: its samples cannot be published.
        """
        check_publishable(picture)
        self._stored = stored
        self._picture = picture
        self._samples: Samples | None = None
        size = upright_size(stored, picture.orientation)
        self.description = Description(reader, kind, (StoredLevel(size),), random_access=False, notes=notes(picture))

    def decode(self) -> Samples:
        """Decode the image to samples, shape (height, width, samples a pixel), as they are stored.

        Raises:
            SourceError: it is damaged.
        """
        raise NotImplementedError

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        if level:
            raise IndexError(f"no level {level} in an ordinary image")
        if self._samples is None:
            samples = self.decode()
            if samples.shape != (self._stored.height, self._stored.width, self._picture.samples):
                raise SourceError(f"decodes to samples of the shape {samples.shape}, which its header does not state")
            self._samples = turn_upright(samples, self._picture.orientation)
        x, y, width, height = region
        return to_rgb(self._samples[y : y + height, x : x + width], self._picture)

    def close(self) -> None:
        """Let the decoded samples go."""
        self._samples = None
