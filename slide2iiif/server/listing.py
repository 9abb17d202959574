"""The list of slides as one self-contained page of HTML, without script."""

import hashlib
import html
from base64 import b64encode

from slide2iiif.iiif.info import DOCUMENT_NAME

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; }
ul { list-style: none; padding: 0; display: grid; }
ul { grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
li { margin: 0 1rem 1.5rem 0; overflow-wrap: anywhere; }
img { display: block; width: 90px; background: #eee; }
"""
_STYLE_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; img-src 'self'; style-src 'sha256-{_STYLE_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def write_page(slides: list[str], *, version_3_prefix: str, is_cut: bool) -> str:
    """Write the page that lists the slides.

    Args:
        slides: identifiers. They need no escape in a URL path, and are escaped in HTML nevertheless.
        version_3_prefix: first name of the paths of Image API 3.0.
        is_cut: True if the tree has more slides.
    """
    count = f"{len(slides):,}"
    note = f"The first {count} slides of the tree." if is_cut else f"Slides: {count}."
    items = "\n".join(_item(html.escape(slide), html.escape(version_3_prefix)) for slide in slides)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>slide2iiif preview</title>\n'
        f"<style>{_STYLE}</style>\n<h1>Preview</h1>\n<p>{note}</p>\n<ul>\n{items}\n</ul>\n</html>\n"
    )


def _item(slide: str, version_3_prefix: str) -> str:
    return (
        f'<li><img src="/{slide}/full/90,/0/default.jpg" alt="" loading="lazy">{slide}<br>'
        f'<a href="/{slide}/{DOCUMENT_NAME}">info.json</a> '
        f'<a href="/{version_3_prefix}/{slide}/{DOCUMENT_NAME}">info.json 3.0</a></li>'
    )
