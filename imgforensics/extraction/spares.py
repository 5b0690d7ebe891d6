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
DISTANCE = 2 << 20
"""Bytes of the tar over which content is kept: with them pass the headers of all that is kept, and
the pieces that hold it."""


class Spare(NamedTuple):
    """A file that was passed over, and its stored content."""

    entry: LayerEntry
    content: tuple[memoryview, ...]


class Spares:
    """The files of one layer that were passed over lately, by path."""

    def __init__(self) -> None:
        self._spares: OrderedDict[bytes, Spare] = OrderedDict()

    def keep(self, entry: LayerEntry, content: Iterable[memoryview]) -> None:
        """Keep a file that was passed over, if it is small enough."""
        spares = self._spares
        spares.pop(entry.path, None)
        if entry.member.stored_size <= LARGEST:
            if not isinstance(content, tuple):
                content = (memoryview(b"".join(content)),)
            spares[entry.path] = Spare(entry, content)
            horizon = entry.member.data_offset - DISTANCE
            while next(iter(spares.values())).entry.member.data_offset < horizon:
                spares.popitem(last=False)

    def get(self, path: bytes) -> Spare | None:
        """The file passed over at this path, if it is still here."""
        return self._spares.get(path)

    def drop(self, spare: Spare) -> None:
        """Forget one that was used."""
        self._spares.pop(spare.entry.path, None)
