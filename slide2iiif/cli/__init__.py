"""The command line: one module a command. The only place that prints, and that turns errors into exit codes."""

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from types import ModuleType

from slide2iiif import __version__
from slide2iiif.cli import config, demo, export, inspect, rebase, repair, serve, verify
from slide2iiif.cli.interrupts import catch_signals, error_of, is_to_tell, received
from slide2iiif.cli.parser import CommandParser
from slide2iiif.cli.streams import drop_output, lost_output
from slide2iiif.errors import Slide2iiifError, TargetError
from slide2iiif.progress import printable

_COMMANDS: tuple[ModuleType, ...] = (export, config, inspect, verify, repair, rebase, serve, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.

    0 all well, 1 some slides failed, 2 usage, 3 the target cannot be used, 4 the target is in use,
    130 and 143 ended by a signal.
    """
    try:
        return _run(arguments)
    except BaseException as error:  # noqa: BLE001 - answered, or raised again
        if isinstance(error, KeyboardInterrupt) or received() is not None:
            # Of whatever class: an import that a signal came into may end with an error of its own.
            return _stopped(received() or signal.SIGINT)
        return _refused(error)


def _run(arguments: Sequence[str] | None) -> int:
    parsed = command_line().parse_args(arguments)
    _set_up_logging(parsed)
    catch_signals()
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    _check_told(parsed)
    return code


def _stopped(number: int) -> int:
    """Report that a signal stopped the command, and return its exit code."""
    if is_to_tell():
        _complain(error_of(number))
    return 128 + number


def _refused(error: BaseException) -> int:
    """Report an error that a user can do something about, and return its exit code; raise any other."""
    if isinstance(error, Slide2iiifError):
        _complain(error)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone, as `head` does.
        drop_output()
        return 128 + signal.SIGPIPE
    if isinstance(error, OSError):
        # Of a place that nothing else has words for, such as a folder above DEST that may not be entered.
        _complain(TargetError(f"{error.filename or 'the system'}: {error.strerror or error}"))
        return TargetError.exit_code
    raise error


def command_line(kind: type[argparse.ArgumentParser] = CommandParser) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Args:
        kind: class of the parser, and of those of the commands.
    """
    parser = kind(
        prog="slide2iiif",
        description="Publish whole-slide images as static IIIF Image API trees.",
        epilog="slide2iiif COMMAND --help tells more. First time here: slide2iiif demo",
    )
    parser.add_argument("--version", action="version", version=f"slide2iiif {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        sub = commands.add_parser(name, help=command.HELP, description=command.__doc__)
        sub.add_argument("-v", "--verbose", action="count", default=0, help="tell more on standard error")
        command.add_arguments(sub)
        sub.set_defaults(run=command.run, parser=sub)
    return parser


def _set_up_logging(parsed: argparse.Namespace) -> None:
    level = (logging.CRITICAL, logging.INFO, logging.DEBUG)[min(parsed.verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def _check_told(parsed: argparse.Namespace) -> None:
    """Report that standard output could not be written; what was done counts all the same.

    Raises:
        TargetError: what was printed is what the command was run for.
    """
    loss = lost_output()
    if loss is None:
        return
    error = TargetError(f"standard output: {loss.strerror}; some of what was to be told is lost")
    if parsed.run is inspect.run or getattr(parsed, "json", None) == "-":
        raise error
    _complain(error)


def _complain(error: Slide2iiifError) -> None:
    # A log on the disk that is full takes no message, and the exit code still tells.
    with contextlib.suppress(OSError):
        print(f"slide2iiif: {printable(str(error))}", file=sys.stderr, flush=True)
