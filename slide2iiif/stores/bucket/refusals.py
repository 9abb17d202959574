"""Refusals of buckets: what obstore raises, in words that say what to do, and whether trying again can help.

obstore has a class for few of them. The others are told by the HTTP status and the code of the answer (Amazon S3, API
Reference, "Error responses"), which are in the text of the error.
"""

import re
from dataclasses import dataclass

from slide2iiif.errors import TargetError
from slide2iiif.stores.bucket.address import Address

_STATUS = re.compile(r"status code: (\d{3})", re.ASCII)
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>", re.ASCII)
_FIRST_LINE = re.compile(r"[^\n<]{1,300}")
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP status codes that say: not now."""
_SLOW = frozenset({429, 503})

_ADVICE = {
    "NoSuchBucket": "there is no such bucket; make it, or name another",
    "PermanentRedirect": "the bucket lies in another region; set AWS_REGION to it",
    "AuthorizationHeaderMalformed": "the bucket lies in another region; set AWS_REGION to it",
    "IllegalLocationConstraintException": "the bucket lies in another region; set AWS_REGION to it",
    "SignatureDoesNotMatch": "the secret key is not that of the access key",
    "InvalidAccessKeyId": "the access key is not known there",
    "ExpiredToken": "the credentials have expired; renew them, then run again: what was published stays",
    "TokenRefreshRequired": "the credentials have expired; renew them, then run again: what was published stays",
    "InvalidToken": "the session token is not valid",
    "RequestTimeTooSkewed": "the clock of this computer is wrong",
    "QuotaExceeded": "the quota of the bucket is used up",
    "EntityTooLarge": "the file is larger than the place takes",
    "AccessDenied": "no permission for that with these credentials",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answer of a bucket that is no success."""

    status: int | None
    """HTTP status; None where no answer came."""
    code: str
    """Code of the answer; empty where there is none."""
    text: str
    """First line of the error."""

    @property
    def is_retried(self) -> bool:
        """True if the same request may succeed a little later."""
        return self.status in _RETRIED if self.status is not None else not self.code

    @property
    def is_slow_down(self) -> bool:
        """True if the place asks for fewer requests."""
        return self.status in _SLOW

    @property
    def advice(self) -> str:
        """The reason in words, and the way out."""
        if self.code in _ADVICE:
            return _ADVICE[self.code]
        if self.status is None:
            return "it does not answer; is the endpoint right, and the network there?"
        if self.status in _SLOW:
            return f"it is too busy (HTTP status {self.status}); run again later, or with fewer --connections"
        if self.status in {401, 403}:
            return "no permission for that with these credentials"
        if self.status in {301, 307}:
            return _ADVICE["PermanentRedirect"]
        return f"HTTP status {self.status}{' ' if self.code else ''}{self.code}"


def refusal_of(error: BaseException) -> Refusal:
    """Return what an error of obstore says."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    first = _FIRST_LINE.search(text)
    return Refusal(int(status[1]) if status else None, code[1] if code else "", first[0] if first else "")


def target_error(error: BaseException, place: Address) -> TargetError:
    """Return the error of a place: its name, the reason and the way out."""
    if isinstance(error, TargetError):
        return error
    return TargetError(f"{place}: {refusal_of(error).advice}")
