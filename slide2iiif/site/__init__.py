"""Pages, manifests and collections of a tree, written from its receipts.

| file | content |
|---|---|
| `<identifier>/index.html`, `<identifier>/manifest.json` | the viewer page and the manifest of a slide |
| `<folder>/index.html`, `<folder>/collection.json` | gallery and collection of a folder, the root included |
| `<folder>/!page2.html`, `<folder>/!page2.json` | the following pages of a folder of more than a thousand entries |
| `!site-<digest>/` | style, scripts and icon, once for the tree; its name changes with their content |

No slide or folder can have such a name: identifiers escape the three fixed ones, and in an identifier `!` is followed
by two hexadecimal digits. Links of pages are relative, so a tree works under any prefix and from any host; documents
have absolute ids, as IIIF demands.

A slide is published in one step with its page and its manifest. Pages of folders are written after slides are
published and before slides are removed, so that no page links to a missing slide.
"""
