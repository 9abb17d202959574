"""Options that make no difference to a slide that is published: its receipt proves it, so it is not made anew.

Each option is judged by what it can change. Where the receipt proves nothing, because the slide itself would have to be
asked, the slide is made anew; what comes out of that may still be what is published, and then stays.
"""

from collections.abc import Iterable
from dataclasses import fields, replace

from slide2iiif.options import Blank, Check, Damaged, Icc
from slide2iiif.records.receipt import Receipt, Settings


def is_made_as(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if a slide would come out with the files that it has, documents apart.

    The documents follow from the receipt; see `with_pixel_size`.
    """
    had = receipt.settings
    if had == wanted:
        return True
    differing = {each.name for each in fields(Settings) if getattr(had, each.name) != getattr(wanted, each.name)}
    return all(name in _PROOFS and _PROOFS[name](receipt, wanted) for name in differing)


def with_pixel_size(receipt: Receipt, wanted: Settings) -> Receipt:
    """Return a receipt with the pixel size that the options ask for; as it is where they leave it to the slide."""
    if wanted.mpp is None or receipt.settings.mpp == wanted.mpp:
        return receipt
    return replace(receipt, settings=replace(receipt.settings, mpp=wanted.mpp), microns_per_pixel=wanted.mpp)


def _is_same_check(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if no tile is copied, as only those are checked, or if the check that they passed was as strict."""
    return not _copies(receipt) or _is_strict(receipt.settings) >= _is_strict(wanted)


def _is_same_damage(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if there is no damage to handle, and the strict check that goes with placeholders was passed."""
    return not receipt.damaged and _is_same_check(receipt, wanted)


def _is_same_profile(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if the slide has no profile to ignore: none was published, though it was asked for."""
    return receipt.settings.icc == Icc.EMBED and wanted.icc == Icc.IGNORE and not receipt.profile


def _is_same_pixel_size(_receipt: Receipt, wanted: Settings) -> bool:
    """Return True for a number that is given: it stands in documents only. That of the slide is not known here."""
    return wanted.mpp is not None


def _is_same_blank(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if there are no tiles of one colour; they are counted only where they are linked."""
    return wanted.blank == Blank.COPY and not receipt.blank


def _are_same_pictures(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if pictures are left out that the slide has not."""
    has = {place.rpartition("/")[2] for place in receipt.associated}
    return _only_vain_left_out(receipt.settings.associated, wanted.associated, has)


def _are_same_properties(receipt: Receipt, wanted: Settings) -> bool:
    """Return True if properties are left out that the slide has not."""
    return _only_vain_left_out(receipt.settings.properties, wanted.properties, receipt.published_properties)


_PROOFS = {
    "check": _is_same_check,
    "damaged": _is_same_damage,
    "icc": _is_same_profile,
    "mpp": _is_same_pixel_size,
    "blank": _is_same_blank,
    "associated": _are_same_pictures,
    "properties": _are_same_properties,
}
"""Proof that another value makes no difference, for each option that has one."""


def _copies(receipt: Receipt) -> bool:
    return any(level.get("copied") or level.get("cropped") for level in receipt.levels)


def _is_strict(settings: Settings) -> bool:
    return settings.check == Check.STRICT or settings.damaged == Damaged.PLACEHOLDER


def _only_vain_left_out(had: str, wanted: str, found: Iterable[str]) -> bool:
    """Return True if of the names that were asked for only some are left out, all of which the slide has not."""
    before, now = ([name for name in names.split(",") if name] for names in (had, wanted))
    left = [name for name in before if name in now]
    return left == now and set(found).isdisjoint(set(before) - set(now))
