"""Content of files that were passed over, kept for a while.

An upper layer may claim one name of a file and leave another: the hard link that follows in
the tar then needs the content of the name that was passed over. Writers put links soon after
their target, so a small store saves reading the layer a second time.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from imgforensics.layer.entry import LayerEntry

LARGEST = 1 << 20
"""Content of more bytes is not kept."""
CAPACITY = 8 << 20
"""Bytes kept altogether; the oldest content gives way."""
_COST = 256
"""Bytes that a spare takes beside its content, so that empty ones are not kept without end."""


class Spare(NamedTuple):
    """A file that was passed over, and its stored content."""

    entry: LayerEntry
    content: bytes


class Spares:
    """The files of one layer that were passed over lately, by path."""

    def __init__(self) -> None:
        self._spares: OrderedDict[bytes, Spare] = OrderedDict()
        self._size = 0

    def keep(self, entry: LayerEntry, content: Iterable[memoryview]) -> None:
        """Keep a file that was passed over, if it is small enough."""
        earlier = self._spares.get(entry.path)
        if earlier is not None:
            self.drop(earlier)
        if entry.member.stored_size <= LARGEST:
            self._spares[entry.path] = spare = Spare(entry, b"".join(content))
            self._size += len(spare.content) + _COST
            while self._size > CAPACITY:
                self.drop(next(iter(self._spares.values())))

    def get(self, path: bytes) -> Spare | None:
        """The file passed over at this path, if it is still here."""
        return self._spares.get(path)

    def drop(self, spare: Spare) -> None:
        """Forget one, and make room."""
        if self._spares.pop(spare.entry.path, None) is not None:
            self._size -= len(spare.content) + _COST
