"""Text and pictures that stand for a folder: on its own page, and on its card on the page above. Pure."""

from dataclasses import replace
from typing import TYPE_CHECKING

from slide2iiif.iiif.manifest import PAGE_NAME
from slide2iiif.site.cards import Card, Picture
from slide2iiif.site.labels import display_name
from slide2iiif.site.state import FolderState

if TYPE_CHECKING:
    from slide2iiif.site.pages import FolderCard


def folder_card(path: str, above: str, state: FolderState) -> "FolderCard":
    """Return the card of a folder on the page of a folder above it."""
    # With the templates, which a run that changes no page does not load.
    from slide2iiif.site.pages import FolderCard

    below = path[len(above) + 1 if above else 0 :]
    covers = [replace(each, src=f"{below}/{each.src}") for each in state.covers]
    return FolderCard(display_name(path), f"{below}/{PAGE_NAME}", _counted(state.slides, "slide"), covers)


def pick_covers(folders: "list[FolderCard]", slides: list[Card], room: int) -> list[Picture]:
    """Pick cover pictures of a folder: those of its slides, then one of each folder in it."""
    found = [card.picture for card in slides[:room]]
    return [*found, *(card.cover[0] for card in folders if card.cover)][:room]


def count_entries(folders: int, slides: int, total: int) -> str:
    """Write how many folders and slides a folder has, and how many slides in all."""
    parts = [_counted(folders, "folder")] if folders else []
    parts += [_counted(slides, "slide")] if slides or not folders else []
    return ", ".join(parts) + (f" ({_counted(total, 'slide')} in all)" if folders else "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
