"""Decoding of single tiles and strips."""

import pytest

from slide2iiif.errors import SourceError
from slide2iiif.sources.codecs import decode_picture


@pytest.mark.parametrize("compression", [0, 255, 65_535, 50_003])
def test_a_compression_that_is_none_is_refused_by_its_number(compression: int) -> None:
    """Of a coarser level, say, whose directory says something else than that of the finest."""
    with pytest.raises(SourceError, match=f"its TIFF compression {compression} is none"):
        decode_picture(b"\0" * 100, compression, b"", 3, is_rgb=False)
