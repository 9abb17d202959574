"""Formats that nothing here reads, told by the first bytes of a file, whatever its name promises."""

import re

_CONVERT = "which nothing here reads: convert it to TIFF or PNG"
_FETCH = "fetch the file itself from where it was made"
_RENAME = "with the name of a slide: give it the suffix of its format"
_KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"P7\n", f"is a PAM image, {_CONVERT}"),
    (rb"P[Ff]4?\s", f"is a PFM image of floating samples, {_CONVERT}"),
    (rb"....ftyp(?:heic|heix|hevc|hevx|heim|heis|mif1|msf1)", f"is a HEIF image, {_CONVERT}"),
    (rb"....ftypavi[fs]", f"is an AVIF image, {_CONVERT}"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", f"is a JPEG XL image, {_CONVERT}"),
    (rb"II\xbc\x01", f"is a JPEG XR image, {_CONVERT}"),
    (rb"8BPS", f"is a Photoshop document, {_CONVERT}"),
    (rb"\x76\x2f\x31\x01", f"is an OpenEXR image of floating samples, {_CONVERT}"),
    (rb"#\?RADIANCE|#\?RGBE", f"is a Radiance image of floating samples, {_CONVERT}"),
    (rb"qoif", f"is a QOI image, {_CONVERT}"),
    (rb"SIMPLE  =", f"is a FITS file, {_CONVERT}"),
    (rb"\x89HDF\r\n", f"is an HDF5 file, {_CONVERT}"),
    (rb"%PDF-", f"is a PDF document, {_CONVERT}"),
    (rb"PK\x03\x04|\x1f\x8b|BZh|7z\xbc\xaf|\x28\xb5\x2f\xfd|\xfd7zXZ|Rar!", "is a compressed archive: unpack it first"),
    (rb"version https://git-lfs", f"is a pointer of Git LFS and not the file: {_FETCH} (git lfs pull)"),
    (
        rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)",
        f"is a web page and not a slide, perhaps of a login or an error: {_FETCH}",
    ),
    (rb"\x89PNG\r\n", f"is a PNG image {_RENAME}"),
    (rb"\xff\xd8\xff", f"is a JPEG image {_RENAME}"),
    (rb"GIF8[79]a", f"is a GIF image {_RENAME}"),
    (rb"RIFF....WEBP", f"is a WebP image {_RENAME}"),
    (rb"\xff\x4f\xff\x51|....jP  ", f"is a JPEG 2000 image {_RENAME}"),
)
"""Patterns of first bytes, with the words for them."""


def refusal_of(head: bytes) -> str | None:
    """Return why a file is not read, in words for its owner; None where its first bytes tell nothing."""
    return next((words for pattern, words in _KINDS if re.match(pattern, head, re.DOTALL)), None)
