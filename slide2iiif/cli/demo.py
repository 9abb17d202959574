"""Make two small slides, export them and serve them: the whole way, without data of your own."""

import argparse
import os
from pathlib import Path

from slide2iiif.cli import export, serve
from slide2iiif.cli.arguments import given_path
from slide2iiif.errors import UsageError
from slide2iiif.options import PORT
from slide2iiif.progress import printable

HELP = "make two slides, export, serve and show them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "folder",
        metavar="DIR",
        type=given_path,
        nargs="?",
        help="where to put slides and tree (default: a temporary folder)",
    )
    parser.add_argument("--no-serve", action="store_true", help="end after the export")
    parser.add_argument(
        "--print-url", action="store_true", help="print the address and open no browser, even where there is a display"
    )
    serve.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and give its exit code."""
    import tempfile

    port = PORT.parse(args.port)
    folder = args.folder or Path(tempfile.mkdtemp(prefix="slide2iiif-demo-"))
    slides, public = folder / "slides", folder / "public"
    _make_slides(slides)
    print(f"slides  {printable(str(slides))}", flush=True)
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    parser.set_defaults(verbose=args.verbose)
    places = [str(slides), str(public), "--base-url", f"http://localhost:{port}/iiif"]
    code = export.run(parser.parse_args([*places, *_viewer_options(folder)]))
    print(f"tree    {printable(str(public))}", flush=True)
    if code or args.no_serve:
        return code
    serve.serve(public, args.host, port, opens=not args.print_url and _has_display())
    return 0


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _viewer_options(folder: Path) -> list[str]:
    """Return options for a viewer within the tree, where npm can get it: the demo then needs no internet."""
    from slide2iiif.site.openseadragon import FILE, fetch_viewer

    file = folder / "viewer" / FILE
    if not file.exists():
        try:
            script = fetch_viewer()
        except UsageError:
            return []
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(script)
    return ["--viewer-files", str(folder / "viewer")]


def _make_slides(folder: Path) -> None:
    from slide2iiif.geometry import Size
    from slide2iiif.samples import write_aperio, write_image

    folder.mkdir(parents=True, exist_ok=True)
    slide = folder / "tissue.svs"
    if not slide.exists():
        write_aperio(slide, Size(6000, 4500))
    image = folder / "photograph.jpg"
    if not image.exists():
        write_image(image, Size(3000, 2000))
