"""Facts of a slide, and what an export would do with it."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slide2iiif.cli.arguments import given_path
from slide2iiif.cli.workers import add_open_timeout, add_worker_memory, worker_engine
from slide2iiif.iiif.api import Api
from slide2iiif.options import OPEN_TIMEOUT, WORKER_MEMORY, Options, parse_tile_size

if TYPE_CHECKING:
    from slide2iiif.engines.base import Engine
    from slide2iiif.geometry import Region
    from slide2iiif.plan.service import ServicePlan

HELP = "tell what a slide is and how it would be exported"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "slides", metavar="SLIDE", nargs="+", type=given_path, help="slide file; of several, or of a folder, a table"
    )
    parser.add_argument("--api", choices=[str(api) for api in Api], default=str(Api.V2), help="as for export")
    parser.add_argument("--tile-size", metavar="auto|N", default="auto", help="as for export")
    parser.add_argument(
        "--phi", action="store_true", help="list what the slide holds that is not published unless it is asked for"
    )
    add_open_timeout(parser, "give up where opening it takes longer")
    add_worker_memory(parser, "give up where it takes more memory to open it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if len(args.slides) > 1 or args.slides[0].is_dir():
        from slide2iiif.cli.inspect_table import print_table

        return print_table(args, _looked_into)
    facts = look_into(args)
    if args.json:
        print(json.dumps(facts, indent=1))
    else:
        _print(facts)
        if args.phi:
            _print_kept_back(facts["kept_back"])
    return 0


def look_into(args: argparse.Namespace) -> dict[str, Any]:
    """Return the facts of the slide that the command line names.

    Raises:
        SourceError: it cannot be opened.
        UsageError: the arguments make no sense.
    """
    memory = WORKER_MEMORY.parse(args.worker_memory)
    with worker_engine(1, memory) as engine:
        return _looked_into(args, args.slides[0], engine)


def _looked_into(args: argparse.Namespace, path: Path, engine: "Engine") -> dict[str, Any]:
    options = Options(api=Api(args.api), tile_size=parse_tile_size(args.tile_size))
    timeout = OPEN_TIMEOUT.parse(args.open_timeout)

    from slide2iiif.engines.base import Deadlines
    from slide2iiif.errors import SourceError
    from slide2iiif.iiif.identifiers import encode_path
    from slide2iiif.plan.service import plan_service
    from slide2iiif.progress import printable
    from slide2iiif.sources.describe import DescribeTask, describe

    try:
        task = DescribeTask(path, with_area=True, with_kept_back=args.phi)
        found = engine.call(describe, task, Deadlines(open_seconds=timeout).opening)
        plan = plan_service(encode_path(Path(path.name)), found.description, options)
    except SourceError as error:
        raise SourceError(f"{printable(str(path))}: {error}") from None
    facts = _facts(plan)
    facts["scanned_area"] = _scanned_area(found.area, facts)
    if found.kept_back is not None:
        facts["kept_back"] = asdict(found.kept_back)
    return facts


def _scanned_area(area: "Region | None", facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return what would be left of a slide cut down to its scanned area; None where it names none."""
    if area is None:
        return None
    saved = 1 - area.size.pixels / (facts["width"] * facts["height"])
    return {**area._asdict(), "saved": round(saved, 4)}


def _print_kept_back(found: dict[str, Any]) -> None:
    from slide2iiif.progress import printable

    for what, title in (("properties", "properties"), ("segments", "in stored tiles")):
        print(f"kept back, {title}" if found[what] else f"kept back, {title}  none")
        for name, value in found[what].items():
            print(f"  {printable(name)} = {printable(value)}")
    print("kept back, pictures" if found["associated"] else "kept back, pictures  none")
    for name, (width, height) in found["associated"].items():
        print(f"  {printable(name)}  {width} × {height}")


def _facts(plan: "ServicePlan") -> dict[str, Any]:
    from slide2iiif.plan.provenance import EXACT

    description = plan.description
    return {
        "identifier": plan.identifier,
        "format": description.format,
        "reader": description.reader,
        "width": description.size.width,
        "height": description.size.height,
        "microns_per_pixel": description.microns_per_pixel,
        "microns_per_pixel_published": plan.pixel_size.microns_per_pixel,
        "microns_per_pixel_note": plan.pixel_size.note,
        "objective": description.objective,
        "notes": list(plan.notes),
        "colour_profile": _profile_fact(description.profile),
        "stored_levels": [
            {
                "width": level.size.width,
                "height": level.size.height,
                "tile": list(level.tile) if level.tile else None,
                "compression": level.compression,
            }
            for level in description.levels
        ],
        "tile_size": plan.pyramid.tile_size,
        "levels": _level_facts(plan),
        "tiles": plan.tile_count,
        "bit_exact_tiles": sum(count for (_, made), count in plan.origins.items() if made in EXACT),
        "files": plan.file_count,
        "inodes": plan.inode_count,
        "whole_image": {
            "width": plan.pyramid.overview.size.width,
            "height": plan.pyramid.overview.size.height,
        },
    }


def _profile_fact(profile: bytes | None) -> dict[str, Any] | None:
    """Return the length of a colour profile, and whether it says only what viewers take for granted."""
    from slide2iiif.imaging.icc import is_srgb

    return None if profile is None else {"bytes": len(profile), "is_srgb": is_srgb(profile)}


def _level_facts(plan: "ServicePlan") -> list[dict[str, Any]]:
    return [
        {
            "scale": level.scale,
            "width": level.size.width,
            "height": level.size.height,
            "tiles": level.tile_count,
            "from_stored_level": plan.stored_level_of(level.index),
            "made": {made.value: count for made, count in sorted(plan.origins_of(level.index).items())},
        }
        for level in plan.pyramid.levels
    ]


def _print(facts: dict[str, Any]) -> None:
    from slide2iiif.progress import printable

    mpp = facts["microns_per_pixel"]
    note = f" ({facts['microns_per_pixel_note']})" if facts["microns_per_pixel_note"] else ""
    print(f"format      {facts['format']}, read by {facts['reader']}")
    print(f"size        {facts['width']} × {facts['height']} pixels")
    print(f"resolution  {f'{mpp:.4g} µm a pixel{note}' if mpp else 'unknown'}")
    objective = facts["objective"]
    print(f"objective   {f'{objective:g}×' if objective else 'unknown'}")
    for note in facts["notes"]:
        print(f"note        {printable(note)}")
    profile = facts["colour_profile"]
    if profile:
        print(f"colours     profile of {profile['bytes']:,} bytes, {'sRGB' if profile['is_srgb'] else 'not sRGB'}")
    area = facts["scanned_area"]
    if area:
        place = f"{area['width']} × {area['height']} pixels at {area['x']}, {area['y']}"
        print(f"scanned     {place}: --crop-to-bounds saves {area['saved']:.0%} of the pixels")
    print("stored levels")
    for index, level in enumerate(facts["stored_levels"]):
        tile = f"tiles of {level['tile'][0]} × {level['tile'][1]}" if level["tile"] else "no tiles"
        compression = level["compression"] or "compression unknown"
        print(f"  {index:>2}  {_dimensions(level)} {tile}, {compression}")
    print(f"published levels, in tiles of {facts['tile_size']}")
    for level in facts["levels"]:
        print(f"  1/{level['scale']:<6} {_dimensions(level)} {level['tiles']:>9,} tiles  {_origin(level)}")
    print(
        f"in all      {facts['tiles']:,} tiles ({facts['bit_exact_tiles'] / facts['tiles']:.0%} bit-exact), "
        f"{facts['files']:,} URLs, {facts['inodes']:,} inodes"
    )


def _origin(level: dict[str, Any]) -> str:
    parts = [f"{count:,} {made}" for made, count in level["made"].items()]
    return f"{', '.join(parts)} from stored level {level['from_stored_level']}"


def _dimensions(level: dict[str, Any]) -> str:
    return f"{level['width']:>7} × {level['height']:<7}"
