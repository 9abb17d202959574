"""Numbers as files store them: whole, signed and floating, of any number of bits, packed or not."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pictures.painting import Levels


class Sample(NamedTuple):
    """A kind of number."""

    name: str
    """As cells are named."""
    bits: int
    """How many each takes."""
    format: int = 1
    """As the tag SampleFormat has it (TIFF 6.0, section 19): 1 whole, 2 signed, 3 floating."""

    @property
    def largest(self) -> int:
        """Brightest value; of floating samples 1."""
        return 1 if self.format == 3 else 2 ** (self.bits - (self.format == 2)) - 1

    @property
    def type(self) -> str:
        """Type of numpy, in no byte order; the next larger one of what is packed."""
        letter = "?uif"[self.format]
        return f"{letter}{max(1, -(-self.bits // 8)) if self.bits != 12 else 2}"

    @property
    def is_packed(self) -> bool:
        """Whether several share a byte."""
        return self.bits in {1, 2, 4, 12}

    def store(self, values: Levels) -> NDArray[Any]:
        """Return what is stored of levels from 0 to 1."""
        scaled = values * self.largest
        return (scaled if self.format == 3 else np.rint(scaled)).astype(self.type)

    def recall(self, stored: NDArray[Any]) -> Levels:
        """Return the levels that stored numbers mean."""
        return stored.astype(np.float64) / self.largest

    def pack(self, stored: NDArray[Any], order: str) -> bytes:
        """Return the bytes of rows, shape (height, width, bands); a packed row is filled up to whole bytes."""
        if not self.is_packed:
            return stored.astype(f"{order}{self.type}").tobytes()
        places = np.arange(self.bits - 1, -1, -1)
        bits = (stored[..., None] >> places & 1).astype(np.uint8)
        return np.packbits(bits.reshape(len(stored), -1), axis=1).tobytes()


U1, U2, U4, U8, U12 = (Sample(f"u{bits}", bits) for bits in (1, 2, 4, 8, 12))
U16, U32 = Sample("u16", 16), Sample("u32", 32)
S8, S16, S32 = (Sample(f"s{bits}", bits, 2) for bits in (8, 16, 32))
F16, F32, F64 = (Sample(f"f{bits}", bits, 3) for bits in (16, 32, 64))
SAMPLES = (U1, U2, U4, U8, U12, U16, U32, S8, S16, S32, F16, F32, F64)
