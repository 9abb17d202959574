"""What is shown -> HTML. The one module that knows Jinja, which escapes every value.

No script, style or address stands in a page that does not come from a template: names of files are hostile, and the
Content-Security-Policy of the page would stop what slipped through.
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
"""Magnifications that have a button, up to the objective's."""

_SHARES = (0.1, 0.25, 0.5, 1)
"""Shares of full resolution that have a button where no objective is known."""

_NEIGHBOURS = 2
"""Pages to either side of the shown one that are named."""


@dataclass(frozen=True, slots=True)
class FolderCard:
    """A folder in the page of the folder above."""

    label: str
    href: str
    facts: str
    cover: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a folder: all of it, or a thousand entries."""

    folder: str
    """Path; empty for the root."""
    number: int
    """From 1."""
    count: int
    """Pages of the folder."""
    summary: str
    """What the folder holds, in words."""
    folders: Sequence[FolderCard]
    slides: Sequence[Card]


def page_name(number: int) -> str:
    """Give the name of a page of a folder. `!p` begins no identifier."""
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
        subject: what is shown of it.
        options: what was asked for.
        associated: name and path, below the slide, of the pictures that are published with it.
    """
    depth = identifier.count("/") + 1
    is_local = options.viewer is Viewer.LOCAL
    assets = _assets(depth)
    pyramid = subject.service.pyramid
    info = json.loads(write_info(subject.service, subject.api))
    # The page knows where it is, which may be another place than the documents say.
    del info["id" if subject.api is Api.V3 else "@id"]
    info.pop("service", None)
    return _render(
        "slide.html",
        options,
        identifier,
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
    """Make ready what the first page needs."""
    for name in ("folder.html", "slide.html"):
        _template(name)


def _render(template: str, options: SiteOptions, path: str, *, depth: int, **values: Any) -> bytes:
    text = _template(template).render(
        title=options.title,
        heading=display_name(path) if path else options.title,
        crumbs=_crumbs(path, depth, options.title),
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
    """Content Security Policy, level 3: the page's own pictures, style and scripts, and nothing else."""
    return (
        f"default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src {scripts}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )


def _assets(depth: int) -> str:
    return f"{'../' * depth}{asset_folder()}"


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _crumbs(path: str, depth: int, title: str) -> list[dict[str, str]]:
    """Links to the folders above, the root first."""
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
    """Pages to link to: the first, the last, and those around; 0 stands for those between."""
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
