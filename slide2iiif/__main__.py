"""Run the command line: `slide2iiif` or `python -m slide2iiif`."""

import gc
import os
import sys

from slide2iiif.cli import main

_GARBAGE_THRESHOLD = 50_000
"""Growth in live objects that starts a garbage collection: loading modules makes many, and next to no garbage."""


def run() -> None:
    """Run the command and end the process with its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    code = main()
    if "joblib" not in sys.modules:
        # Finalising the interpreter takes longer than many an export of one slide, and everything that must be
        # ended or written has been. loky needs it: its exit handlers free the resources that its processes shared.
        _exit_at_once(code)
    sys.exit(code)


def _exit_at_once(code: int) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return  # The interpreter reports the error itself.
    os._exit(code)


if __name__ == "__main__":
    run()
