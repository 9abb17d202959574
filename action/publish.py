"""Run an export as a step of GitHub Actions: outputs, a summary with a link for each slide, an error for each failure.

Reads `SOURCE`, `TARGET`, `BASE_URL`, `OPTIONS` and `LFS` from the environment, as action.yml sets them, and what
GitHub sets for every step. Ends with the exit code of the export.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ALL_WELL, SOME_FAILED, WRONG_ARGUMENTS = 0, 1, 2
COUNTS = ("exported", "failed", "unchanged")
"""Outputs that are numbers of slides."""
LISTED = 1000
"""Slides with a line of their own; GitHub takes summaries of a megabyte."""
POINTER_BYTES = 1024
"""Bytes that a pointer of Git LFS has less than."""
FETCH = Path(__file__).parents[1] / "examples" / "fetch_slides.py"


def main(environment: Mapping[str, str]) -> int:
    """Publish and report."""
    summary = Path(environment["RUNNER_TEMP"], "slide2iiif.json")
    summary.unlink(missing_ok=True)
    try:
        options = shlex.split(environment["OPTIONS"])
    except ValueError as error:
        print(f"::error title=slide2iiif::options: {message(str(error))}")
        return WRONG_ARGUMENTS
    places = [environment["SOURCE"], environment["TARGET"], "--base-url", environment["BASE_URL"], *options]
    source = Path(environment["SOURCE"])
    if environment["LFS"] == "true" and has_pointers(source) and (code := fetch(places, summary, source)):
        return code
    code = subprocess.run(["slide2iiif", "export", *places, "--json", str(summary)], check=False).returncode
    if code in {ALL_WELL, SOME_FAILED}:
        page = "info.json" if "--no-site" in options else "index.html"
        report(json.loads(summary.read_text(encoding="utf-8")), summary, environment, page)
    else:
        print("::error title=slide2iiif::the export has ended early; its last line says why")
    return code


def has_pointers(source: Path) -> bool:
    """Return True if a file below a folder is a pointer of Git LFS."""
    small = (path for path in source.rglob("*") if path.is_file() and path.stat().st_size < POINTER_BYTES)
    return any(path.read_bytes().startswith(b"version https://git-lfs") for path in small)


def fetch(places: list[str], plan: Path, source: Path) -> int:
    """Fetch the slides that are to be made from Git LFS; return the exit code of what kept that from being done."""
    command = ["slide2iiif", "export", *places, "--dry-run", "--quiet", "--json", str(plan)]
    # What fails now is named again by the export, and is no failure where it only has to be fetched.
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode not in {ALL_WELL, SOME_FAILED}:
        print(done.stderr, end="", file=sys.stderr)
        print("::error title=slide2iiif::the export cannot begin; the line before says why")
        return done.returncode
    code = subprocess.run([sys.executable, str(FETCH), str(source), str(plan)], check=False).returncode
    plan.unlink()
    if code:
        print("::error title=slide2iiif::slides could not be fetched from Git LFS")
    return code


def report(summary: Mapping[str, Any], file: Path, environment: Mapping[str, str], page: str) -> None:
    """Write outputs, errors and the summary of the job."""
    with Path(environment["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.writelines(f"{name}={summary['counts'][name]}\n" for name in COUNTS)
        print(f"json={file}", file=outputs)
    for slide in summary["slides"]:
        if slide["status"] == "failed":
            print(f"::error title=slide2iiif::{message(slide['identifier'])}: {message(slide['reason'])}")
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as text_file:
        text_file.writelines(f"{line}\n" for line in lines(summary, environment["BASE_URL"].rstrip("/"), page))


def lines(summary: Mapping[str, Any], base_url: str, page: str) -> Iterator[str]:
    """Yield the lines of the summary of the job, in Markdown."""
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in summary["counts"].items() if count)
    yield from ("### Slides", "", f"{counts or 'no slides'}; {summary['tiles']:,} tiles.", "")
    slides = [slide for slide in summary["slides"] if slide["status"] not in {"unchanged", "passed_over"}]
    if slides:
        yield from ("| slide | | |", "|---|---|---|")
    yield from (row(slide, base_url, page) for slide in slides[:LISTED])
    if len(slides) > LISTED:
        yield from ("", f"… and {len(slides) - LISTED:,} more.")


def row(slide: Mapping[str, Any], base_url: str, page: str) -> str:
    """Return the line of a slide, with a link to its page, or its document, where it is published."""
    name = text(slide["identifier"])
    if slide["status"] in {"exported", "rebased"}:
        name = f"[{name}]({base_url}/{slide['identifier']}/{page})"
    return f"| {name} | {slide['status']} | {text(slide['reason'] or slide['note'])} |"


def message(words: str) -> str:
    """Return words as a line of the log carries them: it cannot begin a command of its own."""
    plain = words.encode("utf-8", "backslashreplace").decode()
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def text(words: str) -> str:
    """Return words as a cell of a table in Markdown shows them, whatever is in them."""
    plain = words.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[^\w .,:;()/=+%'-]", lambda match: f"&#{ord(match[0])};", plain)


if __name__ == "__main__":
    sys.exit(main(os.environ))
