"""Refusals of buckets in words."""

import pytest

from slide2iiif.errors import TargetError
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.refusals import refusal_of, target_error

PLACE = Address("s3://slides", "public/")


def answered(status: int, code: str) -> Exception:
    """Return an error as obstore words it."""
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>m</Message></Error>" if code else ""
    return RuntimeError(
        f"Generic S3 error: Error performing PUT http://h/slides/k in 1ms - "
        f"Server returned non-2xx status code: {status} Some Words: {body}\n\nDebug source:\nGeneric {{ status: 200 }}"
    )


@pytest.mark.parametrize(
    ("status", "code", "is_retried", "says"),
    [
        (404, "NoSuchBucket", False, "there is no such bucket; make it, or name another"),
        (301, "PermanentRedirect", False, "the bucket lies in another region; set AWS_REGION to it"),
        (400, "AuthorizationHeaderMalformed", False, "the bucket lies in another region; set AWS_REGION to it"),
        (403, "AccessDenied", False, "no permission for that with these credentials"),
        (403, "", False, "no permission for that with these credentials"),
        (403, "SignatureDoesNotMatch", False, "the secret key is not that of the access key"),
        (400, "ExpiredToken", False, "the credentials have expired; renew them, then run again"),
        (503, "SlowDown", True, "it is too busy (HTTP status 503); run again later, or with fewer --connections"),
        (500, "InternalError", True, "HTTP status 500 InternalError"),
        (429, "", True, "it is too busy (HTTP status 429)"),
        (507, "QuotaExceeded", False, "the quota of the bucket is used up"),
    ],
)
def test_each_answer_is_told_with_what_to_do(status: int, code: str, is_retried: bool, says: str) -> None:  # noqa: FBT001
    error = answered(status, code)
    assert refusal_of(error).status == status
    assert refusal_of(error).is_retried is is_retried
    told = target_error(error, PLACE)
    assert isinstance(told, TargetError)
    assert str(told).startswith(f"s3://slides/public: {says}")
    assert "\n" not in str(told)


def test_no_answer_is_told_as_that_and_tried_again() -> None:
    error = RuntimeError("Generic S3 error: Error performing GET http://h/k in 1µs - HTTP error: error sending request")
    assert refusal_of(error).is_retried
    assert "it does not answer; is the endpoint right, and the network there?" in str(target_error(error, PLACE))
