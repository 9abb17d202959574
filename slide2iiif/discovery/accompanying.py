"""Pictures that accompany a slide: its label, the whole glass, a thumbnail, the form that came with it.

Scanners and people put them beside the slide as ordinary images. They show names and numbers, so a name that says such
a picture is enough to leave it out, in the languages of many laboratories.
"""

import re
import unicodedata
from collections.abc import Set as AbstractSet


def _listed(text: str) -> tuple[str, ...]:
    """Return the words of a text, without what stands behind a `#`."""
    return tuple(word for line in text.splitlines() for word in line.partition("#")[0].split())


_WORDS = frozenset(
    _listed("""
    label labels macro macros thumb thumbs overview overviews preview previews barcode qr
    request requests requisition referral form forms report reports
    makro formular zettel laufzettel schein auftrag befund befundbericht    # German
    formulaire                                                              # French
    formulario rotulo                                                       # Spanish, Portuguese, Italian
    naklejka nalepka stitek zadanka                                         # Polish, Czech
    remiss remissen                                                         # Swedish
    lahete kuvake esikatselu                                                # Finnish
    onizleme istem                                                          # Turkish
    макро направление обзор превью бланк заявка                             # Russian
    """)
)
"""Words that a name must have as such: a longer word with one of them in it may be another one (macrophage)."""

_STEMS = _listed("""
    thumbnail barcode qrcode datamatrix slidelabel glasslabel scanlabel slidemacro slideoverview
    requestform orderform requisitionform referralform specimenform consentform
    etiket etiquet etichett etykiet                                         # label, in a dozen languages
    anforderung einsendeschein einsendezettel begleitschein begleitzettel auftragsschein untersuchungsauftrag
    uberweisung ueberweisung laborschein strichcode ubersicht uebersicht vorschau miniatur         # German
    apercu vignette codebarre codeabarre codesbarres bondecommande bondexamen bondedemande
    demandedexamen feuillededemande prescription ordonnance                 # French
    anteprima richiesta impegnativa codiceabarre panoramica                 # Italian
    solicitud peticion codigodebarras codigobarras solicitacao requisicao   # Spanish, Portuguese
    aanvraag overzicht streepjescode                                        # Dutch
    skierowanie kodkreskowy podglad carovykod ziadanka                      # Polish, Czech, Slovak
    oversikt oversigt rekvisition rekvisisjon streckkod stregkode strekkode # Swedish, Danish, Norwegian
    viivakoodi barkod kucukresim istemformu                                 # Finnish, Turkish
    этикет ярлык штрихкод миниатюр ετικετ                                   # Russian, Greek
    """)
"""Parts of words and phrases, without spaces and accents, that mean nothing else wherever they are."""

_SIGNS = _listed("""
    标签 標籤 標簽 宏观 宏觀 缩略 縮圖 縮略 预览 預覽 条码 條碼 条形码 條形碼 申请单 申請單 送检单 送檢單  # Chinese
    ラベル マクロ サムネイル サムネール バーコード 依頼書 依頼票 申込書     # Japanese
    라벨 레이블 매크로 썸네일 섬네일 바코드 의뢰서 신청서                   # Korean
    ملصق باركود תווית ברקוד                                                 # Arabic, Hebrew
    """)
"""Words of languages that write without spaces or without letters of ours."""

_PICTURE = re.compile(r"(?:images?|img|pictures?|pics?|photos?|fotos?|bild|bilder|foto|scan|kuva)$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTERS = re.compile(r"[\W\d_]+")


def accompanying_word(stem: str) -> str:
    """Return the word in a name, without its suffix, that says that the picture accompanies a slide; empty for none."""
    whole = unicodedata.normalize("NFC", stem).casefold()
    sign = next((each for each in _SIGNS if each in whole), "")
    if sign:
        return sign
    bare = "".join(each for each in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(each))
    words = _NO_LETTERS.split(_CAMEL.sub(" ", bare).casefold())
    for word in words:
        if word in _WORDS or (found := _PICTURE.sub("", word)) in _WORDS:
            return word if word in _WORDS else found
    joined = "".join(words)
    return next((each for each in _STEMS if each in joined), "")


def shares_stem(stem: str, stems: AbstractSet[str]) -> bool:
    """Return whether a name begins or ends with the name of another image, in lower case, apart from the word for it.

    Args:
        stem: the name, in lower case, without its suffix.
        stems: names of the images beside it, in lower case, without their suffixes.
    """
    return any(
        (stem[:cut] in stems and _is_apart(stem[cut:], 0)) or (stem[cut:] in stems and _is_apart(stem[:cut], -1))
        for cut in range(1, len(stem))
    )


def _is_apart(rest: str, at: int) -> bool:
    """Return whether what is left of a name begins (0) or ends (-1) beside the other name's end, or is all a word."""
    return not rest[at].isalnum() or rest in _WORDS
