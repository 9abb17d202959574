"""Arguments of `slide2iiif export`, group by group."""

import argparse

from slide2iiif.cli.arguments import Unnamed, given_path, given_place, given_text, given_word, path_or_word
from slide2iiif.cli.naming import add_identifier_options
from slide2iiif.cli.places import add_connections, add_private_dir
from slide2iiif.cli.selection import (
    add_choice_options,
    add_max_delete,
)
from slide2iiif.cli.settings import add_config_option
from slide2iiif.cli.site import add_site_options
from slide2iiif.cli.workers import add_block_timeout, add_open_timeout, add_worker_memory
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import PLAUSIBLE_MPP
from slide2iiif.options import (
    ASSOCIATED,
    JOBS,
    MAX_PIXELS,
    MAX_TILES,
    QUALITY,
    SUBSAMPLINGS,
    TILE_SIZE,
    Blank,
    Check,
    Damaged,
    Icc,
)

_OnOff = argparse.BooleanOptionalAction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    _add_places(parser)
    _add_tile_options(parser.add_argument_group("tiles"))
    _add_slide_options(parser.add_argument_group("slides"))
    add_choice_options(parser.add_argument_group("choice of files"))
    _add_privacy_options(parser.add_argument_group("privacy"))
    add_site_options(parser.add_argument_group("pages"))
    _add_run_options(parser.add_argument_group("the run"))


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=given_path, help="folder of slides, or one slide")
    parser.add_argument(
        "dest", metavar="DEST", type=given_place, help="folder to publish into, or s3://bucket/prefix, gs://…, az://…"
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        type=given_word,
        help="URL under which DEST will be served, e.g. https://host/iiif; needed the first time",
    )
    parser.add_argument(
        "--other-base-url",
        metavar="URL|auto",
        type=given_word,
        help="URL under which a rewriting server offers the other API version (default: BASE-v3)",
    )


def _add_tile_options(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--api",
        choices=[str(api) for api in Api],
        default=Unnamed(str(Api.V2)),
        help="Image API version of the files: 2 (2.1; nginx serves 3.0 from it as well) or 3 (default: %(default)s)",
    )
    parser.add_argument(
        "--tile-size",
        metavar="auto|N",
        default=Unnamed("auto"),
        help=f"side of a tile in pixels, {TILE_SIZE.low} to {TILE_SIZE.high}; auto: the stored size of JPEG tiles, "
        f"else {TILE_SIZE.default} (default: auto)",
    )
    parser.add_argument(
        "--quality",
        metavar="N",
        default=Unnamed(str(QUALITY.default)),
        help=f"JPEG quality of encoded tiles, {QUALITY.low} to {QUALITY.high} (default: %(default)s)",
    )
    parser.add_argument(
        "--subsampling",
        choices=SUBSAMPLINGS,
        default=Unnamed(SUBSAMPLINGS[0]),
        help="chroma subsampling of encoded tiles; auto: 444 from quality 90 on, else 420 (default: %(default)s)",
    )
    parser.add_argument(
        "--blank",
        choices=[str(choice) for choice in Blank],
        default=Unnamed(str(Blank.LINK)),
        help="store tiles of one colour once and link them, or as files of their own (default: %(default)s)",
    )
    parser.add_argument(
        "--icc",
        choices=[str(choice) for choice in Icc],
        default=Unnamed(str(Icc.EMBED)),
        help="colour profile of a slide: publish it, transform the pixels to sRGB, or ignore it (default: %(default)s)",
    )
    parser.add_argument(
        "--recompress", action=_OnOff, help="encode every tile anew instead of copying stored JPEG tiles"
    )
    parser.add_argument(
        "--require-lossless", action=_OnOff, help="fail slides whose full resolution cannot be copied losslessly"
    )


def _add_slide_options(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--check",
        choices=[str(check) for check in Check],
        default=Unnamed(str(Check.BASIC)),
        help="look at the frame of each copied tile, or parse all of it (default: %(default)s)",
    )
    parser.add_argument(
        "--damaged",
        choices=[str(choice) for choice in Damaged],
        default=Unnamed(str(Damaged.FAIL)),
        help="fail a slide with damaged tiles, or publish background in their place (default: %(default)s)",
    )
    parser.add_argument(
        "--crop-to-bounds", action=_OnOff, help="publish the scanned area only, where a slide names one"
    )
    parser.add_argument(
        "--mpp",
        metavar="X|auto",
        help=f"microns per pixel, {PLAUSIBLE_MPP[0]:g} to {PLAUSIBLE_MPP[1]:g}, of all slides, or of the one that is "
        "exported alone (default: what each slide says, if it can be true)",
    )
    parser.add_argument(
        "--max-tiles",
        metavar="N",
        default=Unnamed(str(MAX_TILES.default)),
        help="fail slides that would have more tiles (default: %(default)s)",
    )
    parser.add_argument(
        "--max-pixels",
        metavar="N",
        default=Unnamed(str(MAX_PIXELS.default)),
        help="fail slides that have more pixels (default: %(default)s)",
    )
    add_open_timeout(parser, "fail slides whose opening takes longer")
    add_block_timeout(parser, "fail slides of which a block, 64 tiles or a whole image, takes longer")
    add_worker_memory(parser, "fail slides that need more memory in one process")


def _add_privacy_options(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--associated",
        metavar="NAME,…",
        type=given_text,
        default=Unnamed(),
        help=f"publish these pictures of the slide too: {', '.join(ASSOCIATED)}; label and macro show names",
    )
    parser.add_argument(
        "--properties",
        metavar="KEY,…",
        type=given_text,
        default=Unnamed(),
        help="let these properties out; inspect --phi lists what a slide has",
    )
    add_identifier_options(parser)
    add_private_dir(parser)


def _add_run_options(parser: argparse._ArgumentGroup) -> None:
    add_config_option(parser)
    parser.add_argument(
        "--jobs",
        metavar="N",
        default=Unnamed(str(JOBS.default)),
        help="worker processes (default: one for each core, or as many as the quota of a container allows; twice as "
        "many for a bucket)",
    )
    add_connections(parser)
    parser.add_argument(
        "--files-from",
        metavar="FILE",
        type=path_or_word,
        help="export only the files listed here, one path a line below SOURCE; - reads standard input",
    )
    parser.add_argument(
        "-z", "--null", action="store_true", help="paths of --files-from end with a zero byte, as those of git -z do"
    )
    parser.add_argument("--overwrite", action="store_true", help="export again what is published and unchanged")
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="publish into a tree that holds slides without receipts, whose private folder is lost",
    )
    parser.add_argument(
        "--rebase", action="store_true", help="give the tree another --base-url than the one that it has"
    )
    parser.add_argument("--delete", action="store_true", help="remove published slides that have no source any more")
    add_max_delete(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, write nothing")
    parser.add_argument(
        "--json", metavar="FILE", type=path_or_word, help="write a summary for machines; - writes to standard output"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
