"""Pages, manifests and collections: their options, and what keeps them up to date."""

import argparse
import functools
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import Unnamed, given_path, given_text
from slide2iiif.errors import UsageError
from slide2iiif.options import SiteOptions, Viewer

if TYPE_CHECKING:
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.site.gallery import Gallery
    from slide2iiif.stores.base import Store

_PLAIN = SiteOptions()


def add_site_options(parser: argparse._ArgumentGroup) -> None:
    """Declare what pages show."""
    parser.add_argument(
        "--site",
        action=argparse.BooleanOptionalAction,
        help="write pages, manifests and collections; --no-site writes none, and removes those of earlier runs",
    )
    parser.add_argument(
        "--title",
        metavar="TEXT",
        type=given_text,
        default=Unnamed(_PLAIN.title),
        help="heading of the first page (default: %(default)s)",
    )
    parser.add_argument(
        "--rights", metavar="URI", type=given_text, default=Unnamed(), help="licence or rights statement of all slides"
    )
    parser.add_argument(
        "--attribution", metavar="TEXT", type=given_text, default=Unnamed(), help="text to be shown with every slide"
    )
    parser.add_argument(
        "--viewer",
        choices=[str(viewer) for viewer in Viewer],
        help="pages of slides load OpenSeadragon from a public host, checked by its digest, or from the tree, for "
        f"places without internet (default: {_PLAIN.viewer})",
    )
    parser.add_argument(
        "--viewer-files",
        metavar="PATH",
        type=given_path,
        help="npm package of OpenSeadragon, a folder or a tarball, for --viewer local (default: npm gets it)",
    )
    parser.add_argument(
        "--mirador",
        metavar="URL|none",
        type=given_text,
        default=Unnamed(_PLAIN.mirador),
        help="the Mirador that pages of slides link to (default: %(default)s)",
    )


def check_viewer(args: argparse.Namespace) -> None:
    """Refuse files of a viewer that the pages do not load.

    Raises:
        UsageError: the viewer is that of a public host.
    """
    if args.viewer_files and args.viewer == str(Viewer.CDN):
        raise UsageError(f"--viewer-files {args.viewer_files}: goes with --viewer local only")


def open_gallery(
    args: argparse.Namespace, store: "Store", receipts: "Receipts", base_url: str, options: SiteOptions
) -> "Gallery | None":
    """Return the pages of the tree; None where there are to be none, and then those of earlier runs go.

    Raises:
        UsageError: the viewer cannot be had.
    """
    if not args.site:
        if receipts.private.head("site.json") is not None:
            from slide2iiif.site.gallery import remove_site

            remove_site(store, receipts)
        return None

    from slide2iiif.site.gallery import Gallery
    from slide2iiif.site.openseadragon import fetch_viewer, read_viewer

    if args.dry_run:
        # Nothing is fetched for pages that nobody will see.
        return Gallery(store, receipts, options, base_url, bytes)
    script = functools.partial(read_viewer, args.viewer_files) if args.viewer_files else fetch_viewer
    return Gallery(store, receipts, options, base_url, script)
