"""Choice of slides: patterns of names that are left out or asked for, and kinds of images."""

import re
import unicodedata
from dataclasses import dataclass, field

from slide2iiif.errors import UsageError
from slide2iiif.options import Only
from slide2iiif.sources.formats import is_image_name


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of paths below the source root. Letters match in either case.

    `*` stands for any text within a name, `?` for one character, `[abc]` for one of some, `**` for folders too. A
    pattern without a slash is held against every name on the way, one with a slash against the path from the root on.
    What matches a folder matches all that is in it.
    """

    text: str
    """The pattern as it was given."""
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the pattern.

        Raises:
            UsageError: it is empty, or a bracket in it makes no sense.
        """
        pattern = _normal(self.text).removeprefix("./").rstrip("/")
        if not pattern:
            raise UsageError(f"the pattern {self.text!r} matches nothing; name files or folders, as by '*_label.jpg'")
        start = "" if "/" in pattern else "(?:.*/)?"
        try:
            regex = re.compile(f"{start}{_translate(pattern.removeprefix('/'))}(?:/.*)?", re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise UsageError(f"the pattern {self.text!r} cannot be understood: {error}") from None
        object.__setattr__(self, "_regex", regex)

    def matches(self, below: str) -> bool:
        """Return whether a path below the source root, or a folder on the way to it, matches."""
        return self._regex.fullmatch(_normal(below)) is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice among the slides of a source; by default all but the pictures that accompany a slide."""

    exclude: tuple[Glob, ...] = ()
    """Patterns of what is left out, whatever else is asked for."""
    include: tuple[Glob, ...] = ()
    """Patterns of pictures that are published though they accompany a slide."""
    only: Only | None = None
    """The one kind that is meant; None for both."""
    used: set[str] = field(default_factory=set, compare=False)
    """Patterns that have matched something so far."""

    def excludes(self, below: str) -> str:
        """Return why a file or folder is left out, for the patterns; empty where it is not."""
        glob = next((each for each in self.exclude if each.matches(below)), None)
        if glob is None:
            return ""
        self.used.add(glob.text)
        return f"matches --exclude {glob.text}"

    def passes_over(self, below: str) -> str:
        """Return why a file with the name of a slide is left out, for pattern and kind; empty where it is not."""
        reason = self.excludes(below)
        if not reason and self.only is not None and (self.only is Only.IMAGES) != is_image_name(below):
            kind = "a slide" if self.only is Only.IMAGES else "an ordinary image"
            reason = f"is {kind}, and --only {self.only} was asked for"
        return reason

    def asks_for(self, below: str) -> bool:
        """Return whether a picture that accompanies a slide is asked for."""
        glob = next((each for each in self.include if each.matches(below)), None)
        if glob is not None:
            self.used.add(glob.text)
        return glob is not None


def _normal(text: str) -> str:
    """Return a text in the composed form of Unicode: some systems store names in pieces."""
    return unicodedata.normalize("NFC", text)


_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def _translate(pattern: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(token) or _bracket(token) or re.escape(token) for token in _TOKEN.findall(pattern))


def _bracket(token: str) -> str:
    if len(token) == 1:
        return ""
    inner = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
    return f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"


EVERYTHING = Choice(include=(Glob("*"),))
"""All slides, and all pictures that accompany them."""
