"""How long a worker may be busy with a slide, as options of commands."""

import argparse

from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT

Arguments = argparse.ArgumentParser | argparse._ArgumentGroup  # noqa: SLF001 - it has no public name
"""What options are added to."""


def add_open_timeout(parser: Arguments, what: str) -> None:
    """Declare how long opening a slide may take."""
    parser.add_argument(
        OPEN_TIMEOUT.name,
        metavar="SECONDS",
        default=str(OPEN_TIMEOUT.default),
        help=f"{what} (default: %(default)s)",
    )


def add_block_timeout(parser: Arguments, what: str) -> None:
    """Declare how long anything else may take."""
    parser.add_argument(
        BLOCK_TIMEOUT.name,
        metavar="SECONDS",
        default=str(BLOCK_TIMEOUT.default),
        help=f"{what} (default: %(default)s)",
    )
