"""Run the command line: `slide2iiif` or `python -m slide2iiif`."""

import gc
import os
import signal
import sys

from slide2iiif.cli import main
from slide2iiif.cli.streams import drop_output, hold_streams

_GARBAGE_THRESHOLD = 50_000
"""Growth in live objects that starts a garbage collection: loading modules makes many, and next to no garbage."""


def run() -> None:
    """Run the command and end the process with its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    # Nothing here multiplies matrices, and beside the threads that numpy's library for it starts no worker is forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    hold_streams()
    code = _run()
    if "joblib" not in sys.modules:
        # Taking the interpreter down piece by piece takes longer than many an export of one slide, and everything
        # that must be ended or written has been. loky has more to do: it gives back what its processes shared.
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    """Run the command, write what it told, and return its exit code."""
    try:
        code = main()
    except SystemExit as ended:
        # Help and usage errors, which argparse tells of.
        code = ended.code if isinstance(ended.code, int) else bool(ended.code)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return 128 + signal.SIGPIPE
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    run()
