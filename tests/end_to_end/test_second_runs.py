"""What a second run says of what the first one left."""

import shutil
import subprocess
import sys
from pathlib import Path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "slide2iiif", "export", *map(str, arguments)]
    return subprocess.run([*command, "--base-url", "https://host/iiif"], capture_output=True, text=True, check=False)


def test_a_slide_with_damaged_tiles_is_told_of_again_though_it_is_unchanged(slides: Path, tmp_path: Path) -> None:
    source = tmp_path / "slides"
    source.mkdir()
    shutil.copyfile(slides / "broken" / "made-zeroed-tiles.svs", source / "a.svs")
    first = run(source, tmp_path / "public", "--damaged", "placeholder")
    second = run(source, tmp_path / "public", "--damaged", "placeholder")
    assert (first.returncode, second.returncode) == (1, 1)
    assert "unchanged        1" in second.stdout
    assert "a.svs: 43 damaged tiles" in second.stdout


def test_what_must_be_lossless_is_looked_at_again(slides: Path, tmp_path: Path) -> None:
    source = slides / "tiff" / "boxes.tiff"
    assert run(source, tmp_path / "public").returncode == 0
    again = run(source, tmp_path / "public", "--require-lossless")
    assert again.returncode == 1
    assert "full resolution cannot be copied losslessly" in again.stdout
