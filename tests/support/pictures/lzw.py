"""LZW without compression: literal codes, and the table cleared before codes grow. Any decoder must read it.

Source: TIFF 6.0, section 13 (high bits first); GIF 89a, appendix F (low bits first).
"""

import numpy as np

_CLEAR, _END, _BITS = 256, 257, 9
_LITERALS = 250
"""Between two clear codes: with these the table has no code of ten bits yet."""


def literal_codes(data: bytes, *, low_first: bool = False) -> bytes:
    """Return data of bytes as a stream of codes."""
    values = np.frombuffer(data, np.uint8).astype(np.uint16)
    starts = np.arange(0, max(1, len(values)), _LITERALS)
    codes = np.append(np.insert(values, np.minimum(starts, len(values)), _CLEAR), _END)
    places = np.arange(_BITS)
    bits = (codes[:, None] >> (places if low_first else places[::-1]) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(-1), bitorder="little" if low_first else "big").tobytes()
