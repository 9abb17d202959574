"""One file of the grid: what it is called, how it is written, what it shows, and why it may be refused."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shown = NDArray[np.uint8]
"""Shape (height, width, 3)."""

CAUSES = {
    "12 bits": r"\b12[- ]bits?\b",
    "32 bits": r"\b32[- ]bits?\b|uint32",
    "few bits": r"\b(1|2|4|one|two|four)[- ]bits?\b",
    "16 bits": r"\b16[- ]bits?\b|uint16",
    "more bits": r"\b(10|12|16)[- ]bits?\b|uint16|more than 8 bits",
    "signed": r"\bsigned\b",
    "float": r"\bfloat",
    "CIELAB": r"CIE ?L\*?a\*?b|CIELAB",
    "YCbCr": r"YCbCr",
    "CMYK": r"CMYK|\bink",
    "palette": r"palette|colou?r map",
    "extra": r"\bextra|\bspot\b|\bbands\b|\bchannels?\b|beyond the colou?rs|samples a pixel",
    "pages": r"\bpictures\b|\bpages\b|\bimages\b|\bdirectories\b|\bseveral\b",
    "planes": r"\bplanes\b|\bplanar\b",
    "predictor": r"[Pp]redictor",
    "profile": r"\bprofile\b",
    "components": r"\bcomponents?\b|\bchannels?\b|order of colou?rs",
    "orientation": r"[Oo]rientation|\bturned\b|\brotat",
    "frames": r"\bframes?\b|anima",
}
"""Words of which one must be in a reason, by what is not read."""

DAMAGE = re.compile(r"damaged|truncated|corrupt|copy it again|unknown variant", re.IGNORECASE)
"""What is never said of a sound file."""


class Cell(NamedTuple):
    """A file."""

    name: str
    """Path below the source folder; the first part is the container."""
    kind: str
    """Group of cells that are right or wrong together."""
    write: Callable[[Path], object]
    """Writes it."""
    show: Callable[[], Sequence[Shown]]
    """Returns pictures of which one must be published."""
    causes: frozenset[str] = frozenset()
    """Why it may be refused; empty where it must be published."""
    told: str = ""
    """Cause that the summary must have a note of, where it is published."""

    def is_true_reason(self, reason: str) -> bool:
        """Tell whether a refusal names what is not read, and does not blame the file."""
        return not DAMAGE.search(reason) and any(re.search(CAUSES[cause], reason) for cause in self.causes)
