"""Serve a published tree for a look at it. A preview, not for production: use a web server for that."""

import argparse
from contextlib import suppress
from pathlib import Path

from slide2iiif.cli.arguments import given_path, given_word
from slide2iiif.errors import TargetError
from slide2iiif.options import PORT

HELP = "preview a published tree in a browser"
LOOPBACK = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dest", metavar="DEST", type=given_path, help="published tree")
    add_server_arguments(parser)


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to listen."""
    parser.add_argument("--port", metavar="N", default=str(PORT.default), help="0 picks one (default: %(default)s)")
    parser.add_argument(
        "--host",
        type=given_word,
        default=LOOPBACK,
        help="address to listen on; anything but loopback shows the slides to the network",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and give its exit code."""
    port = PORT.parse(args.port)
    if not args.dest.is_dir():
        raise TargetError(f"DEST {args.dest}: is not a folder")
    serve(args.dest, args.host, port)
    return 0


def serve(dest: Path, host: str, port: int, *, opens: bool = False) -> None:
    """Serve until a signal comes, and open a browser if asked to."""
    from slide2iiif.server import open_preview

    # Being told to stop is how a preview ends: no complaint.
    with open_preview(dest, host=host, port=port) as server, suppress(KeyboardInterrupt):
        print(f"{server.url}  (a preview, not for production; Ctrl-C ends it)", flush=True)
        if opens:
            import webbrowser

            webbrowser.open(server.url)
        server.wait()
