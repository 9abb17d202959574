"""Addresses of places in buckets."""

import pytest

from slide2iiif.errors import UsageError
from slide2iiif.stores.bucket.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://slides", "s3://slides", ""),
        ("s3://slides/", "s3://slides", ""),
        ("s3://slides/public", "s3://slides", "public/"),
        ("s3://slides/public/2026/", "s3://slides", "public/2026/"),
        ("gs://my.slides-1/a_b", "gs://my.slides-1", "a_b/"),
        ("az://container/iiif", "az://container", "iiif/"),
    ],
)
def test_a_place_has_a_bucket_and_a_prefix(text: str, bucket: str, prefix: str) -> None:
    address = parse_address(text)
    assert address == Address(bucket, prefix)
    assert str(address) == text.rstrip("/")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://slides/public", "is no place that can be published into; name a folder, or one of s3://, gs://, az://"),
        ("S3://slides", "is no place that can be published into"),
        ("s3:/slides", "is no place that can be published into"),
        ("s3://", "nothing is no name of a bucket"),
        ("s3:///public", "nothing is no name of a bucket"),
        ("s3://Slides/public", "Slides is no name of a bucket"),
        ("s3://key:secret@slides/public", "is no name of a bucket"),
        ("s3://slides//public", "'' cannot be a part of a prefix"),
        ("s3://slides/../other", "'..' cannot be a part of a prefix"),
        ("s3://slides/a?b=c", "'a?b=c' cannot be a part of a prefix"),
        ("s3://slides/a%2Fb", "'a%2Fb' cannot be a part of a prefix"),
        ("s3://slides/a\nb", "'a\\nb' cannot be a part of a prefix"),
    ],
)
def test_what_is_no_place_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_address(text, "DEST")
    assert str(refusal.value).startswith(f"DEST {text}: ")
    assert says in str(refusal.value)


def test_one_place_lies_in_another_by_whole_parts_of_its_prefix() -> None:
    tree = parse_address("s3://slides/public")
    assert tree.holds(tree)
    assert tree.holds(tree.below(".slide2iiif"))
    assert not tree.holds(parse_address("s3://slides/public-records"))
    assert not tree.holds(parse_address("s3://other/public"))
    assert parse_address("s3://slides").holds(tree)
