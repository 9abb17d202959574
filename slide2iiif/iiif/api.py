"""Versions of the IIIF Image API that a tree can be stored in."""

from enum import StrEnum


class Api(StrEnum):
    """A version of the IIIF Image API."""

    V2 = "2"
    """2.1: tile paths are `x,y,w,h/ws,`. Any server can serve 3.0 from these files by rewriting URLs."""
    V3 = "3"
    """3.0: tile paths are `x,y,w,h/ws,hs`."""

    @property
    def other(self) -> "Api":
        """The other of the two versions."""
        return Api.V3 if self is Api.V2 else Api.V2

    @property
    def label(self) -> str:
        """Version number as the specification spells it: 2.1 or 3.0."""
        return {"2": "2.1", "3": "3.0"}[self.value]
