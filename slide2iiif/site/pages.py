"""HTML pages of folders and slides. The one module that uses Jinja, which escapes every value.

Scripts, styles and addresses of a page come from its template alone: file names are hostile, and the
Content-Security-Policy of the page is the second barrier.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import write_info
from slide2iiif.iiif.manifest import PAGE_NAME, Subject, metadata
from slide2iiif.options import SiteOptions, Viewer
from slide2iiif.site import openseadragon
from slide2iiif.site.assets import TEMPLATES, asset_folder
from slide2iiif.site.cards import Card, Picture
from slide2iiif.site.labels import display_name, parent_folder

PRESETS = (1, 5, 10, 20, 40)
"""Magnifications with a button, up to that of the objective."""

_SHARES = (0.1, 0.25, 0.5, 1)
"""Fractions of full resolution with a button, where the objective is unknown."""

_NEIGHBOURS = 2
"""Number of page links on either side of the current page."""


@dataclass(frozen=True, slots=True)
class FolderCard:
    """Card of a folder on the page of the folder above."""

    label: str
    href: str
    facts: str
    cover: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Part:
    """Content of one page of a folder, of up to a thousand entries."""

    folder: str
    """Path of the folder; empty for the root."""
    number: int
    """Number of the page, from 1."""
    count: int
    """Number of pages of the folder."""
    summary: str
    """Summary of the folder in words."""
    folders: Sequence[FolderCard]
    slides: Sequence[Card]


def page_name(number: int) -> str:
    """Return the file name of a page of a folder. No identifier begins with `!p`."""
    return PAGE_NAME if number == 1 else f"!page{number}.html"


def write_folder_page(part: Part, options: SiteOptions) -> bytes:
    """Write a page of a folder."""
    return _render(
        "folder.html",
        options,
        part.folder,
        depth=_depth(part.folder),
        policy=_policy("'self'"),
        summary=part.summary,
        folders=part.folders,
        slides=part.slides,
        page=part.number,
        pages=part.count,
        page_links=_page_links(part.number, part.count),
    )


def write_slide_page(
    identifier: str, subject: Subject, options: SiteOptions, associated: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Write the viewer page of a slide.

    Args:
        identifier: path of the slide.
        subject: published metadata of the slide.
        options: options of the site.
        associated: name and path, below the slide, of its associated images.
    """
    depth = identifier.count("/") + 1
    is_local = options.viewer is Viewer.LOCAL
    assets = _assets(depth)
    pyramid = subject.service.pyramid
    info = json.loads(write_info(subject.service, subject.api))
    # The page takes its own address instead, which may differ from that in the documents.
    del info["id" if subject.api is Api.V3 else "@id"]
    info.pop("service", None)
    return _render(
        "slide.html",
        options,
        identifier,
        heading=subject.label,
        depth=depth,
        policy=_policy("'self'" if is_local else f"'self' {openseadragon.CDN}"),
        viewer_script=f"{assets}/{openseadragon.NAME}" if is_local else openseadragon.CDN,
        integrity="" if is_local else openseadragon.DIGEST,
        metadata=metadata(subject),
        associated=associated,
        mirador=options.mirador,
        presets=_presets(subject.objective),
        slide_json=json.dumps(
            {
                "api": subject.api.value,
                "info": info,
                "width": pyramid.size.width,
                "height": pyramid.size.height,
                "tile": pyramid.tile_size,
                "levels": len(pyramid.levels),
                "sizes": info["sizes"],
                "mpp": subject.service.plausible_mpp,
                "objective": subject.objective,
            }
        ),
    )


def load_templates() -> None:
    """Load the templates, so that the first page does not wait for them."""
    for name in ("folder.html", "slide.html"):
        _template(name)


def _render(template: str, options: SiteOptions, path: str, *, depth: int, heading: str = "", **values: Any) -> bytes:
    text = _template(template).render(
        title=options.title,
        heading=heading or (display_name(path) if path else options.title),
        crumbs=_breadcrumbs(path, depth, options.title),
        assets=_assets(depth),
        rights=options.rights,
        attribution=options.attribution,
        **values,
    )
    return text.encode("utf-8", "backslashreplace")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


def _policy(scripts: str) -> str:
    """Return the Content Security Policy (level 3): images, style and scripts of the tree, and nothing else."""
    return (
        f"default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src {scripts}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )


def _assets(depth: int) -> str:
    return f"{'../' * depth}{asset_folder()}"


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _breadcrumbs(path: str, depth: int, title: str) -> list[dict[str, str]]:
    """Return the breadcrumbs: links to the folders above, the root first."""
    folders: list[str] = []
    place = path
    while place:
        place = parent_folder(place)
        folders.append(place)
    return [
        {"label": display_name(each) if each else title, "href": f"{'../' * (depth - _depth(each))}{PAGE_NAME}"}
        for each in reversed(folders)
    ]


def _page_links(number: int, count: int) -> list[tuple[int, str]]:
    """Return the page links: the first, the last and those around the current page; 0 for a gap."""
    near = {1, count, *range(number - _NEIGHBOURS, number + _NEIGHBOURS + 1)}
    links: list[tuple[int, str]] = []
    for each in sorted(each for each in near if 1 <= each <= count):
        if links and each > links[-1][0] + 1:
            links.append((0, ""))
        links.append((each, page_name(each)))
    return links


def _presets(objective: float | None) -> list[dict[str, str]]:
    if objective is None:
        return [
            {"scale": f"{share:g}", "label": f"{share:.0%}", "title": f"{share:.0%} of full resolution"}
            for share in _SHARES
        ]
    return [
        {"scale": repr(power / objective), "label": f"{power}×", "title": f"Magnification {power}×"}
        for power in PRESETS
        if power <= objective
    ]
