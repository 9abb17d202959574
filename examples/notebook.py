"""Publish a folder of slides from Python, look at what failed, check the tree, and move it to another URL.

python notebook.py slides/ public/ https://iiif.example.org/iiif
"""

import sys

import slide2iiif
from slide2iiif.progress import Silent


class Dots(Silent):
    """Progress as a dot a slide."""

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        """Print a dot, or why a slide failed."""
        print(f"\n{identifier}: {note}" if status == "failed" else ".", end="", flush=True)


def main(source: str, dest: str, base_url: str) -> int:
    """Publish, check and repair; return the exit code that the command line would have."""
    summary = slide2iiif.export(source, dest, base_url, progress=Dots())
    print(f"\n{summary.total('tiles'):,} tiles, {summary.total('exact'):,} of them bit-exact copies")
    verified = slide2iiif.verify(dest)
    if verified.findings:
        for repaired in slide2iiif.repair(dest, source):
            print(f"{repaired.slide}: {repaired.files} files put right {repaired.reason}")
    print(f"{verified.slides} slides, {verified.files:,} URLs checked")
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
