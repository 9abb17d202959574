"""File names that can be slides. Names alone; the readers judge the contents."""

OPENSLIDE_SUFFIXES = frozenset(
    {".svs", ".tif", ".tiff", ".qptiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".svslide", ".bif", ".czi"}
)
"""Formats of OpenSlide 4: Aperio, Trestle, Ventana, Philips, generic TIFF (QPTIFF is one), Hamamatsu, Leica, MIRAX,
Sakura, Zeiss."""

_BIG_TIFF_SUFFIXES = frozenset({".btf", ".tf8", ".tf2"})
"""Names of BigTIFF."""

_OWN_TIFF_SUFFIXES = frozenset({".tif", ".tiff", ".qptiff", ".svs"}) | _BIG_TIFF_SUFFIXES
"""Names of TIFF whose tiles lie side by side, whoever wrote it."""

UNREAD_SUFFIXES = frozenset(
    {
        ".isyntax",
        ".i2syntax",
        ".vsi",
        ".kfb",
        ".kfbf",
        ".sdpc",
        ".dyqx",
        ".tmap",
        ".lif",
        ".nd2",
        ".zvi",
        ".lsm",
        ".oir",
        ".oib",
        ".ets",
        ".jxl",
        ".heic",
        ".heif",
        ".avif",
        ".psb",
        ".psd",
        ".ecw",
        ".sid",
        ".jls",
        ".jxr",
        ".exr",
    }
)
"""Formats of slides and large images that no reader here opens."""

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""DICOM files; those without a suffix are told by their contents."""

IMAGE_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".jp2",
        ".j2k",
        ".jpx",
        ".jpf",
        ".j2c",
        ".jpc",
        ".bmp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pnm",
    }
)
"""Ordinary images, apart from TIFF, which is tried as a slide first."""

_SYNTHETIC_SUFFIX = ".synthetic"


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file name, with its dot; empty if there is none."""
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def is_image_name(name: str) -> bool:
    """Return whether a file is an ordinary image by its name."""
    return suffix_of(name) in IMAGE_SUFFIXES


def is_plain_tiff_name(name: str) -> bool:
    """Return True if a file may be a TIFF, or another image, that is no slide."""
    return suffix_of(name) in {".tif", ".tiff", ".qptiff"} | _BIG_TIFF_SUFFIXES


def is_own_tiff_name(name: str) -> bool:
    """Return True if a TIFF of that name may be read by our own reader, without knowing its scanner."""
    return suffix_of(name) in _OWN_TIFF_SUFFIXES


def is_synthetic_name(name: str) -> bool:
    """Return whether a file describes a synthetic slide by its name."""
    return suffix_of(name) == _SYNTHETIC_SUFFIX


def is_slide_name(name: str) -> bool:
    """Return whether a file must be a slide or an image by its name; DICOM is told apart elsewhere."""
    suffix = suffix_of(name)
    return suffix in OPENSLIDE_SUFFIXES | IMAGE_SUFFIXES | _BIG_TIFF_SUFFIXES or suffix == _SYNTHETIC_SUFFIX


def is_unread_name(name: str) -> bool:
    """Return True if a file is a slide or a large image by its name, in a format that no reader here opens."""
    return suffix_of(name) in UNREAD_SUFFIXES


def may_be_dicom(name: str) -> bool:
    """Return whether a file may be DICOM by its name: a suffix for it, none, or the digits of a UID."""
    suffix = suffix_of(name)
    return suffix in DICOM_SUFFIXES or not suffix or suffix[1:].isdecimal()
