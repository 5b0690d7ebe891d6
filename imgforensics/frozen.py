"""A mapping that nobody can change."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class FrozenMapping(Mapping[Key, Value]):
    """A copy of a mapping; unlike `MappingProxyType`, other processes can be sent it."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Key, Value]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: Key) -> Value:
        return self._items[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def keys(self) -> KeysView[Key]:
        """A dict's view: many small mappings are compared and copied."""
        return self._items.keys()

    def items(self) -> ItemsView[Key, Value]:
        """A dict's view, as well."""
        return self._items.items()

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, FrozenMapping) else other)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMapping({self._items})"
