"""Addresses of places in buckets: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`."""

import re
from dataclasses import dataclass

from slide2iiif.errors import UsageError

SCHEMES = ("s3", "gs", "az")
"""Kinds of buckets."""

_ADDRESS = re.compile(r"(?P<scheme>[a-z0-9+.-]+)://(?P<bucket>[^/]*)(?:/(?P<prefix>.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9 !$'()+,.=@_~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A prefix in a bucket. A value, which can be sent to workers."""

    bucket: str
    """URL of the bucket, without a slash at its end: `s3://slides`."""
    prefix: str = ""
    """Beginning of all keys, with a slash at its end; empty for the whole bucket."""

    def __str__(self) -> str:
        return f"{self.bucket}/{self.prefix}".rstrip("/")

    def below(self, folder: str) -> "Address":
        """Return the address of a folder below this one."""
        return Address(self.bucket, f"{self.prefix}{folder}/")

    def holds(self, other: "Address") -> bool:
        """Return True if another address is this one, or lies below it."""
        return self.bucket == other.bucket and other.prefix.startswith(self.prefix)


def parse_address(text: str, what: str = "DEST") -> Address:
    """Parse the address of a place in a bucket.

    Args:
        text: the address.
        what: name of the argument, for the error.

    Raises:
        UsageError: it is none.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or match["scheme"] not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise UsageError(f"{what} {text}: is no place that can be published into; name a folder, or one of {known}")
    if not _BUCKET.fullmatch(match["bucket"]):
        raise UsageError(f"{what} {text}: {match['bucket'] or 'nothing'} is no name of a bucket")
    parts = (match["prefix"] or "").rstrip("/").split("/")
    if parts == [""]:
        return Address(f"{match['scheme']}://{match['bucket']}")
    for part in parts:
        if not _PART.fullmatch(part) or part in {".", ".."}:
            raise UsageError(
                f"{what} {text}: {part!r} cannot be a part of a prefix; take letters, digits and .-_ between slashes"
            )
    return Address(f"{match['scheme']}://{match['bucket']}", "/".join(parts) + "/")
