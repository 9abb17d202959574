"""Run the command line: `slide2iiif` or `python -m slide2iiif`."""

import gc
import os
import sys

from slide2iiif.cli import main

_GARBAGE_THRESHOLD = 50_000
"""Objects more than at the last collection that call for the next one: loading makes many, and next to no garbage."""


def run() -> None:
    """Run the command and end the process with its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    code = main()
    if "joblib" not in sys.modules:
        # Taking the interpreter down piece by piece takes longer than many an export of one slide, and everything
        # that must be ended or written has been. loky has more to do: it gives back what its processes shared.
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return  # The interpreter tells of it in its own way.
    os._exit(code)


if __name__ == "__main__":
    run()
