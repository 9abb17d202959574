"""The versions of the Image API that are published."""

from enum import StrEnum


class Api(StrEnum):
    """A version of the IIIF Image API."""

    V2 = "2"
    """2.1: tiles are spelt `x,y,w,h/ws,`. Any server can serve 3.0 from these files by rewriting."""
    V3 = "3"
    """3.0: tiles are spelt `x,y,w,h/ws,hs`."""

    @property
    def other(self) -> "Api":
        """The version that a tree is not stored in."""
        return Api.V3 if self is Api.V2 else Api.V2

    @property
    def label(self) -> str:
        """The version as the specification calls itself."""
        return {"2": "2.1", "3": "3.0"}[self.value]
