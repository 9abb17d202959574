"""Where the slides of a benchmark come from: real ones, generated ones, and folders of copies."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
_MEGAPIXEL = 1e6


class MissingSlideError(Exception):
    """A real slide is not on this machine."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is exported in one run."""

    text: str
    """For people: name and dimensions."""
    source: Path
    """A slide or a folder of copies of it: what our tool is given."""
    slides: tuple[Path, ...]
    """The slides in it: what a peer is given, one after the other."""
    megapixels: float
    """Pixels of all slides at full resolution, in millions."""
    finest_tiles: int
    """Tiles of the finest level of all slides: whoever writes fewer files has not exported them."""


class Shelf:
    """Gives slides; what it makes, it keeps in a cache folder for the next time."""

    def __init__(self, cache: Path, program: str) -> None:
        """Take a folder for generated slides and copies, and the path of the program `slide2iiif`."""
        self._cache = cache
        self._program = program
        self._real = Path(os.environ.get("SLIDE2IIIF_SLIDES", REPOSITORY.parent / "shared" / "slides"))

    def real(self, name: str) -> Path:
        """Give a slide of the collection.

        Raises:
            MissingSlideError: it is not there.
        """
        path = self._real / name
        if not path.exists():
            raise MissingSlideError(f"{name} is not in the collection; set SLIDE2IIIF_SLIDES to its folder")
        # So that the first contestant does not pay for reading the disk.
        shutil.copyfile(path, os.devnull)
        return path

    def generated(self, width: int, height: int, scales: tuple[int, ...]) -> Path:
        """Give a generated Aperio slide with JPEG levels at these scales."""
        levels = "-".join(map(str, scales))
        path = self._cache / "generated" / f"{width}x{height}-{levels}.svs"
        if not path.exists():
            from slide2iiif.geometry import Size
            from slide2iiif.samples import write_aperio

            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part.svs")
            write_aperio(unfinished, Size(width, height), scales=scales)
            unfinished.rename(path)
        return path

    def single(self, slide: Path, tile_size: int) -> Material:
        """Describe one slide."""
        return self._describe(slide, slide, (slide,), tile_size)

    def repeated(self, slide: Path, tile_size: int, copies: int, *, with_folder: bool) -> Material:
        """Make a folder of copies of a slide.

        Args:
            slide: the file.
            tile_size: side of a tile, for counting.
            copies: how many.
            with_folder: whether all files beside it belong to it, as in a DICOM series.
        """
        folder = self._cache / "copies" / slide.stem
        if folder.exists():
            shutil.rmtree(folder)
        first = folder / "0000"
        if with_folder:
            shutil.copytree(slide.parent, first)
        else:
            first.mkdir(parents=True)
            shutil.copyfile(slide, first / slide.name)
        for number in range(1, copies):
            shutil.copytree(first, folder / f"{number:04}", copy_function=os.link)
        slides = tuple(folder / f"{number:04}" / slide.name for number in range(copies))
        return self._describe(slide, folder, slides, tile_size)

    def _describe(self, slide: Path, source: Path, slides: tuple[Path, ...], tile_size: int) -> Material:
        facts = self._inspect(slides[0], tile_size)
        width, height = facts["width"], facts["height"]
        times = f"{len(slides)} times " if len(slides) > 1 else ""
        return Material(
            text=f"{times}{slide.name}, {width} × {height} pixels",
            source=source,
            slides=slides,
            megapixels=len(slides) * width * height / _MEGAPIXEL,
            finest_tiles=len(slides) * facts["levels"][0]["tiles"],
        )

    def _inspect(self, slide: Path, tile_size: int) -> dict[str, Any]:
        command = [self._program, "inspect", str(slide), "--tile-size", str(tile_size), "--json"]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        facts: dict[str, Any] = json.loads(result.stdout)
        return facts
