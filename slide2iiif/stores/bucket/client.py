"""Clients of buckets, one for each process: obstore is imported here only, and never before workers are forked."""

import functools
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slide2iiif.errors import TargetError, UsageError
from slide2iiif.stores.bucket.address import SCHEMES, Address

PACKAGE = "slide2iiif[s3]"
"""Extra that brings what buckets need."""

_SECONDS = timedelta(seconds=20)
"""Time for one request; a lock that is asked for while others race for it may hang for ever without."""
_CONNECT_SECONDS = timedelta(seconds=5)
_RETRY_SECONDS = timedelta(seconds=45)
"""Time after which a request is not tried again."""
_RETRIES = 8

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_LENDERS = {
    "gs": (
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
        ),
        ("~/.config/gcloud/application_default_credentials.json",),
        "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or log in with gcloud",
    ),
    "az": (
        (
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_TOKEN",
            "AZURE_CLIENT_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_STORAGE_USE_EMULATOR",
        ),
        (),
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or a token",
    ),
}
"""Variables and files that name credentials of other clouds, and how to set them."""
_LENT = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""Variables by which a service lends credentials: web identity, containers."""


def load() -> Any:
    """Import obstore.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import obstore
        import obstore.exceptions
    except ImportError:
        raise UsageError(f"buckets need a package that is not there: pip install '{PACKAGE}'") from None
    return obstore


@functools.lru_cache(maxsize=16)
def open_client(bucket: str, *, retries: bool = True, anonymous: bool = False) -> Any:
    """Return the client of a bucket: the same one for each call in this process.

    Args:
        bucket: URL of the bucket.
        retries: False for requests whose refusals the caller counts and tries again.
        anonymous: True to ask as anybody would.

    Raises:
        UsageError: obstore is not installed.
        TargetError: there are no credentials.
    """
    obstore = load()
    try:
        return _open(bucket, retries=retries, anonymous=anonymous)
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise TargetError(f"{bucket}: cannot be opened: {str(error).splitlines()[0][:200]}") from None


def _open(bucket: str, *, retries: bool, anonymous: bool) -> Any:
    from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

    scheme, _, name = bucket.partition("://")
    if scheme == "file":
        return LocalStore(name, mkdir=True, automatic_cleanup=True)
    if scheme == "memory":
        return _memory(name, MemoryStore)
    retry: Any = {"max_retries": _RETRIES if retries else 0, "retry_timeout": _RETRY_SECONDS}
    options: Any = {"timeout": _SECONDS, "connect_timeout": _CONNECT_SECONDS, "allow_http": _is_plain(scheme)}
    if scheme in _LENDERS and not anonymous:
        _check_named(scheme, bucket)
    if scheme == "gs":
        return GCSStore(name, client_options=options, retry_config=retry, skip_signature=anonymous)
    if scheme == "az":
        return AzureStore(name, client_options=options, retry_config=retry, skip_signature=anonymous)
    given: dict[str, Any] = {"skip_signature": True} if anonymous else _credentials(bucket)
    endpoint = _endpoint()
    if endpoint:
        given["endpoint"] = endpoint
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return S3Store(name, region=region or "us-east-1", client_options=options, retry_config=retry, **given)


def _check_named(scheme: str, bucket: str) -> None:
    """Check that the user has named credentials: without, the client would ask the metadata address of a cloud.

    Raises:
        TargetError: there are none.
    """
    names, files, said = _LENDERS[scheme]
    if any(os.environ.get(name) for name in names) or any(Path(file).expanduser().is_file() for file in files):
        return
    raise TargetError(f"{bucket}: no credentials: set {said}")


def put(bucket: str, key: str, content: Any, headers: dict[str, str], **how: Any) -> Any:
    """Put an object with headers; see `obstore.put`. A folder on disk keeps none."""
    client = open_client(bucket, retries=how.pop("retries", True))
    return load().put(client, key, content, attributes=None if bucket.startswith("file://") else headers, **how)


@functools.lru_cache
def _memory(name: str, kind: Any) -> Any:
    """Return the bucket of a name in this process's memory."""
    del name
    return kind()


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def _is_plain(scheme: str) -> bool:
    """Return True if the endpoint that the user named is http: it is taken at its word."""
    named = _endpoint() if scheme == "s3" else os.environ.get("AZURE_STORAGE_ENDPOINT", "") if scheme == "az" else ""
    return urlsplit(named or "").scheme == "http"


def _credentials(bucket: str) -> dict[str, Any]:
    """Find credentials by the usual chain; return what the client must be told beyond its own reading of variables.

    Raises:
        TargetError: there are none.
    """
    if all(os.environ.get(name) for name in _KEYS) or any(os.environ.get(name) for name in _LENT):
        return {}
    found = _profile_credentials()
    if found is not None:
        return {"credential_provider": found}
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "false":
        # The user says that this machine has a role; the client asks the metadata address for it.
        return {}
    raise TargetError(
        f"{bucket}: no credentials: set {' and '.join(_KEYS)}, or AWS_PROFILE, or a web identity; on a machine with a "
        "role of its own set AWS_EC2_METADATA_DISABLED=false"
    )


def _profile_credentials() -> Any:
    """Return what asks boto3 for the credentials of a profile; None where the user has none."""
    home = os.path.expanduser("~/.aws")
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", f"{home}/credentials"),
        os.environ.get("AWS_CONFIG_FILE", f"{home}/config"),
    )
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if not profile and not any(os.path.isfile(path) for path in files):
        return None
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise UsageError(f"profiles of AWS need a package that is not there: pip install '{PACKAGE}'") from None
    # What boto3 would find for itself: never the metadata address without a word.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    try:
        session = boto3.session.Session(profile_name=profile)
        if session.get_credentials() is None:
            return None
        return Boto3CredentialProvider(session)
    except BotoCoreError as error:
        raise TargetError(f"the AWS profile cannot be used: {error}") from None


def is_readable_by_anybody(address: Address, key: str) -> bool:
    """Return True if an object can be read without credentials."""
    if address.bucket.partition("://")[0] not in SCHEMES:
        return False
    obstore = load()
    try:
        obstore.get(open_client(address.bucket, retries=False, anonymous=True), address.prefix + key)
    except (OSError, obstore.exceptions.BaseError):
        return False
    return True
