"""Plan of one image service, shared by dry run, export, verify and repair. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.iiif.paths import alias_count, named_tile_count, pictures, shared_region_count
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid
from slide2iiif.imaging.jpeg import TURBOJPEG_PACKAGE, Encoding, can_crop
from slide2iiif.options import COPYABLE_TILE_SIZES, MAX_PIXELS, MAX_TILES, TILE_SIZE, Options, choose_subsampling
from slide2iiif.plan.colours import Colours, choose_colours
from slide2iiif.plan.mpp import PixelSize, choose_pixel_size
from slide2iiif.plan.passes import Pass, match_levels, plan_passes
from slide2iiif.plan.provenance import TileOrigin, count_origins
from slide2iiif.sources.base import Description

_FOLDERS_PER_TILE = 3
"""Folders of a tile path: region, size and rotation. With the file a tile costs four inodes."""


class Counts(NamedTuple):
    """Number of files, names and folders of a service in a folder store."""

    files: int
    """Files, each counted once."""
    names: int
    """Names of files, hard links included."""
    folders: int
    """Folders, that of the service included."""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """Plan of one image service: its files, and the passes that make them."""

    identifier: str
    """Path below the base URL."""
    description: Description
    """Description of the slide."""
    pyramid: Pyramid
    """The published levels."""
    passes: tuple[Pass, ...]
    """Passes that make the levels, in the order in which they depend on each other."""
    api: Api
    """Image API version of the file names."""
    encoding: Encoding
    """JPEG parameters of encoded tiles."""
    colours: Colours
    """Handling of the colour profile."""
    pixel_size: PixelSize
    """Published size of a full-resolution pixel."""
    page_count: int = 0
    """Number of pages and manifests in the folder of the slide."""
    place: str = ""
    """Folder below the slide; empty for the service of the levels."""
    picture: str = ""
    """Name of the associated image; empty for the service of the levels."""
    notes: tuple[str, ...] = ()
    """Notes for the user: on the slide, and on the cost of the tile size."""

    @property
    def order(self) -> FileOrder:
        """Numbers of the service's files."""
        return order_files(self.pyramid, self.api)

    @property
    def steps(self) -> tuple[object, ...]:
        """Steps to the service's files."""
        return self.pyramid, self.passes, self.encoding

    @property
    def tile_count(self) -> int:
        """Number of tiles of all levels."""
        return self.pyramid.tile_count

    @property
    def file_count(self) -> int:
        """Number of paths that can be requested: tiles, pictures, aliases and documents."""
        return self.counts.names

    @property
    def _profile_count(self) -> int:
        return 1 if self.colours.carried else 0

    @property
    def document_count(self) -> int:
        """Number of documents, pages included: with 2.1 also the info.json of 3.0, for hosts that rewrite URLs."""
        return (2 if self.api is Api.V2 else 1) + self.page_count

    @property
    def inode_count(self) -> int:
        """Exact number of inodes in a folder store: files and folders; a hard link has none of its own.

        Folders above that of the slide are not counted.
        """
        return self.counts.files + self.counts.folders

    @property
    def counts(self) -> "Counts":
        """Files, names and folders in a folder store, with tiles of a single colour counted as files of their own."""
        return count_service(self.pyramid, self.api, self.document_count + self._profile_count)

    def stored_level_of(self, level: int) -> int | None:
        """Return the index of the stored level that a published level is made from, directly or not."""
        inputs = match_levels(self.pyramid, self.description.levels)
        return inputs[max(index for index in inputs if index <= level)]

    def origins_of(self, level: int) -> Counter[TileOrigin]:
        """Count the tiles of a published level by origin, supposing that the slide is not damaged."""
        maker = next(each for each in self.passes if level in each.levels or level in each.pictures)
        jpeg = None if maker.stored_level is None else self.description.levels[maker.stored_level].jpeg
        return count_origins(self.pyramid, maker, jpeg, level)

    @property
    def origins(self) -> Counter[tuple[int, TileOrigin]]:
        """Number of tiles by level and origin, supposing that the slide is not damaged."""
        levels = range(len(self.pyramid.levels))
        return Counter({(level, made): count for level in levels for made, count in self.origins_of(level).items()})

    @property
    def copies_full_resolution(self) -> bool:
        """True if the full-resolution tiles are copied."""
        return any(pass_.copies and pass_.input_level == 0 for pass_ in self.passes)

    @property
    def copied_bytes(self) -> dict[int, int]:
        """Bytes of the copied tiles, by published level."""
        found: dict[int, int] = {}
        for pass_ in self.passes:
            jpeg = self.description.levels[pass_.stored_level].jpeg if pass_.stored_level is not None else None
            if pass_.copies and jpeg is not None:
                found[pass_.input_level] = jpeg.stored_bytes
        return found


def count_service(pyramid: Pyramid, api: Api, documents: int) -> Counts:
    """Count the files, names and folders of a service in a folder store, by arithmetic alone.

    Args:
        pyramid: the published levels.
        api: Image API version of the file names.
        documents: number of documents, pages and profiles in its folder.
    """
    whole = pictures(pyramid, api)
    folders = {path.rsplit("/", cut)[0] for picture in whole for path in picture.paths for cut in range(1, 4)}
    tiles = sum(named_tile_count(pyramid, level, api) for level in pyramid.levels[:-1])
    # An alias of a tile shares the region's folder and adds a size and a rotation.
    aliases = sum(alias_count(pyramid, level, api) for level in pyramid.levels[:-1])
    return Counts(
        files=tiles + len(whole) + documents,
        names=tiles + aliases + sum(len(picture.paths) for picture in whole) + documents,
        folders=_FOLDERS_PER_TILE * tiles + 2 * aliases - shared_region_count(pyramid, api) + len(folders) + 1,
    )


def plan_service(identifier: str, description: Description, options: Options, page_count: int = 0) -> ServicePlan:
    """Plan the image service of one slide.

    Args:
        identifier: path below the base URL.
        description: description of the slide.
        options: options of the export.
        page_count: number of pages and manifests in the folder of the slide.

    Raises:
        SourceError: more pixels or tiles than the options allow.
    """
    if description.size.pixels > options.max_pixels:
        raise SourceError(
            f"has {description.size.pixels:,} pixels ({description.size}), and at most {options.max_pixels:,} are "
            f"allowed; if it is sound, raise {MAX_PIXELS.name}"
        )
    pyramid = plan_pyramid(description.size, options.tile_size or choose_tile_size(description))
    if pyramid.tile_count > options.max_tiles:
        raise SourceError(
            f"would have {pyramid.tile_count:,} tiles ({description.size} pixels), and at most {options.max_tiles:,} "
            f"are allowed; if it is sound, raise {MAX_TILES.name}"
        )
    colours = choose_colours(description, options)
    if colours.segment:
        levels = tuple(
            level if level.jpeg is None else replace(level, jpeg=level.jpeg.with_profile(colours.segment))
            for level in description.levels
        )
        description = replace(description, levels=levels)
    copies = not options.recompress and not colours.transformed_from
    plan = ServicePlan(
        identifier=identifier,
        description=description,
        pyramid=pyramid,
        passes=plan_passes(
            pyramid,
            description.levels,
            copy=copies,
            random_access=description.random_access,
        ),
        api=options.api,
        encoding=Encoding(options.quality, choose_subsampling(options), colours.segment),
        colours=colours,
        pixel_size=choose_pixel_size(description, options),
        page_count=page_count,
        notes=(*description.notes, *(_tile_size_notes(description, pyramid.tile_size) if copies else ())),
    )
    if options.require_lossless:
        check_lossless(plan)
    return plan


def _tile_size_notes(description: Description, tile_size: int) -> Iterator[str]:
    """Yield a note where a tile size prevents copying, with the tile size that would not."""
    stored = description.levels[0]
    if stored.jpeg is None or stored.jpeg.publishes(tile_size):
        return
    own = stored.tile.width if stored.tile else 0
    sizes = (size for size in (choose_tile_size(description), own) if size >= TILE_SIZE.low)
    best = next((size for size in sizes if stored.jpeg.publishes(size)), None)
    advice = f"with {TILE_SIZE.name} {best} they are copied" if best else "they are not square"
    yield f"tiles of {tile_size} pixels are encoded, because the slide stores tiles of {stored.tile}: {advice}"


def choose_tile_size(description: Description) -> int:
    """Choose the side of a tile in pixels: the stored one where such tiles can be copied, else the default."""
    stored = description.levels[0]
    if (
        stored.compression == "jpeg"
        and stored.tile is not None
        and stored.tile == Size(stored.tile.width, stored.tile.width)
        and stored.tile.width in COPYABLE_TILE_SIZES
    ):
        return stored.tile.width
    return TILE_SIZE.default


def check_lossless(plan: ServicePlan) -> None:
    """Check that all full-resolution tiles will be bit-exact.

    Raises:
        SourceError: some will not; the message has the reason.
    """
    stored = plan.description.levels[0]
    if not plan.copies_full_resolution:
        what = f"its tiles are {stored.compression or 'of unknown compression'}"
        if plan.colours.transformed_from:
            what = "its colours are transformed to sRGB, as --icc asks"
        elif stored.jpeg is not None:
            what = f"tiles of {plan.pyramid.tile_size} pixels cannot be taken from stored ones of {stored.tile}"
        raise SourceError(f"full resolution cannot be copied losslessly: {what}")
    if stored.jpeg is not None and not stored.jpeg.is_complete:
        raise SourceError("full resolution cannot be copied losslessly: the slide stores no pixels for some tiles")
    if not can_crop() and any(side % plan.pyramid.tile_size for side in plan.pyramid.size):
        raise SourceError(f"full resolution cannot be cropped losslessly: install {TURBOJPEG_PACKAGE}")
