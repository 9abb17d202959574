"""The one reader of records: JSON of exactly the form that was written, or damaged; nothing else can come of a file.

Whoever can write to the private folder can put anything there. So a record is I-JSON (RFC 7493): UTF-8, no name twice,
no number beyond what a double holds exactly, no NaN; and its fields have the types that the dataclass declares, without
any conversion. A file that is nested too deep for the parser is as damaged as one that ends in the middle.
"""

import dataclasses
import json
import math
import os
import typing
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar

LARGEST = 2**53 - 1
"""Largest whole number, of either sign (RFC 7493, section 2.2)."""

Kind = TypeVar("Kind")
_Check = Callable[[Any], Any]


class DamagedRecordError(ValueError):
    """A record that is not of the form that this version writes."""


def read_json(content: bytes) -> Any:
    """Read a document.

    Raises:
        DamagedRecordError: it is no I-JSON, or nested too deep.
    """
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_exact,
            parse_float=_finite,
        )
    except RecursionError:
        raise DamagedRecordError("nested too deep") from None
    except ValueError as error:
        raise DamagedRecordError(str(error)) from None


def read_record(kind: type[Kind], content: bytes) -> Kind:
    """Read a record into a dataclass. See `build`.

    Raises:
        DamagedRecordError: it is no I-JSON, or not of the form that the dataclass declares.
    """
    return build(kind, read_json(content))


def build(kind: type[Kind], fields: object) -> Kind:
    """Make a dataclass of a parsed object, whose values must have the declared types as they are.

    Text must be text, and not the surrogates that stand for other bytes, but in fields with `any_bytes` in their
    metadata, such as paths. Fields with a default may be absent; unknown ones are damage.

    Raises:
        DamagedRecordError: it is of another form.
    """
    made: Kind = _checker(typing.cast("Any", kind))(fields)
    return made


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedRecordError("a name stands twice")
    return made


def _refuse(text: str) -> typing.NoReturn:
    raise DamagedRecordError(f"{text} is no number")


def _exact(text: str) -> int:
    # Its digits are few: Python refuses to convert thousands of them, and counts them first.
    number = int(text)
    if abs(number) > LARGEST:
        raise DamagedRecordError("a number is too large")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise DamagedRecordError("a number is too large")
    return number


@cache
def _checker(form: Any, *, any_bytes: bool = False) -> _Check:
    """Return what checks a value against a declared type, and makes it where that is a class."""
    origin, inner = typing.get_origin(form), typing.get_args(form)
    if dataclasses.is_dataclass(form) and isinstance(form, type):
        return _dataclass_checker(form)
    if origin is list:
        return _list_checker(_checker(inner[0]))
    if origin is dict:
        return _dict_checker(_checker(inner[1]))
    if origin in {typing.Union, UnionType}:
        [plain] = [each for each in inner if each is not NoneType]
        return _optional_checker(_checker(plain, any_bytes=any_bytes))
    return _plain_checker(form, any_bytes=any_bytes)


def _plain_checker(form: type, *, any_bytes: bool) -> _Check:
    if issubclass(form, StrEnum):
        return _enum_checker(form)
    if form is str:
        return _path if any_bytes else _text
    # A whole number is a float as well, and JSON writes it as one; True is an int to Python alone.
    forms = (float, int) if form is float else (form,)

    def check(value: Any) -> Any:
        if type(value) not in forms:
            raise DamagedRecordError(f"{type(value).__name__} where {form.__name__} should be")
        return value

    return check


def _text(value: Any) -> str:
    if type(value) is not str:
        raise DamagedRecordError(f"{type(value).__name__} where str should be")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DamagedRecordError("text that is none") from None
    return value


def _path(value: Any) -> str:
    if type(value) is not str:
        raise DamagedRecordError(f"{type(value).__name__} where str should be")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        raise DamagedRecordError("a path that is none") from None
    if "\0" in value:
        raise DamagedRecordError("a path that holds a zero byte")
    return value


def _enum_checker(form: type[StrEnum]) -> _Check:
    def check(value: Any) -> Any:
        try:
            return form(_text(value))
        except ValueError:
            raise DamagedRecordError(f"no {form.__name__} of this version") from None

    return check


def _optional_checker(inner: _Check) -> _Check:
    return lambda value: None if value is None else inner(value)


def _list_checker(inner: _Check) -> _Check:
    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            raise DamagedRecordError(f"{type(value).__name__} where list should be")
        return [inner(each) for each in value]

    return check


def _dict_checker(inner: _Check) -> _Check:
    def check(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise DamagedRecordError(f"{type(value).__name__} where dict should be")
        return {_text(name): inner(each) for name, each in value.items()}

    return check


def _dataclass_checker(form: type) -> _Check:
    hints = typing.get_type_hints(form)
    checks = {
        each.name: _checker(hints[each.name], any_bytes=each.metadata.get("any_bytes", False))
        for each in dataclasses.fields(form)
    }
    missing = dataclasses.MISSING
    needed = {
        each.name for each in dataclasses.fields(form) if each.default is missing and each.default_factory is missing
    }

    def check(value: Any) -> Any:
        if type(value) is not dict or not needed <= value.keys() <= checks.keys():
            raise DamagedRecordError(f"no {form.__name__} of this version")
        return form(**{name: checks[name](each) for name, each in value.items()})

    return check
