"""Task -> how long it may take before its process is ended, with the option that raises it."""

from collections.abc import Callable

from slide2iiif.checking import check_files
from slide2iiif.engines.base import Deadline
from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT
from slide2iiif.render import describe, describe_scanned_area

_OPENING = frozenset({"disclose", "inspect_slide", "look"})
"""Names of tasks that open a slide, of modules that are loaded only where they are needed."""


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
    if function in {describe, describe_scanned_area} or function.__name__ in _OPENING:
        return Deadline(open_timeout, "opening it", OPEN_TIMEOUT.name)
    what = "checking some of its files" if function is check_files else "a block of it"
    return Deadline(block_timeout, what, BLOCK_TIMEOUT.name)
