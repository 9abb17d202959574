"""The receipts of a tree -> what people and viewers of manifests see: pages, manifests, collections.

| file | what it is |
|---|---|
| `<identifier>/index.html`, `<identifier>/manifest.json` | the viewer page and the manifest of a slide |
| `<folder>/index.html`, `<folder>/collection.json` | gallery and collection of a folder, the root included |
| `<folder>/!page2.html`, `<folder>/!page2.json` | the next part of a folder of more than a thousand entries |
| `!site-<digest>/` | style, scripts and icon, once for the tree; another version has another name |

No slide or folder can have such a name: identifiers escape the three fixed ones, and in an identifier `!` is followed
by two hexadecimal digits. Pages link by relative paths, so a tree works under any prefix and from any host; documents
have absolute ids, as IIIF demands.

A slide appears with its page and its manifest in the one step that publishes it. Pages of folders follow when the
slides are there, and come before when slides are removed, so no page leads to what is not there.
"""
