"""The tree of errors, as its docstring draws it."""

import copy
import inspect
import pickle
import re

import pytest

from slide2iiif import errors
from slide2iiif.errors import (
    InterruptedRunError,
    Slide2iiifError,
    SourceError,
    TargetBusyError,
    TargetError,
    UsageError,
    WorkerError,
)

CLASSES: list[type[Slide2iiifError]] = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, Slide2iiifError) and value.__module__ == errors.__name__
]


def drawn_tree() -> dict[str, tuple[str, str]]:
    """Class -> parent and exit codes, as drawn in the docstring."""
    assert errors.__doc__ is not None
    drawing = errors.__doc__.split("```")[1]
    branch: list[str] = []
    tree: dict[str, tuple[str, str]] = {}
    for line in drawing.strip().splitlines():
        match = re.fullmatch(r"([│├└─ ]*)(\w+) *(\d+(?: or \d+)?)?.*", line)
        assert match is not None, line
        depth = len(match[1]) // 4
        branch[depth:] = [match[2]]
        tree[match[2]] = (branch[depth - 1] if depth else "Exception", match[3] or "1")
    return tree


def test_the_drawing_shows_every_class_under_its_parent() -> None:
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == {
        value.__name__: value.__bases__[0].__name__ for value in CLASSES
    }


@pytest.mark.parametrize("error", CLASSES)
def test_the_exit_code_of_a_class_is_the_drawn_one(error: type[Slide2iiifError]) -> None:
    drawn = drawn_tree()[error.__name__][1]
    if error is InterruptedRunError:
        codes = {128 + InterruptedRunError("stop", number).signal_number for number in (2, 15)}
        assert {int(code) for code in drawn.split(" or ")} == codes
    else:
        assert error.exit_code == int(drawn)


def test_exit_codes_tell_what_to_do_next() -> None:
    assert {error.__name__: error.exit_code for error in CLASSES if error is not InterruptedRunError} == {
        "Slide2iiifError": 1,
        "UsageError": 2,
        "SourceError": 1,
        "WorkerError": 1,
        "TargetError": 3,
        "TargetBusyError": 4,
    }


def test_a_slide_that_fails_is_told_from_a_target_that_fails() -> None:
    assert issubclass(WorkerError, SourceError)
    assert issubclass(TargetBusyError, TargetError)
    assert not issubclass(SourceError, TargetError | UsageError)
    assert not issubclass(TargetError, SourceError | UsageError)


@pytest.mark.parametrize("error", CLASSES)
@pytest.mark.parametrize("message", ["slides/é.svs: no such level; run again with --tile-size 256", ""])
def test_an_error_survives_the_way_between_processes(error: type[Slide2iiifError], message: str) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        arrived = pickle.loads(pickle.dumps(error(message), protocol))  # noqa: S301

        assert type(arrived) is error
        assert str(arrived) == message
        assert arrived.exit_code == error.exit_code


def test_the_signal_survives_as_well() -> None:
    arrived = pickle.loads(pickle.dumps(InterruptedRunError("stopped; run again to go on", 15)))  # noqa: S301

    assert arrived.signal_number == 15
    assert str(arrived) == "stopped; run again to go on"
    assert copy.copy(arrived).signal_number == 15


def test_an_interruption_is_the_users_own_unless_told_otherwise() -> None:
    assert InterruptedRunError("stop").signal_number == 2


@pytest.mark.parametrize("error", CLASSES)
def test_the_message_alone_is_shown(error: type[Slide2iiifError]) -> None:
    assert str(error("one line")) == "one line"
