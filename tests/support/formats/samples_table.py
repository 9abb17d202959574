"""The table of sample formats in docs/formats.md: which are published, and how, and which are refused."""

from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat
from slide2iiif.imaging.to_rgb import notes, refusal

_HEAD = ("| samples | beyond the colours | what becomes of them |", "|---|---|---|")
_ANY = (8, 16)
_GREYS = (Meaning.GREY, Meaning.INVERTED_GREY)
_KINDS = (
    *(
        (meaning, bits, Kind.UNSIGNED)
        for meaning in (Meaning.GREY, Meaning.INVERTED_GREY)
        for bits in (1, 4, 8, 12, 16)
    ),
    *((meaning, bits, Kind.UNSIGNED) for meaning in (Meaning.RGB, Meaning.CMYK) for bits in _ANY),
    (Meaning.PALETTE, 8, Kind.UNSIGNED),
    *((meaning, bits, Kind.UNSIGNED) for meaning in (Meaning.YCBCR, Meaning.LAB, Meaning.ICC_LAB) for bits in _ANY),
    (Meaning.GREY, 32, Kind.UNSIGNED),
    (Meaning.RGB, 16, Kind.SIGNED),
    (Meaning.RGB, 32, Kind.FLOAT),
    (Meaning.GREY, 64, Kind.COMPLEX),
)
_BEYOND: dict[str, tuple[Extra, ...]] = {
    "nothing": (),
    "alpha": (Extra.STRAIGHT,),
    "alpha, premultiplied": (Extra.PREMULTIPLIED,),
    "a spot colour or a selection": (Extra.UNSPECIFIED,),
}


def samples_table() -> list[str]:
    """Return the rows: one for all bits, and all that lies beyond the colours, of which the same becomes."""
    rows: dict[tuple[str, str], dict[str, list[int]]] = {}
    for meaning, bits, kind in _KINDS:
        for beyond, extras in _BEYOND.items():
            picture = PictureFormat(meaning, bits, kind, extras)
            name = str(meaning) if kind is Kind.UNSIGNED else f"{meaning}, {kind}"
            fate = f"refused: {refusal(picture)}" if refusal(picture) else "".join(notes(picture)) or "published"
            rows.setdefault((name, fate), {}).setdefault(beyond, []).append(bits)
    return [*_HEAD, *(_row(*key, found) for key, found in rows.items())]


def _row(name: str, fate: str, found: dict[str, list[int]]) -> str:
    depths = ", ".join(map(str, next(iter(found.values()))))
    beyond = "; ".join(found) if len(found) < len(_BEYOND) else "whatever"
    return f"| {name}, {depths} bits | {beyond} | {fate} |"
