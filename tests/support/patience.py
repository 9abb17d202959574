"""Waiting for what must happen: long enough for a machine that is busy with other work, and not by the clock.

No test asserts how long something took: what is promised of times is measured by `tests/benchmarks/test_times.py`, on
a machine that does nothing else.
"""

import time
from collections.abc import Callable

PATIENCE = 600.0
"""Seconds after which what should have happened is taken not to happen any more; pytest's own limit is longer."""

FOREVER = 3600
"""Seconds of a task that no test sees the end of."""

_LOOK_SECONDS = 0.02


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until something is so, and return whether it came to be."""
    latest = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > latest:
            return bool(condition())
        time.sleep(_LOOK_SECONDS)
    return True
