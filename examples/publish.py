"""Publish a folder of slides from a timer or a queue: export, look at the exit code, say what failed.

    python examples/publish.py /data/slides /srv/iiif https://iiif.example.org/iiif

Prints one line for each slide that failed, with the reason, and one line of totals. Where another export holds
the tree it waits and tries again. Ends with the exit code of the export, so that cron, systemd or a CI job sees
failures. Options after the three places go to the export as they are, for example `--delete` or `--jobs 4`.
The program `slide2iiif` must be on the PATH.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ALL_WELL, SOME_FAILED, BUSY = 0, 1, 4
"""Exit codes of `slide2iiif export` that come with a summary, and the one that is worth waiting for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("source", help="folder of slides")
    parser.add_argument("dest", help="folder to publish into")
    parser.add_argument("base_url", help="URL under which that folder is served")
    parser.add_argument("--tries", type=int, default=10, help="how often to try while the tree is in use")
    parser.add_argument("--pause", type=float, default=60, help="seconds between tries")
    args, options = parser.parse_known_args(arguments)

    code, summary = export(args.source, args.dest, args.base_url, options)
    for _ in range(args.tries - 1):
        if code != BUSY:
            break
        time.sleep(args.pause)
        code, summary = export(args.source, args.dest, args.base_url, options)
    if summary is not None:
        report(summary)
    return code


def export(source: str, dest: str, base_url: str, options: Sequence[str]) -> tuple[int, dict[str, Any] | None]:
    """Run one export and give its exit code and its summary; without one, it has said itself what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "summary.json"
        command = ["slide2iiif", "export", source, dest, "--base-url", base_url, "--json", str(file), "--quiet"]
        # With --quiet, only errors are printed, and those are in the summary too.
        result = subprocess.run([*command, *options], check=False, stderr=subprocess.PIPE, text=True)
        if result.returncode in {ALL_WELL, SOME_FAILED} and file.exists():
            summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return result.returncode, summary
        print(result.stderr, end="", file=sys.stderr)
        return result.returncode, None


def report(summary: dict[str, Any]) -> None:
    """Print what failed, then the totals."""
    for slide in summary["slides"]:
        if slide["status"] == "failed":
            print(f"FAILED {slide['identifier']}: {slide['reason']}")
    counts = ", ".join(f"{count} {status}" for status, count in summary["counts"].items() if count)
    print(f"{counts or 'no slides'}; {summary['tiles']:,} tiles in {summary['seconds']:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
