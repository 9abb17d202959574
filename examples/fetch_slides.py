"""Fetch from Git LFS the slides that an export is going to make, and no others.

    slide2iiif export slides s3://bucket/iiif --base-url https://host/iiif --dry-run --json plan.json
    python fetch_slides.py slides plan.json

For a checkout without LFS files (`GIT_LFS_SKIP_SMUDGE=1`, or `lfs: false`). The export takes a pointer whose file is
published for unchanged and refuses any other one: those that are refused in the dry run are fetched. Ends with 1 where
one cannot be. A slide of several files is fetched with all of them; of DICOM, where the files of a series know each
other by their content alone, all pointers of the folder.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOGETHER = 4
"""Files that are fetched at the same time."""
BEGINNING = b"version https://git-lfs"


def main(root: Path, plan: Path) -> int:
    """Fetch what a plan needs, and return the exit code."""
    slides = json.loads(plan.read_text(encoding="utf-8"))["slides"]
    failed = [root / slide["source"] for slide in slides if slide["status"] == "failed" and slide["source"]]
    wanted = sorted({path for slide in failed for path in files_of(slide) if is_pointer(path)})
    print(f"{len(wanted)} files to fetch")
    with ThreadPoolExecutor(TOGETHER) as threads:
        return 0 if all(list(threads.map(fetch, wanted))) else 1


def files_of(slide: Path) -> Iterator[Path]:
    """Yield all files that may belong to a slide."""
    yield slide
    yield from slide.with_suffix("").rglob("*")
    if may_be_dicom(slide):
        yield from filter(may_be_dicom, slide.parent.iterdir())
    if slide.suffix.lower() in {".vms", ".vmu"}:
        yield from (path for path in slide.parent.iterdir() if path.name.startswith(slide.stem))


def may_be_dicom(path: Path) -> bool:
    """Return True if a file may be DICOM by its name: a suffix for it, none, or the digits of a UID."""
    suffix = path.suffix.lower()
    return suffix in {"", ".dcm", ".dicom"} or suffix[1:].isdecimal()


def is_pointer(path: Path) -> bool:
    """Return True if a file is a pointer that stands for another one."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING


def fetch(path: Path) -> bool:
    """Put the file in place of its pointer; return False, and say so, where it cannot be had."""
    fresh = path.with_name(f".{path.name}.part")
    environment = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "0"}
    command = ["git", "lfs", "smudge", "--", path.name]
    with path.open("rb") as pointer, fresh.open("wb") as file:
        done = subprocess.run(command, check=False, stdin=pointer, stdout=file, cwd=path.parent, env=environment)
    if done.returncode or is_pointer(fresh):
        fresh.unlink()
        print(f"{path}: cannot be fetched", file=sys.stderr)
        return False
    fresh.replace(path)
    return True


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
