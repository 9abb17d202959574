"""Pointers of Git LFS in place of files, as a checkout without them has."""

import hashlib
from pathlib import Path


def write_pointer(path: Path) -> None:
    """Replace a file by the pointer that stands for it."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n")
