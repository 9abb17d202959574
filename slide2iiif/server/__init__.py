"""Preview server: a published tree as HTTP on this computer, to view it before it is on its host.

The documents of a tree have the base URL of its host, from which viewers build all further requests. So documents
are rewritten as they are served, to name this server. Otherwise the preview answers as the nginx configuration does,
for a few viewers at a time; it is not made for the open network.

| request | answer |
|---|---|
| `/` | the tree's own `index.html`, or a list of the slides |
| `/<folder>/`, `/<identifier>/` | its `index.html`; without one, 303 to the document of a slide |
| `/<identifier>` | 303 to its document |
| `/<folder>` | 301 to `/<folder>/`, if it has an `index.html` |
| `/<identifier>/manifest.json`, `/<folder>/collection.json` | the document, with the address of this server |
| `/<identifier>/info.json` | the document of the stored version |
| `/<identifier>/<region>/<size>/0/default.jpg` | the file |
| `/!3/<identifier>/…` | the same as version 3.0, whichever version is stored |

`!3` cannot begin an identifier: there, `!` is followed by two hexadecimal digits.
"""

from slide2iiif.server.http_server import Log, PreviewServer, open_preview
from slide2iiif.server.routes import VERSION_3_PREFIX

__all__ = ["VERSION_3_PREFIX", "Log", "PreviewServer", "open_preview"]
