"""Pictures that accompany a slide: told by their names, left out where a slide lies near, published when asked for."""

from pathlib import Path

import pytest

from slide2iiif.discovery.accompanying import accompanying_word, shares_stem
from slide2iiif.discovery.choice import Choice, Glob
from slide2iiif.discovery.walk import PassedOver, Slide, find_listed, walk

SAYING = [
    "case7_label", "case7-macro", "Thumbs", "x request form", "CASE7LABEL", "case7Label", "slidelabel", "Thumbnail3",
    "barcode", "QR", "overview", "case7.svs_label", "labelImage", "Macro image", "requisition",
    "Etikett", "Etikettenfoto", "Anforderung 12", "Anforderungsschein", "Übersicht", "Begleitschein",
    "U\u0308bersichtsbild",
    "étiquette", "e\u0301tiquette", "Aperçu", "code-barres", "bon de commande", "etichetta", "richiesta", "etiqueta",
    "Rótulo", "código de barras", "miniatura", "etiket", "aanvraagformulier", "etykieta", "skierowanie", "štítek",
    "översikt", "rekvisition", "remiss", "viivakoodi", "этикетка", "направление", "标签", "申请单", "ラベル",
    "バーコード",
    "라벨", "바코드",
]  # fmt: skip
SILENT = ["case7", "macrophage", "CD68 macrophages", "2024-11-03", "unlabelled", "waveform", "remission", "slide 3 he",
          "thumbprint", "platform", "quick", "", "макрофаги", "photo"]  # fmt: skip


@pytest.mark.parametrize("stem", SAYING)
def test_a_name_says_that_a_picture_accompanies_a_slide(stem: str) -> None:
    assert accompanying_word(stem)


@pytest.mark.parametrize("stem", SILENT)
def test_a_name_that_only_resembles_such_a_word_says_nothing(stem: str) -> None:
    assert not accompanying_word(stem)


@pytest.mark.parametrize(
    ("stem", "shares"),
    [("a_label", True), ("label a", True), ("alabel", True), ("albumin-label", False), ("b_label", False)],
)
def test_a_picture_shares_the_stem_of_another_image(stem: str, *, shares: bool) -> None:
    assert shares_stem(stem, {"a"}) is shares


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def passed(root: Path, choice: Choice | None = None) -> list[str]:
    return [each.path.relative_to(root).as_posix() for each in walk(root, choice) if isinstance(each, PassedOver)]


def published(root: Path, choice: Choice | None = None) -> list[str]:
    return [each.source for each in walk(root, choice) if isinstance(each, Slide)]


def test_pictures_beside_a_slide_are_passed_over_with_the_word_and_the_way_out(tmp_path: Path) -> None:
    touch(tmp_path, "x.svs", "x_label.jpg", "x_macro.tif", "x request form.jpg", "Thumbs.png", "photo.jpg")
    assert passed(tmp_path) == ["Thumbs.png", "x request form.jpg", "x_label.jpg", "x_macro.tif"]
    assert published(tmp_path) == ["photo.jpg", "x.svs"]
    [reason] = {each.reason for each in walk(tmp_path) if isinstance(each, PassedOver) and "label" in each.path.name}
    assert reason == "its name says 'label', so it may show names; --include publishes it"


def test_pictures_of_a_slide_in_the_folder_above_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "x.svs", "x/label.jpg", "labels/x.jpg", "photos/x.jpg")
    assert passed(tmp_path) == ["labels/x.jpg", "x/label.jpg"]


def test_a_picture_that_shares_the_stem_of_an_ordinary_image_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a_label.jpg", "b_macro.jpg")
    assert passed(tmp_path) == ["a_label.jpg"]


def test_a_slide_that_cannot_be_taken_still_has_its_label_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside.svs"
    outside.touch()
    touch(tmp_path, "slides/label.jpg")
    (tmp_path / "slides" / "x.svs").symlink_to(outside)
    assert passed(tmp_path / "slides") == ["label.jpg"]


def test_pictures_far_from_every_slide_are_published(tmp_path: Path) -> None:
    touch(tmp_path, "macro/beetle.jpg", "label.jpg")
    assert published(tmp_path) == ["label.jpg", "macro/beetle.jpg"]


def test_pictures_that_are_asked_for_are_published_and_no_other(tmp_path: Path) -> None:
    touch(tmp_path, "x.svs", "x_label.jpg", "x_macro.jpg")
    assert passed(tmp_path, Choice(include=(Glob("*_MACRO.*"),))) == ["x_label.jpg"]


def test_one_picture_named_as_the_source_is_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "x.svs", "x_label.jpg")
    assert [type(each) for each in walk(tmp_path / "x_label.jpg")] == [Slide]


def test_a_listed_picture_is_passed_over_as_the_walk_does(tmp_path: Path) -> None:
    touch(tmp_path, "x.svs", "x_label.jpg")
    assert [type(each) for each in find_listed(tmp_path, ["x_label.jpg", "x.svs"])] == [PassedOver, Slide]
