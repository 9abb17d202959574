"""The documents of a slide: what its receipt says, as the files that viewers open."""

from collections.abc import Iterable

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import DOCUMENT_NAME, PROFILE_NAME, other_document_name, read_info, write_info
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Staging, Store


def documents(receipt: Receipt, api: Api) -> list[tuple[str, bytes]]:
    """Give the documents of a slide by name, the one that announces it last."""
    found = [(PROFILE_NAME, receipt.profile_bytes)] if receipt.profile else []
    versions = [api] if receipt.other_base_url is None else [api.other, api]
    for version in versions:
        name = DOCUMENT_NAME if version is api else other_document_name(api)
        for place, service in receipt.associated_services(version):
            found.append((f"{place}/{name}", write_info(service, version)))
        found.append((name, write_info(receipt.service(version), version)))
    return found


def put_documents(receipt: Receipt, pages: Iterable[tuple[str, bytes]], staging: Staging) -> None:
    """Put the pages and documents of a slide into its staging, the one that announces it last.

    Raises:
        TargetError: the store cannot take a file.
    """
    with staging.opened() as place:
        for name, content in (*pages, *documents(receipt, Api(receipt.settings.api))):
            place.put([name], content)


def is_published(store: Store, receipt: Receipt) -> bool:
    """Tell whether what a receipt speaks of is there, whatever its ids.

    A run that was killed may have announced what it did not come to publish: then nothing is there, or an older
    version, which other documents than those of the receipt belong to.
    """
    if receipt.fingerprint:
        return store.holds(receipt.identifier)
    api = Api(receipt.settings.api)
    beside = {f"{place}/": service for place, service in receipt.associated_services(api)}
    services = {"": receipt.service(api), **beside}
    return all(
        read_info(store.public.read(f"{receipt.identifier}/{place}{DOCUMENT_NAME}") or b"") == (service.pyramid, api)
        for place, service in services.items()
    )


def has_own_ids(store: Store, receipt: Receipt) -> bool:
    """Tell whether a slide's documents have the ids that its receipt says; a move may have been cut short.

    They are not written for it and compared: that takes longer than all else that a slide costs that is unchanged.
    """
    api = Api(receipt.settings.api)
    names = {DOCUMENT_NAME: receipt.base_url}
    if receipt.other_base_url is not None:
        names[other_document_name(api)] = receipt.other_base_url
    for place in ("", *(f"/{place}" for place in receipt.associated)):
        for name, base in names.items():
            identity = f'"{base}/{receipt.identifier}{place}"'.encode()
            if identity not in (store.public.read(f"{receipt.identifier}{place}/{name}") or b""):
                return False
    return True


def move(store: Store, receipts: Receipts, receipt: Receipt, base_url: str, other_base_url: str) -> bool:
    """Write a slide's documents for other base URLs, and tell whether they, or their receipt, were not so already."""
    api = Api(receipt.settings.api)
    moved = receipt.moved(base_url, other_base_url if api is Api.V2 else None)
    if moved == receipt and has_own_ids(store, receipt):
        return False
    written = documents(moved, api)
    is_written = all(store.public.read(f"{receipt.identifier}/{name}") == content for name, content in written)
    if not is_written:
        for name, content in written:
            store.public.write(f"{receipt.identifier}/{name}", content, durable=True)
    # A move may have been cut short between the two.
    if moved != receipt:
        receipts.write(moved)
    return not is_written or moved != receipt
