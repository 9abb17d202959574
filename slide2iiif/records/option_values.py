"""Values of the options that belong to a tree: from text as on the command line, or typed as in TOML and JSON. Pure.

Every kind has two ways in, `of_text` and `of_value`, and both yield the one form in which values are compared and
stored. `text_of` is the way back to text.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from slide2iiif.errors import UsageError
from slide2iiif.iiif.info import PLAUSIBLE_MPP
from slide2iiif.options import Limited

Value = str | int | float | bool | tuple[str, ...]
"""Value of an option."""

AUTO = "auto"
"""Value of an option that leaves the choice to each slide."""

YES, NO = "yes", "no"
"""Text of an option that is on or off."""


class Kind(Protocol):
    """Kind of values."""

    def of_text(self, option: str, text: str) -> Value:
        """Read a value from text.

        Raises:
            UsageError: the option, the value and its limits.
        """
        ...

    def of_value(self, option: str, value: object) -> Value:
        """Read a typed value.

        Raises:
            UsageError: the option, and the type that it should have or the limits.
        """
        ...


def text_of(value: Value) -> str:
    """Return a value as text that `of_text` reads."""
    if isinstance(value, bool):
        return YES if value else NO
    return ",".join(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """On or off."""

    def of_text(self, option: str, text: str) -> bool:
        """Read `yes` or `no`."""
        if text not in {YES, NO}:
            raise UsageError(f"{option} {text}: must be {YES} or {NO}")
        return text == YES

    def of_value(self, option: str, value: object) -> bool:
        """Read true or false."""
        if not isinstance(value, bool):
            raise _wrong(option, value, "true or false")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within limits."""

    limits: Limited
    """The option with its limits."""
    has_auto: bool = False
    """True where `auto` is a value, too."""

    def of_text(self, option: str, text: str) -> int | str:
        """Read digits, or `auto`."""
        del option
        return AUTO if self.has_auto and text == AUTO else self.limits.parse(text)

    def of_value(self, option: str, value: object) -> int | str:
        """Read a number, or `auto`."""
        if self.has_auto and value == AUTO:
            return AUTO
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(option, value, "a whole number")
        return self.limits.check(value)


@dataclass(frozen=True, slots=True)
class Microns:
    """Size of a pixel in µm, or `auto` for what the slide says."""

    def of_text(self, option: str, text: str) -> float | str:
        """Read a number, or `auto`."""
        if text == AUTO:
            return AUTO
        try:
            return self._checked(option, float(text))
        except ValueError:
            raise UsageError(f"{option} {text}: must be a number of µm a pixel") from None

    def of_value(self, option: str, value: object) -> float | str:
        """Read a number, or `auto`."""
        if value == AUTO:
            return AUTO
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _wrong(option, value, f"a number of µm a pixel, or {AUTO!r}")
        return self._checked(option, float(value))

    @staticmethod
    def _checked(option: str, value: float) -> float:
        low, high = PLAUSIBLE_MPP
        if math.isnan(value) or not low <= value <= high:
            raise UsageError(f"{option} {value:g}: must be from {low:g} to {high:g} µm a pixel")
        return value


@dataclass(frozen=True, slots=True)
class Word:
    """One of some words."""

    choices: tuple[str, ...]
    """The words."""

    def of_text(self, option: str, text: str) -> str:
        """Read a word."""
        if text not in self.choices:
            raise UsageError(f"{option} {text}: must be one of {', '.join(self.choices)}")
        return text

    def of_value(self, option: str, value: object) -> str:
        """Read a word; a version number may be written as one."""
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return self.of_text(option, str(value) if is_number else _text(option, value))


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    normal: Callable[[str, str], str] = lambda _, text: text
    """Function from option and text to the text as it is stored; it raises `UsageError`."""

    def of_text(self, option: str, text: str) -> str:
        """Read text."""
        return self.normal(option, text)

    def of_value(self, option: str, value: object) -> str:
        """Read text."""
        return self.normal(option, _text(option, value))


@dataclass(frozen=True, slots=True)
class Names:
    """Several names, separated by commas in text."""

    allowed: tuple[str, ...] = ()
    """Names that may be given; empty for any."""

    def of_text(self, option: str, text: str) -> tuple[str, ...]:
        """Read names; nothing, or `none`, is no name."""
        names = () if text.strip() == "none" else (name.strip() for name in text.split(","))
        return self._checked(option, tuple(name for name in names if name))

    def of_value(self, option: str, value: object) -> tuple[str, ...]:
        """Read a list of names."""
        return self._checked(option, _texts(option, value))

    def _checked(self, option: str, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = next((name for name in names if self.allowed and name not in self.allowed), None)
        if unknown is not None:
            raise UsageError(f"{option} {unknown}: must be of {', '.join(self.allowed)}")
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Several:
    """An option that may be given several times."""

    def of_text(self, option: str, text: str) -> tuple[str, ...]:
        """Read one."""
        del option
        return (text,)

    def of_value(self, option: str, value: object) -> tuple[str, ...]:
        """Read a list."""
        return _texts(option, value)


def _texts(option: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(option, value, "a list of texts")
    return tuple(_text(option, each) for each in value)


def _text(option: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(option, value, "text")
    return value


_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a table"}


def _wrong(option: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{option}: must be {wanted}, and is {_TYPES.get(type(value), 'something else')}")
