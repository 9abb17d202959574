"""The house: its rooms from the lowest floor up."""

ROOMS = (
    ("errors", "geometry"),
    ("iiif",),
    ("imaging", "options", "progress"),
    ("system_errors", "samples", "machine"),
    ("stores",),
    ("records", "server"),
    ("sources",),
    ("engines", "site"),
    ("discovery", "plan"),
    ("tiles",),
    ("preflight",),
    ("publish",),
    ("maintenance",),
    ("cli",),
    ("api",),
)
"""Floors of the house, lowest first. A room imports only what lies on lower floors."""
