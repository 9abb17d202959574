"""What is not one picture that can be shown as it is, and what its owner can do about it, in words.

A slide is published as one picture in 8-bit colour. A stack of focal planes, a set of fluorescence channels, a time
series or scenes apart are not that, and to show the first of many as if it were the whole would be wrong.
"""

import re

_ADVICE = {
    "focal planes": "export one plane, or a projection of all, as a slide of its own",
    "time points": "export one of them as a slide of its own",
    "channels": "which colour each has is a choice, so compose them to one RGB picture first",
    "scenes": "export each as a slide of its own",
    "pictures of one size": "they may be focal planes or channels; export one of them as a slide of its own",
}
"""What to do about several, by what there are several of."""

_REASONS = (
    (r'dimension "Z"|[Mm]ultiple Z layers|TotalPixelMatrixFocalPlanes|NoLayers', "focal planes"),
    (r'dimension "T"', "time points"),
    (r"Nonzero subblock channel", "channels"),
    (r"Slide contains unexpected image", "pictures of one size"),
    (r"dissimilar main images|Inconsistent main image resolutions|Expected one WSI image", "scenes"),
)
"""Patterns of OpenSlide's messages (4.0), and what they say there are several of."""
_DEPTH = r"BitsAllocated|BitsStored|Pixel type \w*(?:16|32|48|64|96|FLOAT|COMPLEX)"
_ONE_CHANNEL = r"SamplesPerPixel value 1|Pixel type GRAY8|Can't find main image"


def several(what: str, count: int | None = None) -> str:
    """Say that there are several of something, and what to do about it.

    Args:
        what: one of the keys of the advice.
        count: how many, if that is known.
    """
    return f"holds {'several' if count is None else count} {what}, and one picture is published: {_ADVICE[what]}"


def other_depth(kind: str) -> str:
    """Say that samples are not of 8 bits."""
    return f"holds {kind} samples, and how bright they should look is not said: convert it to 8 bits a sample first"


def explain(message: str) -> str:
    """Say why OpenSlide refuses a slide: its own words are for those who know its source."""
    for pattern, what in _REASONS:
        if re.search(pattern, message):
            return f"{several(what)} ({message})"
    if re.search(_DEPTH, message):
        return f"{other_depth('longer')} ({message})"
    if re.search(_ONE_CHANNEL, message):
        return f"holds no colour picture, perhaps fluorescence: {_ADVICE['channels']} ({message})"
    return f"is damaged or of an unknown variant: {message}"
