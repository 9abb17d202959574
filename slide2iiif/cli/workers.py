"""The worker processes of a command, and what each may take: time and memory.

Every command that opens slides, or decodes what is published, does it in such a process and gets it here, so that what
a hostile file can cost is the same everywhere.
"""

import argparse
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import Unnamed
from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT, WORKER_MEMORY, Limited

if TYPE_CHECKING:
    from slide2iiif.engines.processes import ProcessEngine

Arguments = argparse.ArgumentParser | argparse._ArgumentGroup  # noqa: SLF001 - it has no public name
"""Parser or group that options are added to."""


def add_open_timeout(parser: Arguments, what: str) -> None:
    """Declare how long opening a slide may take."""
    _add(parser, OPEN_TIMEOUT, "SECONDS", what)


def add_block_timeout(parser: Arguments, what: str) -> None:
    """Declare how long anything else may take."""
    _add(parser, BLOCK_TIMEOUT, "SECONDS", what)


def add_worker_memory(parser: Arguments, what: str) -> None:
    """Declare how much memory a process may take."""
    _add(parser, WORKER_MEMORY, "MB", what)


def _add(parser: Arguments, option: Limited, unit: str, what: str) -> None:
    parser.add_argument(
        option.name, metavar=unit, default=Unnamed(option.default), help=f"{what} (default: %(default)s)"
    )


def worker_engine(jobs: int, memory: int) -> "ProcessEngine":
    """Return the engine of a command, not entered. Enter it before anything is open: its workers are forked then.

    Args:
        jobs: number of processes.
        memory: megabytes that each may take.
    """
    from slide2iiif.engines.worker import signals_held

    with signals_held():
        from slide2iiif.engines.processes import ProcessEngine
        from slide2iiif.tiles.preload import PRELOAD

    return ProcessEngine(jobs, memory, PRELOAD)
