"""OpenSeadragon, the viewer of slide pages: one file of the npm package, pinned by version and digest.

By default pages load it from a CDN. Browsers run it only if it has the digest that the page names (Subresource
Integrity), so the CDN can fail but not change it. jsDelivr serves the files of npm packages unchanged by version, from
several networks behind one name. Where there is no internet, or a third party must not learn who views slides, the
file lies in the tree.
"""

import base64
import contextlib
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

from slide2iiif.errors import UsageError

PACKAGE = "openseadragon"
VERSION = "6.1.1"
FILE = "build/openseadragon/openseadragon.min.js"
"""Path of the file in the package."""
DIGEST = "sha384-KKly+4vqqBHitr2XfNKWa3+0asIVpzYs2HijkM/zz0X6rgnyLuQEVERX9HqkM5/P"
"""SHA-384 of the file, in the form of Subresource Integrity."""
CDN = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/{FILE}"
NAME = f"{PACKAGE}-{VERSION}.min.js"
"""Name of the file in a tree."""

_LIMIT = 5_000_000
_SECONDS = 120


def is_viewer(script: bytes | None) -> bool:
    """Return True if a script is the pinned file."""
    return script is not None and _digest(script) == DIGEST


def read_viewer(place: Path) -> bytes:
    """Read the viewer from a tarball, a package folder, or a folder with `node_modules`.

    Raises:
        UsageError: the file is missing or of another version.
    """
    try:
        script = _from_folder(place) if place.is_dir() else _from_tarball(place)
    except (OSError, tarfile.TarError, EOFError, KeyError) as error:
        raise UsageError(f"--viewer-files {place}: cannot be read: {error}") from None
    if script is None:
        raise UsageError(f"--viewer-files {place}: has no {FILE}; give the npm package {PACKAGE}@{VERSION}")
    if not is_viewer(script):
        raise UsageError(f"--viewer-files {place}: is not {PACKAGE}@{VERSION} as it was published; get exactly that")
    return script


def fetch_viewer() -> bytes:
    """Fetch the package by npm and read the viewer from it.

    Raises:
        UsageError: npm is missing or fails, or the package is another one.
    """
    help_ = f"give the package by --viewer-files, or take --viewer cdn (`npm pack {PACKAGE}@{VERSION}` makes a file)"
    with tempfile.TemporaryDirectory(prefix="slide2iiif-") as folder:
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS, cwd=folder)
        except FileNotFoundError:
            raise UsageError(f"--viewer local: npm is not installed; {help_}") from None
        except subprocess.TimeoutExpired:
            raise UsageError(f"--viewer local: npm does not answer; {help_}") from None
        tarballs = list(Path(folder).glob("*.tgz"))
        if done.returncode or not tarballs:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UsageError(f"--viewer local: npm failed: {reason}; {help_}")
        return read_viewer(tarballs[0])


def _from_folder(folder: Path) -> bytes | None:
    for place in (folder, folder / PACKAGE, folder / "node_modules" / PACKAGE):
        if (place / FILE).is_file():
            with (place / FILE).open("rb") as file:
                return file.read(_LIMIT)
    return None


def _from_tarball(file: Path) -> bytes | None:
    with tarfile.open(file) as package, contextlib.suppress(KeyError):
        member = package.extractfile(f"package/{FILE}")
        return member.read(_LIMIT) if member is not None else None
    return None


def _digest(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")
