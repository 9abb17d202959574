"""A store that passes everything on to another one, for those that change a part of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from slide2iiif.stores.base import Capacity, Objects, Staging, Store


class WrappedStore:
    """Another store. Whatever is not defined anew is done by that one. See `Store`."""

    def __init__(self, store: Store) -> None:
        """Wrap a store."""
        self.store = store

    @property
    def place(self) -> str:
        """See `Store.place`."""
        return self.store.place

    @property
    def public(self) -> Objects:
        """See `Store.public`."""
        return self.store.public

    @property
    def private(self) -> Objects:
        """See `Store.private`."""
        return self.store.private

    @property
    def folders(self) -> tuple[Path, ...]:
        """See `Store.folders`."""
        return self.store.folders

    @property
    def atomic_publish(self) -> bool:
        """See `Store.atomic_publish`."""
        return self.store.atomic_publish

    @property
    def trusts_records(self) -> bool:
        """See `Store.trusts_records`."""
        return self.store.trusts_records

    def __enter__(self) -> Self:
        """Enter the other store."""
        self.store.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Leave the other store."""
        self.store.__exit__(*raised)

    def is_tree(self) -> bool:
        """See `Store.is_tree`."""
        return self.store.is_tree()

    def holder(self) -> str | None:
        """See `Store.holder`."""
        return self.store.holder()

    def check_free(self) -> None:
        """See `Store.check_free`."""
        self.store.check_free()

    def holds(self, identifier: str) -> bool:
        """See `Store.holds`."""
        return self.store.holds(identifier)

    def access_note(self, identifier: str) -> str:
        """See `Store.access_note`."""
        return self.store.access_note(identifier)

    def identifiers(self) -> Iterator[str]:
        """See `Store.identifiers`."""
        return self.store.identifiers()

    def capacity(self) -> Capacity | None:
        """See `Store.capacity`."""
        return self.store.capacity()

    def left_over(self) -> tuple[int, int]:
        """See `Store.left_over`."""
        return self.store.left_over()

    def resume(self, identifier: str, state: str) -> Staging | None:
        """See `Store.resume`."""
        return self.store.resume(identifier, state)

    def stage(self, identifier: str | None, state: str = "") -> Staging:
        """See `Store.stage`."""
        return self.store.stage(identifier, state)

    def publish(self, identifier: str, staging: Staging) -> None:
        """See `Store.publish`."""
        self.store.publish(identifier, staging)

    def drop(self, staging: Staging) -> None:
        """See `Store.drop`."""
        self.store.drop(staging)

    def discard(self, staging: Staging) -> None:
        """See `Store.discard`."""
        self.store.discard(staging)

    def drop_unfinished(self) -> None:
        """See `Store.drop_unfinished`."""
        self.store.drop_unfinished()

    def remove(self, identifier: str) -> None:
        """See `Store.remove`."""
        self.store.remove(identifier)
