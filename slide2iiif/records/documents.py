"""Documents of a slide, written from its receipt: the `info.json` of its services, and its colour profile."""

from collections.abc import Iterable
from dataclasses import replace

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import DOCUMENT_NAME, PROFILE_NAME, other_document_name, read_info, write_info
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Staging, Store


def documents(receipt: Receipt, api: Api) -> list[tuple[str, bytes]]:
    """Return the documents of a slide as pairs of name and content, the `info.json` that announces it last."""
    found = [(PROFILE_NAME, receipt.profile_bytes)] if receipt.profile else []
    versions = [api] if receipt.other_base_url is None else [api.other, api]
    for version in versions:
        name = DOCUMENT_NAME if version is api else other_document_name(api)
        for place, service in receipt.associated_services(version):
            found.append((f"{place}/{name}", write_info(service, version)))
        found.append((name, write_info(receipt.service(version), version)))
    return found


def put_documents(receipt: Receipt, pages: Iterable[tuple[str, bytes]], staging: Staging) -> None:
    """Put the pages and documents of a slide into its staging, the `info.json` that announces it last.

    Raises:
        TargetError: the store cannot take a file.
    """
    with staging.opened() as place:
        for name, content in (*pages, *documents(receipt, Api(receipt.settings.api))):
            place.put([name], content)


def document_names(receipt: Receipt, pages: Iterable[tuple[str, bytes]]) -> list[str]:
    """List the names of the pages and documents of a slide."""
    return [name for name, _ in (*pages, *documents(receipt, Api(receipt.settings.api)))]


def write_changed(store: Store, identifier: str, files: Iterable[tuple[str, bytes]]) -> None:
    """Write those documents or pages of a published slide, given by name and content, that differ from what is there.

    Raises:
        TargetError: the place cannot take them.
    """
    for name, content in files:
        path = f"{identifier}/{name}"
        if store.public.read(path) != content:
            store.public.write(path, content, durable=True)


def is_published(store: Store, receipt: Receipt) -> bool:
    """Return True if the version of a slide that a receipt describes is published, under any base URL.

    The receipt of a killed run may describe a version that was never published: then there is nothing, or an older
    version, whose documents differ from those of the receipt.
    """
    if receipt.fingerprint:
        return store.trusts_records or store.holds(receipt.identifier)
    api = Api(receipt.settings.api)
    beside = {f"{place}/": service for place, service in receipt.associated_services(api)}
    services = {"": receipt.service(api), **beside}
    return all(
        read_info(store.public.read(f"{receipt.identifier}/{place}{DOCUMENT_NAME}") or b"") == (service.pyramid, api)
        for place, service in services.items()
    )


def has_own_ids(store: Store, receipt: Receipt) -> bool:
    """Return True if the documents of a slide have the ids of its receipt; not so after an interrupted move.

    Only the ids are searched: to write and compare whole documents would take longer than everything else that an
    unchanged slide takes.
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


def move(
    store: Store,
    receipts: Receipts,
    receipt: Receipt,
    base_url: str,
    other_base_url: str,
    renewed: Receipt | None = None,
) -> bool:
    """Write documents and receipt of a slide for other base URLs; return True if any of them changed.

    Args:
        store: the tree.
        receipts: receipts of the tree.
        receipt: of the slide.
        base_url: base of all ids.
        other_base_url: base of the ids of the version that the tree is not stored in.
        renewed: receipt to write the documents from, where they differ by more than their ids.
    """
    api = Api(receipt.settings.api)
    moved = (renewed or receipt).moved(base_url, other_base_url if api is Api.V2 else None)
    if moved == receipt and (store.trusts_records or has_own_ids(store, receipt)):
        return False
    if store.trusts_records:
        # Nobody looks at the documents of what is on record: until all are written, this slide is not.
        receipts.write(replace(receipt, fingerprint=""))
    written = documents(moved, api)
    is_written = all(store.public.read(f"{receipt.identifier}/{name}") == content for name, content in written)
    if not is_written:
        for name, content in written:
            store.public.write(f"{receipt.identifier}/{name}", content, durable=True)
    # A move may have been cut short between the two.
    if moved != receipt:
        receipts.write(moved)
    return not is_written or moved != receipt
