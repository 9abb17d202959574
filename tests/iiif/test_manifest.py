"""Manifests and collections, held against the specification and against the library of its editors."""

import json
import re
from collections.abc import Iterator
from typing import Any

import iiif_prezi3
import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import ImageService
from slide2iiif.iiif.manifest import Member, Notice, Subject, thumbnail, write_collection, write_manifest
from slide2iiif.iiif.paths import pictures
from slide2iiif.iiif.pyramid import plan_pyramid

URI = "https://host.example/iiif/dir2/image3.svs"
NOTICE = Notice("http://creativecommons.org/licenses/by/4.0/", "Department of Pathology")
SIZES = [Size(17408, 14336), Size(3001, 2203), Size(150, 1300), Size(513, 1025), Size(300, 200), Size(1, 1)]


def subject(size: Size = SIZES[0], api: Api = Api.V2, mpp: float | None = 0.25) -> Subject:
    service = ImageService(URI, plan_pyramid(size, 256), mpp)
    return Subject("image3 <b>.svs", service, api, 40.0, "aperio", {"Stain": "H&E"})


def manifest(**options: Any) -> dict[str, Any]:
    document = json.loads(write_manifest(subject(**options), NOTICE))
    assert isinstance(document, dict)
    return document


def collection() -> dict[str, Any]:
    member = subject()
    members = [
        Member("https://host.example/iiif/ward/collection.json", "Collection", "ward"),
        Member(f"{URI}/manifest.json", "Manifest", "image3.svs", thumbnail(member.service, Api.V2)),
    ]
    uri = "https://host.example/iiif/collection.json"
    document = json.loads(write_collection(uri, "https://host.example/iiif", "Slides", members, NOTICE))
    assert isinstance(document, dict)
    return document


def every_id(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        yield from (document[key] for key in ("id", "@id") if key in document)
        for value in document.values():
            yield from every_id(value)
    elif isinstance(document, list):
        for value in document:
            yield from every_id(value)


def without_context(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "@context"}


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize("mpp", [0.25, None])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_reference_library_reads_a_manifest_and_writes_the_same(size: Size, mpp: float | None, api: Api) -> None:
    document = manifest(size=size, api=api, mpp=mpp)
    again = json.loads(iiif_prezi3.Manifest(**document).json())
    assert without_context(again) == without_context(document)


def test_the_reference_library_reads_a_collection_and_writes_the_same() -> None:
    document = collection()
    again = json.loads(iiif_prezi3.Collection(**document).json())
    assert without_context(again) == without_context(document)


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_picture_that_a_manifest_names_exists_at_the_size_it_gives(size: Size, api: Api) -> None:
    exists = {f"{URI}/{path}": each.size for each in pictures(plan_pyramid(size, 256), api) for path in each.paths}
    document = manifest(size=size, api=api)
    [canvas] = document["items"]
    body = canvas["items"][0]["items"][0]["body"]
    for image in (*document["thumbnail"], *canvas["thumbnail"], body):
        assert exists[image["id"]] == (image["width"], image["height"])


def test_a_thumbnail_is_a_plain_picture_at_a_path_that_is_the_same_for_every_slide() -> None:
    [picture] = manifest()["thumbnail"]
    assert "service" not in picture
    assert (picture["width"], picture["height"]) == (400, 329)
    assert {manifest(size=size, api=api)["thumbnail"][0]["id"] for size in SIZES for api in Api} == {picture["id"]}


@pytest.mark.parametrize("size", [Size(150, 1300), Size(120, 90)])
def test_a_narrow_slide_has_its_largest_whole_picture_for_a_thumbnail(size: Size) -> None:
    [picture] = manifest(size=size)["thumbnail"]
    assert (picture["width"], picture["height"]) == size


def test_the_canvas_has_the_pixels_of_the_slide_and_a_bare_service() -> None:
    [canvas] = manifest()["items"]
    assert (canvas["width"], canvas["height"]) == SIZES[0]
    [service] = canvas["items"][0]["items"][0]["body"]["service"]
    assert service == {"@id": URI, "@type": "ImageService2", "profile": "http://iiif.io/api/image/2/level0.json"}
    [canvas] = manifest(api=Api.V3)["items"]
    [service] = canvas["items"][0]["items"][0]["body"]["service"]
    assert service == {"id": URI, "type": "ImageService3", "profile": "level0"}


def test_the_size_of_a_pixel_is_on_the_canvas_where_it_is_known() -> None:
    [canvas] = manifest()["items"]
    [physical] = canvas["service"]
    assert (physical["physicalScale"], physical["physicalUnits"]) == (0.00025, "mm")
    assert "service" not in manifest(mpp=None)["items"][0]
    assert "service" not in manifest(mpp=4000.0)["items"][0]


def test_metadata_is_what_is_on_the_list_and_nothing_else() -> None:
    told = {entry["label"]["en"][0]: entry["value"]["none"][0] for entry in manifest()["metadata"]}
    assert told == {
        "Size": "17,408 × 14,336 px",
        "Physical size": "4.4 × 3.6 mm",
        "Resolution": "0.25 µm per pixel",
        "Objective": "40×",
        "Format": "aperio",
        "Stain": "H&E",
    }


def test_rights_and_attribution_stand_in_both_documents_where_they_are_given() -> None:
    for document in (manifest(), collection()):
        assert document["rights"] == NOTICE.rights
        assert document["requiredStatement"]["value"] == {"none": ["Department of Pathology"]}
    bare = json.loads(write_manifest(subject(), Notice()))
    assert not {"rights", "requiredStatement"} & set(bare)


def test_every_id_is_absolute_and_all_but_contexts_lie_below_the_slide() -> None:
    ids = list(every_id(manifest()))
    assert len(ids) > 5
    assert all(re.match(rf"{re.escape(URI)}(/|#|$)", each) for each in ids)


def test_the_same_slide_gives_the_same_bytes() -> None:
    assert write_manifest(subject(), NOTICE) == write_manifest(subject(), NOTICE)
