"""Task -> how long it may take before its process is ended, with the option that raises it."""

from collections.abc import Callable

from slide2iiif.engines.base import Deadline
from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT

_OPENING = frozenset({"describe", "describe_scanned_area", "disclose", "inspect_slide", "look"})
"""Names of tasks that open a slide. By names: their modules are loaded only where they are needed."""
_CHECKING = frozenset({"check_files"})
"""Names of tasks that look at what is published."""


def deadline_of(
    function: Callable[..., object],
    open_timeout: int = OPEN_TIMEOUT.default,
    block_timeout: int = BLOCK_TIMEOUT.default,
) -> Deadline:
    """Give how long a task of a function may take.

    Args:
        function: what runs in the worker.
        open_timeout: seconds for opening a slide.
        block_timeout: seconds for anything else: a block, or some files that are checked.
    """
    if function.__name__ in _OPENING:
        return Deadline(open_timeout, "opening it", OPEN_TIMEOUT.name)
    what = "checking some of its files" if function.__name__ in _CHECKING else "a block of it"
    return Deadline(block_timeout, what, BLOCK_TIMEOUT.name)
